// Runs the connectivity tests that open the demo's routes.
#ifndef YIZHAN_TOOLS_DEMO_LINK_OPENER_H_
#define YIZHAN_TOOLS_DEMO_LINK_OPENER_H_

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "protos/contract/ids.h"
#include "tools/yizhan/lab.h"
#include "yizhan/v1/linktest.pb.h"

namespace yizhan::tools {

struct LinkOpenerOptions {
  contract::ProvinceCode hub;
  std::vector<contract::ProvinceCode> partners;
  bool fast = true;
  int parallel = 4;                           // tests at the same time
  absl::Duration timeout = absl::Minutes(3);  // for one test
  std::function<bool()> interrupted;
  std::function<void(absl::string_view)> on_progress;
};

struct LinkResult {
  contract::ProvinceCode partner;
  absl::Status status;  // OK: certified, and open in the copies of both nodes
  v1::LinkRun run;
  absl::Duration took;
};

// One result for each partner, in order. Where all are OK, 2 x partners routes
// are open.
std::vector<LinkResult> OpenLinks(const Lab& lab, const LinkOpenerOptions& options);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_DEMO_LINK_OPENER_H_
