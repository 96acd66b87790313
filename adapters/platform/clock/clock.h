// Time, passed in everywhere.
#ifndef YIZHAN_ADAPTERS_PLATFORM_CLOCK_CLOCK_H_
#define YIZHAN_ADAPTERS_PLATFORM_CLOCK_CLOCK_H_

#include "absl/time/time.h"

namespace yizhan::platform {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall clock (exchange time); may jump.
  virtual absl::Time Now() const = 0;
  // Never goes back; for leases and timeouts.
  virtual absl::Duration Monotonic() const = 0;
};

// The machine's clocks. Lives for ever.
const Clock& SystemClock();

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_CLOCK_CLOCK_H_
