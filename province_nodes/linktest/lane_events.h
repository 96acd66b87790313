// What happens to the lane of one test run, from other threads to its own.
#ifndef YIZHAN_PROVINCE_NODES_LINKTEST_LANE_EVENTS_H_
#define YIZHAN_PROVINCE_NODES_LINKTEST_LANE_EVENTS_H_

#include <deque>
#include <functional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "adapters/platform/mutex/mutex.h"

namespace yizhan::node {

// Thread-safe. Tasks run on the thread that takes them. Bounded by the run's
// budget of messages and by the session's credit.
class LaneEvents {
 public:
  using Task = std::function<void()>;

  void Post(Task task) {
    platform::MutexLock lock(&mutex_);
    if (closed_) return;
    tasks_.push_back(std::move(task));
    arrived_.NotifyOne();
  }
  // Whatever waits; waits at most `longest` for the first.
  std::deque<Task> Take(absl::Duration longest) {
    platform::MutexLock lock(&mutex_);
    if (tasks_.empty() && !closed_) arrived_.WaitFor(&mutex_, longest);
    return std::exchange(tasks_, {});
  }
  // Takes nothing more; wakes the one that waits.
  void Close() {
    platform::MutexLock lock(&mutex_);
    closed_ = true;
    tasks_.clear();
    arrived_.NotifyAll();
  }
  bool closed() const {
    platform::MutexLock lock(&mutex_);
    return closed_;
  }

 private:
  mutable platform::Mutex mutex_;
  platform::CondVar arrived_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_LINKTEST_LANE_EVENTS_H_
