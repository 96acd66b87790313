#include "adapters/platform/pkcs11/encodings.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/crypto/suite.h"
#include "adapters/platform/pkcs11/keys.h"

namespace yizhan::platform {
namespace {

constexpr std::size_t kMaxNumberBytes = 48;

// INTEGER: no leading zeros, but one before a set high bit.
std::string DerInteger(absl::string_view number) {
  while (number.size() > 1 && number.front() == '\0') number.remove_prefix(1);
  const bool high = (static_cast<unsigned char>(number.front()) & 0x80) != 0;
  const char size = static_cast<char>(number.size() + (high ? 1 : 0));
  return absl::StrCat(absl::string_view("\x02", 1), absl::string_view(&size, 1),
                      absl::string_view("\0", high ? 1 : 0), number);
}

// ENTL | id | a | b | Gx | Gy of the curve of GB/T 32918.5.
const std::string& Sm2Preamble() {
  static const auto* const preamble = new std::string(absl::StrCat(
      absl::string_view("\0\x80", 2), "1234567812345678",
      absl::HexStringToBytes("fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc"
                             "28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93"
                             "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
                             "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0")));
  return *preamble;
}

}  // namespace

absl::StatusOr<std::string> EcdsaSignatureToDer(absl::string_view raw) {
  const std::size_t half = raw.size() / 2;
  if (half == 0 || raw.size() % 2 != 0 || half > kMaxNumberBytes) {
    return absl::InternalError(
        absl::StrCat("the module gave a signature of ", raw.size(), " bytes, not r and s"));
  }
  const std::string numbers =
      absl::StrCat(DerInteger(raw.substr(0, half)), DerInteger(raw.substr(half)));
  const char size = static_cast<char>(numbers.size());
  return absl::StrCat(absl::string_view("\x30", 1), absl::string_view(&size, 1), numbers);
}

std::string Sm2Digest(absl::string_view point, absl::string_view message) {
  const contract::Hasher& hasher = *SmSuite().hasher;
  const contract::Digest z = hasher.Hash({{absl::string_view(Sm2Preamble()), point.substr(1)}});
  return hasher.Hash({{z.view(), message}}).str();
}

Pkcs11Algorithm Sm2Algorithm(unsigned long sign_mechanism, unsigned long decrypt_mechanism) {
  Pkcs11Algorithm algorithm;
  algorithm.name = "SM2";
  // id-ecPublicKey, curve 1.2.156.10197.1.301, a BIT STRING of 66 bytes.
  algorithm.spki_prefix =
      absl::HexStringToBytes("3059301306072a8648ce3d020106082a811ccf5501822d034200");
  algorithm.sign_mechanism = sign_mechanism;
  algorithm.decrypt_mechanism = decrypt_mechanism;
  algorithm.digest = Sm2Digest;
  return algorithm;
}

}  // namespace yizhan::platform
