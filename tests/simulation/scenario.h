// One seeded run: provinces, residents, faults, healing, and the history of it.
#ifndef YIZHAN_TESTS_SIMULATION_SCENARIO_H_
#define YIZHAN_TESTS_SIMULATION_SCENARIO_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "tests/simulation/history.h"

namespace yizhan::simulation {

struct ScenarioOptions {
  std::uint64_t seed = 1;
  std::uint64_t residents = 10;
  // Faults are injected for this long; then everything is healed.
  absl::Duration trouble = absl::Minutes(10);
  // And must have come to its end within this.
  absl::Duration healing = absl::Hours(3);
};

struct ScenarioResult {
  History history;
  absl::Duration virtual_time;
  std::uint64_t events = 0;
};

// Same seed, same story. Fault kinds: broker_crash, node_crash, both_crash,
// write_lost, write_kept, cut, unreachable, clock_jump.
ScenarioResult RunScenario(const ScenarioOptions& options);

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_SCENARIO_H_
