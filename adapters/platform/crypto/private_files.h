// Files that hold secrets: readable by their owner alone.
#ifndef YIZHAN_ADAPTERS_PLATFORM_CRYPTO_PRIVATE_FILES_H_
#define YIZHAN_ADAPTERS_PLATFORM_CRYPTO_PRIVATE_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "protos/contract/crypto.h"

namespace yizhan::platform {

// Reads a file of at most 64 KiB that only its owner can read. CONFIG_INVALID
// naming path, mode and remedy for others.
absl::StatusOr<contract::SecretBytes> ReadPrivateFile(const std::string& path);
// Makes the file with mode 0600, synced; refuses to replace one.
absl::Status WritePrivateFile(const std::string& path, const contract::SecretBytes& content);

inline constexpr std::size_t kMinPassphraseBytes = 12;
inline constexpr std::size_t kMaxPassphraseBytes = 1024;

// The one line of a private file, without its end: passphrase or PIN. At least
// `min_bytes`; CONFIG_INVALID for a shorter one and for a second line.
absl::StatusOr<contract::SecretBytes> ReadSecretLine(const std::string& path,
                                                     std::size_t min_bytes = kMinPassphraseBytes);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_CRYPTO_PRIVATE_FILES_H_
