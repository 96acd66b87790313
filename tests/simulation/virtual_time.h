// Virtual time: one queue of events, no thread, no clock. The same seed gives
// the same order in every process.
#ifndef YIZHAN_TESTS_SIMULATION_VIRTUAL_TIME_H_
#define YIZHAN_TESTS_SIMULATION_VIRTUAL_TIME_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "absl/time/time.h"

namespace yizhan::simulation {

// splitmix64: small, fixed for ever, independent of the library's generators.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  // 0 to n-1.
  std::uint64_t Below(std::uint64_t n) { return Next() % n; }
  bool OneIn(std::uint64_t n) { return Below(n) == 0; }
  absl::Duration Between(absl::Duration low, absl::Duration high) {
    const std::int64_t span = absl::ToInt64Microseconds(high - low);
    return low + absl::Microseconds(
                     static_cast<std::int64_t>(Below(static_cast<std::uint64_t>(span) + 1)));
  }

 private:
  std::uint64_t state_;
};

// One thread. Events of one time run in the order of their scheduling.
class VirtualTime {
 public:
  explicit VirtualTime(absl::Time start) : now_(start), start_(start) {}

  absl::Time now() const { return now_; }
  absl::Duration elapsed() const { return now_ - start_; }
  void At(absl::Time time, std::function<void()> event) {
    queue_.emplace(std::make_pair(std::max(time, now_), ++sequence_), std::move(event));
  }
  void In(absl::Duration delay, std::function<void()> event) { At(now_ + delay, std::move(event)); }

  // Runs events until `end`, or until `done` says so (asked after each event).
  // Returns whether `done` said so.
  bool RunUntil(absl::Time end, const std::function<bool()>& done) {
    while (!queue_.empty() && queue_.begin()->first.first <= end) {
      auto first = queue_.extract(queue_.begin());
      now_ = first.key().first;
      first.mapped()();
      ++events_;
      if (done && done()) return true;
    }
    now_ = std::max(now_, end);
    return false;
  }
  std::uint64_t events() const { return events_; }

 private:
  absl::Time now_;
  const absl::Time start_;
  std::uint64_t sequence_ = 0;
  std::uint64_t events_ = 0;
  std::map<std::pair<absl::Time, std::uint64_t>, std::function<void()>> queue_;
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_VIRTUAL_TIME_H_
