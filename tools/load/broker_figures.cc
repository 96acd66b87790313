// The broker's own counters, from its metrics page.
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "adapters/platform/http/http_get.h"
#include "protos/contract/errors.h"
#include "tools/load/load_run.h"

namespace yizhan::tools {

absl::StatusOr<BrokerFigures> ReadBrokerFigures(const Lab& lab) {
  const std::pair<std::string, std::string> address =
      absl::StrSplit(lab.network.broker_metrics(), absl::MaxSplits(':', 1));
  std::uint32_t port = 0;
  if (!absl::SimpleAtoi(address.second, &port)) {
    return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                               absl::StrCat(kLabFile, ": broker_metrics is no host:port."),
                               "Make the network again with `yizhan network init`.");
  }
  const auto page = platform::HttpGet(address.first, static_cast<std::uint16_t>(port), "/metrics",
                                      absl::Seconds(5));
  if (!page.ok()) return page.status();
  BrokerFigures figures;
  for (const absl::string_view line : absl::StrSplit(page->body, '\n', absl::SkipEmpty())) {
    if (absl::StartsWith(line, "#") || absl::StrContains(line, "_bucket{")) continue;
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(line.find('}') == line.npos ? ' ' : '}', 1));
    const std::string name(parts.first.substr(0, parts.first.find('{')));
    double value = 0;
    if (absl::SimpleAtod(absl::StripAsciiWhitespace(parts.second), &value)) figures[name] += value;
  }
  return figures;
}

}  // namespace yizhan::tools
