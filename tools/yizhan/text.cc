#include "tools/yizhan/text.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/civil_time.h"
#include "protos/contract/errors.h"
#include "protos/contract/ids.h"
#include "protos/contract/resident.h"

namespace yizhan::tools {
namespace {

// Business times are shown in Asia/Shanghai: UTC+8, no summer time since 1992.
absl::TimeZone Shanghai() { return absl::FixedTimeZone(8 * 60 * 60); }

}  // namespace

std::string Shorten(absl::string_view name, absl::string_view prefix) {
  return std::string(absl::StripPrefix(name, prefix));
}

std::string StateText(v1::CaseState state) { return Shorten(v1::CaseState_Name(state), "CASE_"); }
std::string PassageText(v1::Passage passage) {
  return Shorten(v1::Passage_Name(passage), "PASSAGE_");
}
std::string VerdictText(v1::Verdict verdict) {
  return Shorten(v1::Verdict_Name(verdict), "VERDICT_");
}
std::string RouteText(v1::RouteState state) {
  if (state == v1::ROUTE_STATE_UNSPECIFIED) return "-";
  return Shorten(v1::RouteState_Name(state), "ROUTE_");
}
std::string ReasonText(v1::ErrorReason reason) {
  return reason == v1::ERROR_REASON_UNSPECIFIED ? std::string() : v1::ErrorReason_Name(reason);
}

std::string ShanghaiText(std::int64_t unix_us) {
  if (unix_us == 0) return "";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixMicros(unix_us), Shanghai());
}

std::string ShanghaiMillisText(std::int64_t unix_us) {
  if (unix_us == 0) return "";
  return absl::FormatTime("%Y-%m-%d %H:%M:%E3S", absl::FromUnixMicros(unix_us), Shanghai());
}

absl::StatusOr<absl::Time> ParseTimeFlag(absl::string_view flag, absl::string_view text) {
  if (const auto day = contract::ParseDate(text); day.has_value()) {
    return absl::FromCivil(*day + 1, Shanghai()) - absl::Microseconds(1);
  }
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &error) && time > absl::InfinitePast() &&
      time < absl::InfiniteFuture()) {
    return time;
  }
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                             absl::StrCat("--", flag, "=", text, " is not a time."),
                             "Use 2016-07-20 or 2016-07-20T15:58:00+08:00.");
}

std::string Hex(absl::string_view bytes) { return absl::BytesToHexString(bytes); }

std::string MessageIdText(absl::string_view bytes) {
  const auto id = contract::MessageId::From(bytes);
  return id.has_value() ? contract::FormatUuid(*id) : Hex(bytes);
}

}  // namespace yizhan::tools
