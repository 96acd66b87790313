// SM3, HMAC-SM3 and SM4-GCM by libgcrypt. Use SmSuite() of suite.h.
#ifndef YIZHAN_ADAPTERS_PLATFORM_CRYPTO_GCRYPT_ALGORITHMS_H_
#define YIZHAN_ADAPTERS_PLATFORM_CRYPTO_GCRYPT_ALGORITHMS_H_

#include <string>

#include "protos/contract/crypto.h"

namespace yizhan::platform {

// Any thread.
class Sm3Hasher final : public contract::Hasher {
 public:
  Sm3Hasher();
  using contract::Hasher::Hash;
  contract::Digest Hash(absl::Span<const absl::string_view> parts) const override;
  contract::Digest Hmac(absl::string_view key,
                        absl::Span<const absl::string_view> parts) const override;
};

// Any thread.
class Sm4GcmAead final : public contract::Aead {
 public:
  Sm4GcmAead();
  absl::StatusOr<std::string> Seal(const contract::SecretBytes& key, absl::string_view nonce,
                                   absl::string_view aad,
                                   absl::string_view plaintext) const override;
  absl::StatusOr<std::string> Open(const contract::SecretBytes& key, absl::string_view nonce,
                                   absl::string_view aad, absl::string_view sealed) const override;
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_CRYPTO_GCRYPT_ALGORITHMS_H_
