// Distinct types for ids and positions: two of different meaning do not compile.
#ifndef YIZHAN_PROTOS_CONTRACT_IDS_H_
#define YIZHAN_PROTOS_CONTRACT_IDS_H_

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace yizhan::contract {

// Fixed number of opaque bytes with a meaning of its own. A value; thread-safe
// as a value is. Ordered bytewise, so that maps of them iterate the same way in
// every process.
template <typename Tag, std::size_t N>
class FixedBytes {
 public:
  static constexpr std::size_t kSize = N;
  FixedBytes() = default;
  explicit FixedBytes(const std::array<std::uint8_t, N>& bytes) : bytes_(bytes) {}

  // Nothing unless `bytes` has exactly N bytes.
  static std::optional<FixedBytes> From(absl::string_view bytes) {
    if (bytes.size() != N) return std::nullopt;
    FixedBytes out;
    std::memcpy(out.bytes_.data(), bytes.data(), N);
    return out;
  }

  absl::string_view view() const { return {reinterpret_cast<const char*>(bytes_.data()), N}; }
  std::string str() const { return std::string(view()); }
  std::string hex() const {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    out.reserve(2 * N);
    for (std::uint8_t b : bytes_) {
      out.push_back(kDigits[b >> 4]);
      out.push_back(kDigits[b & 15]);
    }
    return out;
  }
  bool is_zero() const {
    for (std::uint8_t b : bytes_) {
      if (b != 0) return false;
    }
    return true;
  }
  std::uint8_t* data() { return bytes_.data(); }
  const std::uint8_t* data() const { return bytes_.data(); }

  friend auto operator<=>(const FixedBytes&, const FixedBytes&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const FixedBytes& v) {
    return H::combine(std::move(h), v.view());
  }

 private:
  std::array<std::uint8_t, N> bytes_{};
};

using Digest = FixedBytes<struct DigestTag, 32>;  // SM3
using KeyId = FixedBytes<struct KeyIdTag, 32>;    // SM3 of the DER SubjectPublicKeyInfo
using CertificateFingerprint = FixedBytes<struct CertificateTag, 32>;  // SHA-256 of the DER
using CaseHandle = FixedBytes<struct CaseHandleTag, 16>;
using RunId = FixedBytes<struct RunIdTag, 16>;  // of a connectivity test run
using Incarnation = FixedBytes<struct IncarnationTag, 16>;
using BootNonce = FixedBytes<struct BootNonceTag, 16>;
using LogId = FixedBytes<struct LogIdTag, 16>;
using MessageId = FixedBytes<struct MessageIdTag, 16>;  // UUIDv7

// "0190b6f2-....": the form in which people read a message id.
std::string FormatUuid(const MessageId& id);
// Accepts that form and 32 hex digits.
std::optional<MessageId> ParseUuid(absl::string_view text);
// UUIDv7 from a time and 10 random bytes.
MessageId MakeMessageId(std::int64_t unix_us, absl::string_view random10);

// A province by the first two digits of GB/T 2260 (11 to 82), 99 the reference
// province, 0 none.
class ProvinceCode {
 public:
  constexpr ProvinceCode() = default;
  constexpr explicit ProvinceCode(std::uint32_t code) : code_(code) {}
  constexpr std::uint32_t value() const { return code_; }
  constexpr bool valid() const { return code_ >= 11 && code_ <= 99; }
  std::string str() const { return std::to_string(code_); }
  // Of a code that begins with a division ("320106001", "320106"); invalid
  // code where it does not.
  static ProvinceCode OfDivision(absl::string_view division);
  friend constexpr auto operator<=>(ProvinceCode, ProvinceCode) = default;
  template <typename H>
  friend H AbslHashValue(H h, ProvinceCode v) {
    return H::combine(std::move(h), v.code_);
  }

 private:
  std::uint32_t code_ = 0;
};

// A 64-bit count or position of one meaning.
template <typename Tag>
class Position {
 public:
  constexpr Position() = default;
  constexpr explicit Position(std::uint64_t v) : value_(v) {}
  constexpr std::uint64_t value() const { return value_; }
  constexpr Position next() const { return Position(value_ + 1); }
  friend constexpr auto operator<=>(Position, Position) = default;

 private:
  std::uint64_t value_ = 0;
};
using MailboxPosition = Position<struct MailboxTag>;
using ControlCursor = Position<struct ControlTag>;
using LogPosition = Position<struct LogTag>;
using SessionNumber = Position<struct SessionTag>;

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_IDS_H_
