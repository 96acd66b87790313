// Keys that are born here: encrypted files in a folder of their owner.
#ifndef YIZHAN_TOOLS_MEMBERSHIP_KEY_FOLDER_H_
#define YIZHAN_TOOLS_MEMBERSHIP_KEY_FOLDER_H_

#include <string>

#include "absl/status/statusor.h"
#include "adapters/platform/crypto/key_files.h"
#include "protos/contract/crypto.h"

namespace yizhan::tools {

// The passphrase in `path`; makes the file with a random one where there is none.
absl::StatusOr<contract::SecretBytes> PassphraseAt(const std::string& path,
                                                   contract::Random& random);

// Both write a new file, encrypted unless the passphrase is empty, and never
// replace one. Folders are made with mode 0700.
absl::StatusOr<platform::Sm2Key> NewKeyFile(const std::string& path,
                                            const contract::SecretBytes& passphrase);
// A TLS key; returns its certificate request, PEM.
absl::StatusOr<std::string> NewTlsKeyFile(const std::string& path,
                                          const contract::SecretBytes& passphrase,
                                          const std::string& common_name);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_MEMBERSHIP_KEY_FOLDER_H_
