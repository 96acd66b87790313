// Leads one case from the application to its end, playing all roles.
#ifndef YIZHAN_TOOLS_DEMO_CASE_DRIVER_H_
#define YIZHAN_TOOLS_DEMO_CASE_DRIVER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tools/demo/application_line.h"
#include "tools/demo/case_board.h"
#include "tools/demo/desk.h"
#include "tools/demo/input_folder.h"
#include "tools/demo/outcome.h"

namespace yizhan::tools {

// A line on its way through the network. One thread at a time.
struct CaseJob {
  // Of the feeder, constant.
  std::size_t index = 0;        // of the line
  ApplicationLine line;         // with images while it is driven
  std::string retake_portrait;  // empty: none that can be read
  contract::ProvinceCode accepting;
  contract::ProvinceCode home;
  CountyFinding finding = CountyFinding::kNone;
  bool home_stopped = false;

  // Of the driver.
  std::string case_handle;  // empty until applied
  int commands = 0;
  int errors = 0;
  bool finding_told = false;
  bool retake_tried = false;
  bool hand_over_tried = false;
  std::int64_t cards_spoiled = 0;
  bool ended = false;
  std::optional<Outcome> outcome;  // once ended, or as far as it has come
  absl::Status problem;            // a command that failed where it should not
  absl::Time began;
  absl::Time last;
};

struct DriverOptions {
  // Names this run in request ids, so that two runs on one network differ.
  std::string run_name;
  // A case without a change for so long is given back, waiting.
  absl::Duration patience = absl::Seconds(10);
  // Between looks at a case of which nothing is heard.
  absl::Duration look_again = absl::Milliseconds(400);
  std::function<bool()> interrupted;
};

// Thread-safe; the pointers must outlive it.
class CaseDriver {
 public:
  CaseDriver(Desk* desk, CaseBoard* board, DriverOptions options)
      : desk_(desk), board_(board), options_(std::move(options)) {}

  // Goes on until the case has ended (job.ended) or waits for somebody who does
  // not act. May be called again for a waiting case.
  void Drive(CaseJob& job);
  // The newest outcome by a fresh look at the accepting node.
  void Refresh(CaseJob& job);

 private:
  using View = std::optional<v1::CaseView>;
  // What one look at the case led to.
  enum class Step { kActed, kWait, kEnded };

  void Apply(CaseJob& job);
  Step Act(CaseJob& job, const CaseSides& sides);
  Step ActAtHome(CaseJob& job, const v1::CaseView& home);
  Step Recollect(CaseJob& job);
  Step Produce(CaseJob& job, v1::ProductionStep step);
  Step HandOver(CaseJob& job);
  Step Refuse(CaseJob& job, const v1::CaseView& view);
  Step Took(CaseJob& job, const absl::StatusOr<v1::CaseView>& answer);
  void Look(CaseJob& job);
  template <typename Request>
  Request NewCommand(CaseJob& job, v1::CaseRole view, contract::ProvinceCode province,
                     const char* unit);

  Desk* const desk_;
  CaseBoard* const board_;
  const DriverOptions options_;
};

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_DEMO_CASE_DRIVER_H_
