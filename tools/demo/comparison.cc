#include "tools/demo/comparison.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace yizhan::tools {
namespace {

using contract::ProvinceCode;

std::string Brief(const Outcome& outcome) { return OutcomeLine(outcome); }

// Whether the standard network would treat this line otherwise than ours.
bool MayDiffer(const LineResult& line, const ComparisonScope& scope) {
  const auto missing = [&](ProvinceCode province) {
    return scope.standard.contains(province) && !scope.running.contains(province);
  };
  // A line that no node had names a province of the standard network, or none.
  if (missing(line.accepting) || missing(line.home)) return true;
  return !scope.links_open && line.accepting != line.home;
}

}  // namespace

const std::vector<ProvinceCode>& StandardProvinces() {
  static const auto* const all = [] {
    auto* out = new std::vector<ProvinceCode>();
    for (const std::uint32_t code :
         {32, 12, 13, 21, 22, 31, 33, 34, 35, 36, 37, 41, 43, 50, 51, 61}) {
      out->emplace_back(code);
    }
    return out;
  }();
  return *all;
}

Comparison Compare(const std::vector<LineResult>& lines, const std::vector<Outcome>& expected,
                   const ComparisonScope& scope) {
  Comparison comparison;
  comparison.lengths_differ = lines.size() != expected.size();
  const std::size_t count = std::min(lines.size(), expected.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (lines[i].outcome == expected[i]) {
      ++comparison.as_expected;
    } else if (MayDiffer(lines[i], scope)) {
      ++comparison.other_network;
    } else {
      comparison.unexpected.push_back(absl::StrCat("line ", i + 1, ": ", Brief(lines[i].outcome),
                                                   "\n      expected ", Brief(expected[i])));
    }
  }
  return comparison;
}

}  // namespace yizhan::tools
