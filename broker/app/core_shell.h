// The broker's core inside its one thread: calls and streams come in from any
// thread, and what they promise goes out once their group is on disk.
#ifndef YIZHAN_BROKER_APP_CORE_SHELL_H_
#define YIZHAN_BROKER_APP_CORE_SHELL_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/platform/clock/clock.h"
#include "adapters/platform/kv/batch_writer.h"
#include "adapters/platform/loop/group_loop.h"
#include "adapters/platform/rpc/message_stream.h"
#include "broker/app/broker_metrics.h"
#include "broker/service/broker_core.h"
#include "broker/service/link_run_host.h"
#include "broker/service/link_runs.h"
#include "yizhan/v1/exchange.pb.h"

namespace yizhan::broker {

// What a call sees on the core's thread.
struct CoreAccess {
  BrokerCore& core;
  LinkRuns& link_runs;
  Moment now;
};

// Public methods from any thread. What the options point to must outlive it.
//
// A group is written by a thread of its own while the core works on the next
// one; what it lets out is serialized and sent by a third, in the order of the
// groups.
//
// Invariants:
//  1. A reply is called exactly once: after its group is on disk, on the writer's
//     or the core's thread, or with an error when it never got there.
//  2. After the first failed commit nothing is taken in and nothing goes out.
class CoreShell {
 public:
  struct Options {
    BrokerCore::Options core;
    const platform::Clock* clock = nullptr;
    BrokerMetrics* metrics = nullptr;
    std::function<std::uint64_t()> free_disk_bytes;
    // Called once, on the core's thread, after the first failed commit.
    std::function<void(const absl::Status&)> on_failure;
  };
  static absl::StatusOr<std::unique_ptr<CoreShell>> Start(Options options);
  ~CoreShell();

  using SubmitStream = platform::MessageStream<v1::SubmitRequest, v1::SubmitResponse>;
  using ReceiveStream = platform::MessageStream<v1::ReceiveRequest, v1::ReceiveResponse>;
  // Serves the stream until it ends.
  void ServeSubmit(std::shared_ptr<SubmitStream> stream, const BrokerCore::Caller& caller);
  void ServeReceive(std::shared_ptr<ReceiveStream> stream, const BrokerCore::Caller& caller);

  // Runs `work` on the core's thread; `reply` gets its status after the commit.
  using Work = std::function<absl::Status(const CoreAccess&)>;
  using Reply = std::function<void(const absl::Status&)>;
  void Call(Work work, Reply reply);

  // No new deliveries, and the streams end with SHUTTING_DOWN; to be called
  // before the server shuts down, which waits for them.
  void BeginStop();
  // Commits what came in, then stops. Idempotent. No stream may be served any more.
  void Stop();

 private:
  class Promise;
  explicit CoreShell(Options options);
  struct Sending;
  struct Leaving;
  absl::Status Commit();
  void Tick();
  std::vector<Sending> Address(std::vector<Effect> effects);
  void LetOut(Leaving& leaving, absl::Duration took);
  void SendOut(std::function<void()> what);
  template <typename In, typename Out>
  void Serve(std::shared_ptr<platform::MessageStream<In, Out>> stream,
             const BrokerCore::Caller& caller,
             void (BrokerCore::*handle)(StreamId, const BrokerCore::Caller&, const In&, Moment),
             std::map<StreamId, std::shared_ptr<platform::MessageStream<In, Out>>>* streams);
  Moment Now() const;
  void FlushLog();

  const Options options_;
  std::atomic<std::uint64_t> next_stream_{1};

  // Core's thread alone.
  std::unique_ptr<BrokerCore> core_;
  std::unique_ptr<CoreLinkRunHost> host_;
  std::unique_ptr<LinkRuns> link_runs_;
  std::map<StreamId, std::shared_ptr<SubmitStream>> submits_;
  std::map<StreamId, std::shared_ptr<ReceiveStream>> receives_;
  std::vector<std::shared_ptr<Promise>> promises_;   // of the open group
  std::vector<std::function<void()>> after_commit_;  // of the open group
  absl::Duration next_metrics_;
  std::size_t group_size_ = 0;

  std::unique_ptr<platform::GroupLoop> out_;
  std::unique_ptr<platform::BatchWriter> writer_;
  std::unique_ptr<platform::GroupLoop> loop_;  // last: its thread uses the rest
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_APP_CORE_SHELL_H_
