// Words of the protocol as people read them.
#ifndef YIZHAN_TOOLS_YIZHAN_TEXT_H_
#define YIZHAN_TOOLS_YIZHAN_TEXT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "yizhan/v1/case.pb.h"
#include "yizhan/v1/directory.pb.h"
#include "yizhan/v1/linktest.pb.h"

namespace yizhan::tools {

// Enumerators without their prefix: "HANDED_OVER", "WAITING", "PASS".
std::string StateText(v1::CaseState state);
std::string PassageText(v1::Passage passage);
std::string VerdictText(v1::Verdict verdict);
std::string RouteText(v1::RouteState state);  // "-" for no route
// "" for none.
std::string ReasonText(v1::ErrorReason reason);
// Any enumerator's name without `prefix`.
std::string Shorten(absl::string_view name, absl::string_view prefix);

// "2016-07-20 15:58:00" in Asia/Shanghai; "" for 0.
std::string ShanghaiText(std::int64_t unix_us);
// The same with milliseconds, for exchange times.
std::string ShanghaiMillisText(std::int64_t unix_us);
// "2016-07-20" (its end in Asia/Shanghai) or RFC 3339.
absl::StatusOr<absl::Time> ParseTimeFlag(absl::string_view flag, absl::string_view text);

std::string Hex(absl::string_view bytes);
// A message id as a UUID; hex where it is none.
std::string MessageIdText(absl::string_view bytes);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_YIZHAN_TEXT_H_
