// The table at the end of a demo.
#ifndef YIZHAN_TOOLS_DEMO_REPORT_H_
#define YIZHAN_TOOLS_DEMO_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "adapters/platform/json/json.h"
#include "tools/demo/comparison.h"
#include "tools/demo/feeder.h"
#include "tools/demo/link_opener.h"
#include "tools/demo/message_counts.h"
#include "tools/yizhan/command.h"

namespace yizhan::tools {

// Everything that a run found out.
struct DemoFindings {
  std::vector<LinkResult> links;
  FeedResult feed;
  Flows flows;
  std::optional<Comparison> comparison;
  absl::Duration made;     // network init
  absl::Duration started;  // processes
  absl::Duration tested;   // links
  absl::Duration counted;
};

void ShowReport(const Lab& lab, const DemoFindings& findings, Console& console);
platform::JsonValue ReportJson(const DemoFindings& findings);

// OK only if all ended as expected, no outcome is uncertain, and the counts of
// broker and nodes agree.
absl::Status JudgeFindings(const DemoFindings& findings);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_DEMO_REPORT_H_
