#include "protos/contract/ids.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace yizhan::contract {
namespace {

constexpr std::size_t kUuidTextSize = 36;
constexpr std::size_t kDivisionDigits = 6;

bool IsDashPlace(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

// -1 for what is not a hex digit.
int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string FormatUuid(const MessageId& id) {
  const std::string hex = id.hex();
  std::string out;
  out.reserve(kUuidTextSize);
  for (char c : hex) {
    if (IsDashPlace(out.size())) out.push_back('-');
    out.push_back(c);
  }
  return out;
}

std::optional<MessageId> ParseUuid(absl::string_view text) {
  const bool dashed = text.size() == kUuidTextSize;
  if (!dashed && text.size() != 2 * MessageId::kSize) return std::nullopt;
  MessageId id;
  std::size_t digits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (dashed && IsDashPlace(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int value = HexValue(text[i]);
    if (value < 0) return std::nullopt;
    id.data()[digits / 2] = static_cast<std::uint8_t>((id.data()[digits / 2] << 4) | value);
    ++digits;
  }
  return id;
}

// RFC 9562:  48 bits milliseconds | 0111 | 12 random | 10 | 62 random.
MessageId MakeMessageId(std::int64_t unix_us, absl::string_view random10) {
  const std::uint64_t ms = unix_us > 0 ? static_cast<std::uint64_t>(unix_us) / 1000 : 0;
  MessageId id;
  for (int i = 0; i < 6; ++i) {
    id.data()[i] = static_cast<std::uint8_t>(ms >> (8 * (5 - i)));
  }
  std::memcpy(id.data() + 6, random10.data(), std::min<std::size_t>(random10.size(), 10));
  id.data()[6] = static_cast<std::uint8_t>((id.data()[6] & 0x0f) | 0x70);
  id.data()[8] = static_cast<std::uint8_t>((id.data()[8] & 0x3f) | 0x80);
  return id;
}

ProvinceCode ProvinceCode::OfDivision(absl::string_view division) {
  if (division.size() < kDivisionDigits) return ProvinceCode();
  const absl::string_view digits = division.substr(0, kDivisionDigits);
  if (!std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit)) return ProvinceCode();
  const ProvinceCode code(static_cast<std::uint32_t>((digits[0] - '0') * 10 + (digits[1] - '0')));
  return code.valid() ? code : ProvinceCode();
}

}  // namespace yizhan::contract
