// Hands a whole folder of applications in, many at a time, and gathers how each
// line ended.
#ifndef YIZHAN_TOOLS_DEMO_FEEDER_H_
#define YIZHAN_TOOLS_DEMO_FEEDER_H_

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tools/demo/case_board.h"
#include "tools/demo/case_driver.h"
#include "tools/demo/desk.h"
#include "tools/demo/input_folder.h"
#include "tools/demo/local_decision.h"

namespace yizhan::tools {

struct FeedOptions {
  std::set<contract::ProvinceCode> running;  // nodes that are up while feeding
  std::set<contract::ProvinceCode> stopped;  // of the network, but not up
  int in_flight = 24;                        // cases led at the same time
  // Waiting cases are given up when nothing has changed for so long: those of
  // stopped nodes, which nobody can answer, and the others.
  absl::Duration quiet = absl::Seconds(3);
  absl::Duration stall = absl::Seconds(60);
  absl::Duration overall = absl::Minutes(30);
  std::string run_name;
  std::function<bool()> interrupted;
  std::function<void(absl::string_view)> on_progress;
};

// How one line ended.
struct LineResult {
  Outcome outcome = {};
  contract::ProvinceCode accepting = {};  // invalid where the line itself was refused
  contract::ProvinceCode home = {};
  std::string case_handle = {};  // empty where no node has a case
  absl::Status problem = {};     // not OK: the outcome is not certain
  absl::Duration took = {};      // zero for lines that no node had
};

struct FeedResult {
  std::vector<LineResult> lines;  // one for each input line, in order
  absl::Duration took;
};

// One thread calls; the work runs on in_flight threads. `local` decides lines
// that name no running node. The pointers must outlive the call.
absl::StatusOr<FeedResult> Feed(const InputFolder& input, const LocalDecision& local, Desk* desk,
                                CaseBoard* board, const FeedOptions& options);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_DEMO_FEEDER_H_
