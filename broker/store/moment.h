// The two times that every event of the core carries.
#ifndef YIZHAN_BROKER_STORE_MOMENT_H_
#define YIZHAN_BROKER_STORE_MOMENT_H_

#include <cstdint>

#include "absl/time/time.h"

namespace yizhan::broker {

struct Moment {
  absl::Time wall;           // exchange time: created, expires
  absl::Duration monotonic;  // leases, budgets; never goes back

  std::int64_t unix_us() const { return absl::ToUnixMicros(wall); }
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_STORE_MOMENT_H_
