// Forms of signatures and public keys between modules and the contract.
#ifndef YIZHAN_ADAPTERS_PLATFORM_PKCS11_ENCODINGS_H_
#define YIZHAN_ADAPTERS_PLATFORM_PKCS11_ENCODINGS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace yizhan::platform {

// SEQUENCE { INTEGER r, INTEGER s } of r | s, both of the same length, at most
// 48 bytes. INTERNAL for another form.
absl::StatusOr<std::string> EcdsaSignatureToDer(absl::string_view raw);

// SM3(Z | message) of GB/T 32918 for the holder of this uncompressed point,
// with the id 1234567812345678.
std::string Sm2Digest(absl::string_view point, absl::string_view message);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_PKCS11_ENCODINGS_H_
