// Waits for changes of cases, for one watching stream.
#ifndef YIZHAN_PROVINCE_NODES_GATEWAY_WATCH_H_
#define YIZHAN_PROVINCE_NODES_GATEWAY_WATCH_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "adapters/platform/mutex/mutex.h"
#include "province_nodes/gateway/case_runner.h"

namespace yizhan::node {

// Subscribed while it lives. The core's thread tells, the stream's thread waits.
// Invariant: a change that was committed before Latest returned n has a revision
// of at most n, or was read by the stream already.
class ChangeSignal {
 public:
  // `runner` must outlive this object.
  explicit ChangeSignal(CaseRunner* runner) : runner_(runner) {
    id_ = runner_->Subscribe([this](const v1::CaseView& view) {
      platform::MutexLock lock(&mutex_);
      latest_ = std::max(latest_, view.revision());
      changed_.NotifyAll();
    });
  }
  ~ChangeSignal() { runner_->Unsubscribe(id_); }
  ChangeSignal(const ChangeSignal&) = delete;
  ChangeSignal& operator=(const ChangeSignal&) = delete;

  std::uint64_t Latest() {
    platform::MutexLock lock(&mutex_);
    return latest_;
  }
  // Until there is a change beyond `seen`, or the time is over.
  void WaitBeyond(std::uint64_t seen, absl::Duration timeout) {
    platform::MutexLock lock(&mutex_);
    if (latest_ <= seen) changed_.WaitFor(&mutex_, timeout);
  }

 private:
  CaseRunner* const runner_;
  std::uint64_t id_ = 0;
  platform::Mutex mutex_;
  platform::CondVar changed_;
  std::uint64_t latest_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_GATEWAY_WATCH_H_
