// Private keys in PEM, encrypted where they rest: PKCS#8 with PBES2.
#ifndef YIZHAN_ADAPTERS_PLATFORM_CRYPTO_PRIVATE_KEY_PEM_H_
#define YIZHAN_ADAPTERS_PLATFORM_CRYPTO_PRIVATE_KEY_PEM_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "protos/contract/crypto.h"

namespace yizhan::platform {

// `pem` is a plain PKCS#8 key of any kind. Encrypted by scrypt (N 16384, r 8,
// p 5: 16 MiB and about a quarter of a second) and AES-256-CBC, which `openssl
// pkey` and other tools read. PBES2 of OpenSSL 3.0 has no HMAC-SM3; who needs
// national algorithms for keys at rest uses a hardware module.
absl::StatusOr<contract::SecretBytes> EncryptPrivateKey(const contract::SecretBytes& pem,
                                                        const contract::SecretBytes& passphrase);

// Plain PKCS#8 PEM of what `pem` holds. An empty passphrase demands a plain key,
// any other an encrypted one, so that a key cannot lie open by mistake.
// CONFIG_INVALID naming `name`: wrong passphrase, truncated, plain, encrypted.
absl::StatusOr<contract::SecretBytes> OpenPrivateKey(const contract::SecretBytes& pem,
                                                     const contract::SecretBytes& passphrase,
                                                     absl::string_view name);

// OpenPrivateKey of a file that its owner alone can read.
absl::StatusOr<contract::SecretBytes> ReadPrivateKeyFile(const std::string& path,
                                                         const contract::SecretBytes& passphrase);
// Encrypts unless the passphrase is empty; never replaces a file.
absl::Status WritePrivateKeyFile(const std::string& path, const contract::SecretBytes& pem,
                                 const contract::SecretBytes& passphrase);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_CRYPTO_PRIVATE_KEY_PEM_H_
