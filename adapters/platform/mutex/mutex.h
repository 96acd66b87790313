// Our mutex: std::mutex with clang's thread-safety annotations. Not absl::Mutex,
// whose packaged build makes TSan report races that are not there.
#ifndef YIZHAN_ADAPTERS_PLATFORM_MUTEX_MUTEX_H_
#define YIZHAN_ADAPTERS_PLATFORM_MUTEX_MUTEX_H_

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

namespace yizhan::platform {

// Not recursive. Name what it guards with ABSL_GUARDED_BY.
class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }
  bool TryLock() ABSL_EXCLUSIVE_TRYLOCK_FUNCTION(true) { return mutex_.try_lock(); }
  // For the analysis only, where it cannot see that the caller holds the mutex.
  void AssertHeld() const ABSL_ASSERT_EXCLUSIVE_LOCK() {}

 private:
  friend class CondVar;
  std::mutex mutex_;
};

// Holds `mutex`, which must outlive this object, while it lives.
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    mutex_->Lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* const mutex_;
};

// Waits for a condition on what a mutex guards. Thread-safe. Waits may end
// without a notice, so the forms without a predicate belong in a loop.
// Predicates run with the mutex held; annotate the lambda:
//   cv_.Wait(&mutex_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return done_; });
class CondVar {
 public:
  void Wait(Mutex* mutex) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
    cv_.wait(lock);
    lock.release();  // the caller goes on holding it
  }

  // False if `timeout` passed first; infinite and negative ones are allowed.
  bool WaitFor(Mutex* mutex, absl::Duration timeout) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    // A bound keeps now + timeout from overflowing; the caller's loop waits again.
    const absl::Duration bounded = std::min(timeout, absl::Hours(24));
    std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
    const bool noticed =
        cv_.wait_for(lock, absl::ToChronoNanoseconds(std::max(bounded, absl::ZeroDuration()))) ==
        std::cv_status::no_timeout;
    lock.release();
    return noticed || bounded < timeout;
  }

  // The analysis cannot see that the predicate's mutex is `mutex`, hence its
  // exemption; callers are still checked for holding it.
  template <typename Predicate>
  void Wait(Mutex* mutex, Predicate done)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    while (!done()) Wait(mutex);
  }

  // What the predicate says at the end: false only if `timeout` passed.
  template <typename Predicate>
  bool WaitFor(Mutex* mutex, absl::Duration timeout, Predicate done)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const absl::Duration end = Elapsed() + timeout;
    while (!done()) {
      const absl::Duration left = end - Elapsed();
      if (left <= absl::ZeroDuration()) return false;
      WaitFor(mutex, left);
    }
    return true;
  }

  void NotifyOne() { cv_.notify_one(); }
  void NotifyAll() { cv_.notify_all(); }

 private:
  static absl::Duration Elapsed() {
    return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
  }
  std::condition_variable cv_;
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_MUTEX_MUTEX_H_
