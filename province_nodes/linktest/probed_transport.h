// The business transport with a door for single items that are of no outbox.
#ifndef YIZHAN_PROVINCE_NODES_LINKTEST_PROBED_TRANSPORT_H_
#define YIZHAN_PROVINCE_NODES_LINKTEST_PROBED_TRANSPORT_H_

#include <cstdint>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "adapters/platform/mutex/mutex.h"
#include "province_nodes/linktest/link_test_deps.h"
#include "province_nodes/session/transport.h"

namespace yizhan::node {

// Transport: the core's thread. Submit: any thread. OnUnknownResult: where the
// core's observer is called. `next` and what `post` captured must outlive this
// object.
//  1. Nothing is sent before the submit stream's hello, nor while no session is open.
//  2. At most kMaxWaiting probes wait for an answer; the oldest is forgotten first.
class ProbedTransport final : public Transport, public BusinessProbe {
 public:
  static constexpr std::size_t kMaxWaiting = 256;

  ProbedTransport(Transport* next, PostCoreEvent post) : next_(next), post_(std::move(post)) {}

  void Submit(v1::SubmitItem item, OnResult on_result) override;
  // From NodeObserver::OnUnknownResult of the business core.
  void OnUnknownResult(const v1::SubmitResult& result);

  void OpenSession(const v1::OpenSessionRequest& request) override;
  void SendSubmit(v1::SubmitRequest request) override;
  void SendReceive(v1::ReceiveRequest request) override { next_->SendReceive(std::move(request)); }
  void CloseSession() override;
  void FetchDirectory(const v1::FetchEntriesRequest& request) override {
    next_->FetchDirectory(request);
  }
  void AppendEntry(const v1::AppendEntryRequest& request) override { next_->AppendEntry(request); }

 private:
  Transport* const next_;
  const PostCoreEvent post_;
  bool greeted_ = false;  // the core's thread

  platform::Mutex mutex_;
  std::uint64_t last_tag_ ABSL_GUARDED_BY(mutex_) = kTapTag;
  std::map<std::uint64_t, OnResult> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_LINKTEST_PROBED_TRANSPORT_H_
