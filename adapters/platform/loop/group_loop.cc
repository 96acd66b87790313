#include "adapters/platform/loop/group_loop.h"

#include <deque>
#include <thread>
#include <utility>

#include "adapters/platform/clock/clock.h"
#include "adapters/platform/mutex/mutex.h"

namespace yizhan::platform {
namespace {

// Lock order: join_mutex_ before mutex_. No callback runs under a lock.
class ThreadLoop final : public GroupLoop {
 public:
  explicit ThreadLoop(Options options) : options_(std::move(options)), thread_([this] { Run(); }) {}
  ~ThreadLoop() override { ThreadLoop::Stop(); }

  bool Post(std::function<void()> task) override {
    MutexLock lock(&mutex_);
    if (stopped_ || queue_.size() >= options_.max_waiting) return false;
    queue_.push_back(std::move(task));
    // With more waiting than this one, the loop is awake or already called.
    if (queue_.size() == 1) work_.NotifyOne();
    return true;
  }

  void Stop() override {
    MutexLock join(&join_mutex_);
    {
      MutexLock lock(&mutex_);
      stopped_ = true;
    }
    work_.NotifyOne();
    if (thread_.joinable()) thread_.join();
  }

  std::size_t waiting() const override {
    MutexLock lock(&mutex_);
    return queue_.size();
  }

 private:
  using Group = std::deque<std::function<void()>>;

  // Waits for work, a tick or the end; false at the end.
  bool TakeGroup(absl::Duration next_tick, Group* group) {
    MutexLock lock(&mutex_);
    while (queue_.empty() && !stopped_) {
      const absl::Duration left = next_tick - SystemClock().Monotonic();
      if (left <= absl::ZeroDuration()) return true;
      work_.WaitFor(&mutex_, left);
    }
    if (queue_.empty()) return false;
    if (queue_.size() <= options_.max_group) {
      group->swap(queue_);
      return true;
    }
    for (std::size_t i = 0; i < options_.max_group; ++i) {
      group->push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    return true;
  }

  void Run() {
    absl::Duration next_tick = NextTick();
    Group group;
    while (TakeGroup(next_tick, &group)) {
      if (SystemClock().Monotonic() >= next_tick) {
        if (options_.on_tick) options_.on_tick();
        next_tick = NextTick();
      }
      for (const auto& task : group) task();
      const absl::Status committed = options_.commit ? options_.commit() : absl::OkStatus();
      group.clear();
      if (!committed.ok()) return Fail(committed);
    }
  }

  void Fail(const absl::Status& status) {
    Group dropped;
    {
      MutexLock lock(&mutex_);
      stopped_ = true;
      dropped.swap(queue_);
    }
    if (options_.on_failure) options_.on_failure(status);
  }

  absl::Duration NextTick() const {
    return options_.on_tick ? SystemClock().Monotonic() + options_.tick : absl::InfiniteDuration();
  }

  const Options options_;
  mutable Mutex mutex_;
  CondVar work_;
  Group queue_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  Mutex join_mutex_;
  // Last: the thread uses all of the above from its first moment.
  std::thread thread_;
};

}  // namespace

std::unique_ptr<GroupLoop> GroupLoop::Start(Options options) {
  if (options.max_group == 0) options.max_group = 1;
  return std::make_unique<ThreadLoop>(std::move(options));
}

}  // namespace yizhan::platform
