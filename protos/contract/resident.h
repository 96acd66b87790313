// Identifiers and dates of residents, and the check of a whole application
// against what the contract alone can judge.
#ifndef YIZHAN_PROTOS_CONTRACT_RESIDENT_H_
#define YIZHAN_PROTOS_CONTRACT_RESIDENT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "yizhan/v1/gateway.pb.h"

namespace yizhan::contract {

// An ID number (GB 11643): 17 digits and an ISO 7064 MOD 11-2 check character;
// a lower-case x is read as X. The division prefix is not judged: people move,
// and older numbers carry divisions that no longer exist.
class IdNumber {
 public:
  // Nothing unless length, digits, check character and the date within fit.
  static std::optional<IdNumber> Parse(absl::string_view text);
  const std::string& str() const { return text_; }
  absl::CivilDay birth_date() const { return birth_date_; }
  // GB/T 2261.1: "1" male, "2" female.
  absl::string_view sex() const;
  // First six and last two characters, the rest as stars.
  std::string Masked() const;

 private:
  std::string text_;
  absl::CivilDay birth_date_;
};

// Acceptance number (GA 214.4): 6 division, 3 station, 8 date, 5 daily sequence.
// Nothing where a part does not fit (sequence 1 to 99999).
std::optional<std::string> MakeAcceptanceNumber(absl::string_view point, absl::CivilDay date,
                                                std::uint32_t sequence);
bool IsAcceptanceNumber(absl::string_view text);
std::string MaskAcceptanceNumber(absl::string_view number);

// "YYYY-MM-DD", a real day.
std::optional<absl::CivilDay> ParseDate(absl::string_view text);
std::string FormatDate(absl::CivilDay day);
// Business days are those of Asia/Shanghai (UTC+8, no summer time since 1992).
absl::CivilDay ShanghaiDay(absl::Time time);
// Full years on `on`.
int AgeOn(absl::CivilDay birth, absl::CivilDay on);

bool IsSexCode(absl::string_view code);        // 0 1 2 9
bool IsEthnicityCode(absl::string_view code);  // 01-58, 97, 98

// What an application check needs from outside.
struct ApplicationSurroundings {
  std::function<bool(absl::string_view division6)> division_known;
  // OK, or why the bytes are not a portrait (GA 461).
  std::function<absl::Status(absl::string_view jpeg)> check_portrait;
  // Fee of the accepting province at the case time; nothing for a business that
  // is not offered there.
  std::function<std::optional<std::int64_t>(const v1::Application&, absl::Time)> fee;
};

// First failing INVALID check in the fixed order FIELD_INVALID,
// ID_NUMBER_INVALID, BIRTH_DATE_DIFFERS_FROM_ID, SEX_DIFFERS_FROM_ID,
// DIVISION_UNKNOWN, PORTRAIT_INVALID, FINGERPRINT_INVALID, FEE_MISMATCH; OK if
// none. The message names the field. A missing basis, evidence or guardian is
// not malformed: the rules judge it.
absl::Status CheckApplication(const v1::Application& application, absl::Time case_time,
                              const ApplicationSurroundings& surroundings);
absl::Status CheckFingerprints(absl::Span<const std::string> templates);

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_RESIDENT_H_
