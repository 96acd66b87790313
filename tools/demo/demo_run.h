// One run of the demo, from an empty folder to the final tables.
#ifndef YIZHAN_TOOLS_DEMO_DEMO_RUN_H_
#define YIZHAN_TOOLS_DEMO_DEMO_RUN_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "protos/contract/ids.h"
#include "tools/demo/input_folder.h"
#include "tools/yizhan/command.h"
#include "tools/yizhan/network_init.h"

namespace yizhan::tools {

struct DemoPlan {
  std::vector<contract::ProvinceCode> provinces;
  std::set<contract::ProvinceCode> stopped;  // after the link tests
  InputFolder input;
  std::string dir;  // of the network; empty: a temporary one
  std::string out;  // for outcomes.jsonl; empty: none is written
  std::string bin_dir;
  bool links = true;
  bool fast = true;
  bool keep = false;  // leave it running
  int in_flight = 24;
  int parallel_links = 4;
  std::uint16_t base_port = 0;
};

// Ends every process that it started, also on errors and interruptions (unless
// keep and all went so far that there is something to look at).
absl::Status RunDemo(const DemoPlan& plan, Console& console);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_DEMO_DEMO_RUN_H_
