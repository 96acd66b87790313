// One seeded run: provinces, residents, faults, healing, and the history of it.
#ifndef YIZHAN_TESTS_SIMULATION_SCENARIO_H_
#define YIZHAN_TESTS_SIMULATION_SCENARIO_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/simulation/history.h"
#include "tests/simulation/plan.h"

namespace yizhan::simulation {

struct ScenarioOptions {
  // SM2, SM3 and SM4 instead of the toy suite: a hundred times slower, with other
  // keys in every run.
  bool real_crypto = false;
  // After the trouble everything must have come to its end within this.
  absl::Duration healing = absl::Hours(2);
};

struct ScenarioResult {
  History history;
  std::vector<std::string> violations;  // as the checker says
  absl::Duration virtual_time;
  std::uint64_t events = 0;
  // Over everything that every disk holds at the end, and the history.
  std::string state_digest;
};

// The same plan gives the same result, byte for byte, with the toy suite.
ScenarioResult RunScenario(const Plan& plan, const ScenarioOptions& options = {});

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_SCENARIO_H_
