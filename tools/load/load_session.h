// One province's business session with the broker, as its node would open it.
#ifndef YIZHAN_TOOLS_LOAD_LOAD_SESSION_H_
#define YIZHAN_TOOLS_LOAD_LOAD_SESSION_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/platform/mutex/mutex.h"
#include "adapters/platform/rpc/message_stream.h"
#include "protos/contract/control.h"
#include "protos/contract/crypto.h"
#include "tools/load/load_party.h"
#include "yizhan/v1/exchange.pb.h"

namespace yizhan::tools {

// Methods from any thread. The events come on gRPC's threads and must not block.
class LoadSession {
 public:
  struct Events {
    std::function<void(const v1::SubmitResponse&)> on_results;
    std::function<void(const v1::ReceiveResponse&)> on_received;
    // Before Close: a stream ended by itself.
    std::function<void(const absl::Status&)> on_lost;
  };
  // Errors are the broker's: SESSION..., UNAVAILABLE.
  static absl::StatusOr<std::unique_ptr<LoadSession>> Open(const LoadParty& party,
                                                           contract::Random& random, Events events);
  ~LoadSession();  // closes, and returns when no event runs any more

  // Opens the streams; events come from now on. Once.
  void Start();
  // What the session's records say about their issuer.
  const contract::ControlIssuer& issuer() const { return issuer_; }
  void Submit(v1::SubmitRequest request);
  void Receive(v1::ReceiveRequest request);
  void Close();

 private:
  LoadSession(const LoadParty& party, Events events)
      : events_(std::move(events)), channel_(party.channel) {}
  absl::Status Begin(contract::ProvinceCode province, contract::Random& random);
  template <typename Stream, typename In>
  void StartStream(Stream& stream, const std::function<void(const In&)>& handle);
  void OnClosed(const absl::Status& status);

  const Events events_;
  const std::shared_ptr<grpc::Channel> channel_;
  contract::ControlIssuer issuer_;  // constant after Open
  std::uint64_t number_ = 0;        // likewise
  std::shared_ptr<platform::MessageStream<v1::SubmitResponse, v1::SubmitRequest>> submit_;
  std::shared_ptr<platform::MessageStream<v1::ReceiveResponse, v1::ReceiveRequest>> receive_;

  platform::Mutex mutex_;
  platform::CondVar ended_;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_LOAD_LOAD_SESSION_H_
