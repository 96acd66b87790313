#include "protos/contract/resident.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace yizhan::contract {
namespace {

constexpr std::size_t kIdNumberSize = 18;
constexpr std::size_t kAcceptanceNumberSize = 22;
constexpr std::size_t kPointSize = 9;
constexpr std::uint32_t kMaxDailySequence = 99999;
// GB 11643: weights of the first 17 digits, and the check character of each sum
// modulo 11.
constexpr int kWeights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
constexpr char kCheckCharacters[] = "10X98765432";

bool AllDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

// Of digits alone, at most nine of them.
int Number(absl::string_view digits) {
  int value = 0;
  for (char c : digits) value = value * 10 + (c - '0');
  return value;
}

// A real day of the years that a living person or a card can name.
std::optional<absl::CivilDay> DayOf(absl::string_view year, absl::string_view month,
                                    absl::string_view day) {
  if (!AllDigits(year) || !AllDigits(month) || !AllDigits(day)) return std::nullopt;
  const absl::CivilDay civil(Number(year), Number(month), Number(day));
  // CivilDay carries an overflow on ("02-30" becomes March); a real day stays.
  const bool same = civil.month() == Number(month) && civil.day() == Number(day);
  if (!same || civil.year() != Number(year) || civil.year() < 1800) return std::nullopt;
  return civil;
}

std::optional<absl::CivilDay> ParseDigits(absl::string_view yyyymmdd) {
  return DayOf(yyyymmdd.substr(0, 4), yyyymmdd.substr(4, 2), yyyymmdd.substr(6, 2));
}

std::string Stars(absl::string_view text, std::size_t shown_before, std::size_t shown_after) {
  if (text.size() < shown_before + shown_after) return std::string(text.size(), '*');
  return absl::StrCat(text.substr(0, shown_before),
                      std::string(text.size() - shown_before - shown_after, '*'),
                      text.substr(text.size() - shown_after));
}

}  // namespace

std::optional<IdNumber> IdNumber::Parse(absl::string_view text) {
  if (text.size() != kIdNumberSize || !AllDigits(text.substr(0, 17))) return std::nullopt;
  int sum = 0;
  for (std::size_t i = 0; i < 17; ++i) sum += kWeights[i] * (text[i] - '0');
  const char check = absl::ascii_toupper(static_cast<unsigned char>(text[17]));
  if (check != kCheckCharacters[sum % 11]) return std::nullopt;
  const std::optional<absl::CivilDay> birth = ParseDigits(text.substr(6, 8));
  if (!birth.has_value()) return std::nullopt;
  IdNumber out;
  out.text_ = std::string(text);
  out.text_[17] = check;
  out.birth_date_ = *birth;
  return out;
}

absl::string_view IdNumber::sex() const { return (text_[16] - '0') % 2 == 1 ? "1" : "2"; }

std::string IdNumber::Masked() const { return Stars(text_, 6, 2); }

std::optional<std::string> MakeAcceptanceNumber(absl::string_view point, absl::CivilDay date,
                                                std::uint32_t sequence) {
  const bool fits = point.size() == kPointSize && AllDigits(point) && sequence >= 1 &&
                    sequence <= kMaxDailySequence && date.year() >= 1800 && date.year() <= 9999;
  if (!fits) return std::nullopt;
  char tail[16];
  std::snprintf(tail, sizeof(tail), "%04d%02d%02d", static_cast<int>(date.year()), date.month(),
                date.day());
  char count[8];
  std::snprintf(count, sizeof(count), "%05u", sequence);
  return absl::StrCat(point, tail, count);
}

bool IsAcceptanceNumber(absl::string_view text) {
  return text.size() == kAcceptanceNumberSize && AllDigits(text) &&
         ParseDigits(text.substr(9, 8)).has_value() && Number(text.substr(17)) >= 1;
}

// The point and the end of the daily sequence: enough for who holds the receipt.
std::string MaskAcceptanceNumber(absl::string_view number) {
  if (number.size() != kAcceptanceNumberSize) return std::string(number.size(), '*');
  return Stars(number, kPointSize, 3);
}

std::optional<absl::CivilDay> ParseDate(absl::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  return DayOf(text.substr(0, 4), text.substr(5, 2), text.substr(8, 2));
}

std::string FormatDate(absl::CivilDay day) { return absl::FormatCivilTime(day); }

absl::CivilDay ShanghaiDay(absl::Time time) {
  static const absl::TimeZone shanghai = absl::FixedTimeZone(8 * 60 * 60);
  return absl::ToCivilDay(time, shanghai);
}

int AgeOn(absl::CivilDay birth, absl::CivilDay on) {
  const int years = static_cast<int>(on.year() - birth.year());
  const bool had_birthday =
      on.month() > birth.month() || (on.month() == birth.month() && on.day() >= birth.day());
  return had_birthday ? years : years - 1;
}

bool IsSexCode(absl::string_view code) {
  return code == "0" || code == "1" || code == "2" || code == "9";
}

bool IsEthnicityCode(absl::string_view code) {
  if (code.size() != 2 || !AllDigits(code)) return false;
  const int number = Number(code);
  return (number >= 1 && number <= 58) || number == 97 || number == 98;
}

}  // namespace yizhan::contract
