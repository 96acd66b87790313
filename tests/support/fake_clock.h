// A clock that stands still until a test moves it.
#ifndef YIZHAN_TESTS_SUPPORT_FAKE_CLOCK_H_
#define YIZHAN_TESTS_SUPPORT_FAKE_CLOCK_H_

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "adapters/platform/clock/clock.h"
#include "adapters/platform/mutex/mutex.h"

namespace yizhan::platform {

// Thread-safe.
class FakeClock final : public Clock {
 public:
  // A working day, 09:00 in Shanghai.
  static absl::Time DefaultStart() {
    return absl::FromCivil(absl::CivilHour(2026, 3, 2, 1), absl::UTCTimeZone());
  }
  explicit FakeClock(absl::Time start = DefaultStart()) : now_(start) {}

  absl::Time Now() const override {
    MutexLock lock(&mutex_);
    return now_;
  }
  absl::Duration Monotonic() const override {
    MutexLock lock(&mutex_);
    return monotonic_;
  }

  // Both clocks move.
  void Advance(absl::Duration by) {
    MutexLock lock(&mutex_);
    now_ += by;
    monotonic_ += by;
  }
  // The wall clock jumps, forth or back; the monotonic one stays.
  void SetNow(absl::Time now) {
    MutexLock lock(&mutex_);
    now_ = now;
  }
  void SetMonotonic(absl::Duration monotonic) {
    MutexLock lock(&mutex_);
    monotonic_ = monotonic;
  }

 private:
  mutable Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
  absl::Duration monotonic_ ABSL_GUARDED_BY(mutex_) = absl::Hours(1);
};

}  // namespace yizhan::platform

#endif  // YIZHAN_TESTS_SUPPORT_FAKE_CLOCK_H_
