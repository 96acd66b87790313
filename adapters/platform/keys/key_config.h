// The keys that a configuration names.
#ifndef YIZHAN_ADAPTERS_PLATFORM_KEYS_KEY_CONFIG_H_
#define YIZHAN_ADAPTERS_PLATFORM_KEYS_KEY_CONFIG_H_

#include <optional>

#include "adapters/platform/config/config_checker.h"
#include "adapters/platform/keys/key_ring.h"
#include "yizhan/v1/config.pb.h"

namespace yizhan::platform {

enum class KeyNeeds { kSign, kSignAndUnseal };

// Opens every key of field "keys", from files or from a module. Each mistake is
// noted in `check` with field, file, cause and what to do, after which nothing
// is returned: plain files without lab_unencrypted, encrypted ones without a
// passphrase, wrong permissions, wrong passphrase, a key of another kind.
std::optional<KeySet> LoadKeys(const v1::KeyFiles& keys, KeyNeeds needs, ConfigChecker& check);

// Notes a TLS key that is not encrypted where `keys` does not say it is a lab's.
void CheckTlsKeyAtRest(const v1::KeyFiles& keys, const v1::TlsFiles& tls, absl::string_view field,
                       ConfigChecker& check);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_KEYS_KEY_CONFIG_H_
