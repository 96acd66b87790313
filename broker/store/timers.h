// What happens to identities when time has passed: an index by time.
#ifndef YIZHAN_BROKER_STORE_TIMERS_H_
#define YIZHAN_BROKER_STORE_TIMERS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
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

// Timers of a group that are due at nearly the same time share a row:
//   key    1 0 0 'x' | due in microseconds (8) | kind (1) | number of the row (8)
//   value  identities (46 each)
// A timer is never cleared: whoever is called looks whether it still holds.
// One thread; `records` must outlive this object.
class Timers {
 public:
  explicit Timers(Records* records) : records_(records) {}
  void Load();
  // Due up to a tenth of a second later.
  void Set(const Timer& timer);
  // Takes out due timers, earliest first, row by row until `enough`. Not those of
  // the open group.
  std::vector<Timer> TakeDue(absl::Time now, std::size_t enough);
  void Flush();

 private:
  void Write(std::int64_t due_us, TimerKind kind, std::string identities);

  Records* const records_;
  std::uint64_t next_row_ = 0;
  // Of the open group: due in microseconds and kind to identities.
  std::map<std::pair<std::int64_t, TimerKind>, std::string> waiting_;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_STORE_TIMERS_H_
