// What admission knows of connectivity test runs: the TEST lane exists only
// inside one.
#ifndef YIZHAN_BROKER_ADMISSION_TEST_RUNS_H_
#define YIZHAN_BROKER_ADMISSION_TEST_RUNS_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "protos/contract/ids.h"

namespace yizhan::broker {

struct TestRun {
  contract::RunId id;
  contract::ProvinceCode initiator;
  contract::ProvinceCode counterpart;
  bool open = false;  // messages may be sent now
  absl::Time window_until;
  std::uint64_t messages_left = 0;
  std::uint64_t bytes_left = 0;

  bool Has(contract::ProvinceCode province) const {
    return province == initiator || province == counterpart;
  }
};

// Table of runs. Called on the core's thread inside the open transaction.
class TestRuns {
 public:
  virtual ~TestRuns() = default;
  // Nothing for a run that was never started or is forgotten.
  virtual std::optional<TestRun> Find(const contract::RunId& run, absl::Time now) const = 0;
  // The open run of the two, in either order.
  virtual std::optional<TestRun> FindBetween(contract::ProvinceCode a, contract::ProvinceCode b,
                                             absl::Time now) const = 0;
  // Any open run that the province takes part in; the same one while it is open
  // and no other begins.
  virtual std::optional<TestRun> FindOf(contract::ProvinceCode province, absl::Time now) const = 0;
  // Takes from the run's budget, refused messages included. QUOTA_EXCEEDED where
  // it is spent.
  virtual absl::Status Charge(const contract::RunId& run, std::uint64_t messages,
                              std::uint64_t bytes) = 0;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_ADMISSION_TEST_RUNS_H_
