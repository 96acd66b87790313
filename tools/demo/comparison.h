// Outcomes against those that were expected.
#ifndef YIZHAN_TOOLS_DEMO_COMPARISON_H_
#define YIZHAN_TOOLS_DEMO_COMPARISON_H_

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "protos/contract/ids.h"
#include "tools/demo/feeder.h"
#include "tools/demo/outcome.h"

namespace yizhan::tools {

// Expectations are of the standard network: 32 and its 15 partners, all links
// open, no node stopped.
struct ComparisonScope {
  std::set<contract::ProvinceCode> standard;
  std::set<contract::ProvinceCode> running;
  bool links_open = true;
};

struct Comparison {
  std::size_t as_expected = 0;
  std::size_t other_network = 0;        // differ, as they may in this smaller network
  std::vector<std::string> unexpected;  // a line for people each
  bool lengths_differ = false;
};

Comparison Compare(const std::vector<LineResult>& lines, const std::vector<Outcome>& expected,
                   const ComparisonScope& scope);

// The 16 provinces of the standard network, 32 first.
const std::vector<contract::ProvinceCode>& StandardProvinces();

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_DEMO_COMPARISON_H_
