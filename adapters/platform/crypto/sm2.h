// SM2 by OpenSSL: signatures with the id 1234567812345678 over SM3, and
// encryption of short secrets. Use SmSuite() of suite.h and key_files.h.
#ifndef YIZHAN_ADAPTERS_PLATFORM_CRYPTO_SM2_H_
#define YIZHAN_ADAPTERS_PLATFORM_CRYPTO_SM2_H_

#include <map>
#include <memory>
#include <string>

#include "adapters/platform/mutex/mutex.h"
#include "protos/contract/crypto.h"

struct evp_pkey_st;  // EVP_PKEY; OpenSSL's headers stay in the sources

namespace yizhan::platform {

using SharedPkey = std::shared_ptr<evp_pkey_st>;

// Parsed public keys by their DER; parsing costs a tenth of a verification. Any
// thread. Bounded: when full it starts anew.
class Sm2PublicKeys {
 public:
  // INVALID_ARGUMENT unless exactly one SM2 SubjectPublicKeyInfo.
  absl::StatusOr<SharedPkey> Parse(absl::string_view spki_der) const;

 private:
  static constexpr std::size_t kCapacity = 1024;
  mutable Mutex mutex_;
  mutable std::map<std::string, SharedPkey, std::less<>> keys_ ABSL_GUARDED_BY(mutex_);
};

// Any thread.
class Sm2Verifier final : public contract::Verifier {
 public:
  absl::Status Verify(absl::string_view spki_der, absl::string_view message,
                      absl::string_view signature) const override;

 private:
  Sm2PublicKeys keys_;
};

// Any thread.
class Sm2KeyWrapper final : public contract::KeyWrapper {
 public:
  absl::StatusOr<std::string> Wrap(absl::string_view spki_der,
                                   const contract::SecretBytes& secret) const override;

 private:
  Sm2PublicKeys keys_;
};

// Any thread.
class Sm2Signer final : public contract::Signer {
 public:
  // `key` holds an SM2 private key.
  Sm2Signer(SharedPkey key, contract::KeyId id);
  contract::KeyId key_id() const override { return id_; }
  absl::StatusOr<std::string> Sign(absl::string_view message) const override;

 private:
  const SharedPkey key_;
  const contract::KeyId id_;
};

// Any thread.
class Sm2Unwrapper final : public contract::Unwrapper {
 public:
  explicit Sm2Unwrapper(std::map<contract::KeyId, SharedPkey> keys) : keys_(std::move(keys)) {}
  bool Has(const contract::KeyId& key) const override { return keys_.contains(key); }
  absl::StatusOr<contract::SecretBytes> Unwrap(const contract::KeyId& key,
                                               absl::string_view wrapped) const override;

 private:
  const std::map<contract::KeyId, SharedPkey> keys_;
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_CRYPTO_SM2_H_
