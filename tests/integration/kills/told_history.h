// The history of a network of real processes, as its clients can read it.
#ifndef YIZHAN_TESTS_INTEGRATION_KILLS_TOLD_HISTORY_H_
#define YIZHAN_TESTS_INTEGRATION_KILLS_TOLD_HISTORY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/integration/kills/case_load.h"
#include "tests/integration/kills/witnesses.h"
#include "tests/simulation/history.h"

namespace yizhan::testing {

struct Told {
  simulation::History history;
  // Where two tellers differ, or a case could not be led to its end.
  std::vector<std::string> contradictions;
};

// Of a network that has come to rest:
//  - what was made, and how it ended, by its sender's list of messages;
//  - what was applied, in its order, by the recipient's view of each case;
//  - how each case ended, by both views.
// A message that a node says to have received, but that its case does not show,
// and the other way round, is a contradiction.
absl::StatusOr<Told> TellHistory(const Witnesses& witnesses, const std::vector<LedCase>& cases);

// Lines of processes' logs about security events.
std::vector<std::string> SecurityLines(const std::string& log);

}  // namespace yizhan::testing

#endif  // YIZHAN_TESTS_INTEGRATION_KILLS_TOLD_HISTORY_H_
