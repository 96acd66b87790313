// What happens to identities when time has passed: an index by time.
#ifndef YIZHAN_BROKER_STORE_TIMERS_H_
#define YIZHAN_BROKER_STORE_TIMERS_H_

#include <cstddef>
#include <vector>

#include "absl/time/time.h"
#include "broker/store/records.h"
#include "protos/contract/envelope.h"

namespace yizhan::broker {

// Numbers are in the keys: frozen.
enum class TimerKind : char {
  kExpire = 1,  // notice to the sender
  kForget = 2,  // end of the dedup memory
  kRetain = 3,  // end of the retention of header and receipts
};

struct Timer {
  absl::Time due;
  TimerKind kind;
  contract::Identity identity;
};

// Key: 1 0 0 'x' | due in microseconds (8) | kind (1) | identity (46); no value.
// One thread; `records` must outlive this object.
class Timers {
 public:
  explicit Timers(Records* records) : records_(records) {}
  void Set(const Timer& timer);
  void Clear(const Timer& timer);
  // At most `limit` due timers, earliest first. They stay until cleared.
  std::vector<Timer> Due(absl::Time now, std::size_t limit);

 private:
  Records* const records_;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_STORE_TIMERS_H_
