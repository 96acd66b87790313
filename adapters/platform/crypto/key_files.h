// SM2 private keys in files (PEM, PKCS#8), readable by their owner alone and, but
// for labs, encrypted by a passphrase. An empty one demands a plain file.
#ifndef YIZHAN_ADAPTERS_PLATFORM_CRYPTO_KEY_FILES_H_
#define YIZHAN_ADAPTERS_PLATFORM_CRYPTO_KEY_FILES_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "protos/contract/crypto.h"

namespace yizhan::platform {

struct Sm2Key {
  contract::SecretBytes private_pem;  // PKCS#8
  std::string spki_der;
  contract::KeyId id;
};
absl::StatusOr<Sm2Key> GenerateSm2Key();

// Private and public half of a key file.
absl::StatusOr<Sm2Key> LoadSm2Key(const std::string& path,
                                  const contract::SecretBytes& passphrase = {});
absl::StatusOr<std::unique_ptr<contract::Signer>> LoadSigner(
    const std::string& path, const contract::SecretBytes& passphrase = {});
// Current and retired sealing keys together.
absl::StatusOr<std::unique_ptr<contract::Unwrapper>> LoadUnwrapper(
    absl::Span<const std::string> paths, const contract::SecretBytes& passphrase = {});

// The same from PEM; `name` tells a person in errors which key is meant.
absl::StatusOr<std::unique_ptr<contract::Signer>> MakeSigner(const contract::SecretBytes& pem,
                                                             absl::string_view name);
absl::StatusOr<std::unique_ptr<contract::Unwrapper>> MakeUnwrapper(
    absl::Span<const contract::SecretBytes> pems, absl::string_view name);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_CRYPTO_KEY_FILES_H_
