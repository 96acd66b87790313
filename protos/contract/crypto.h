// What the contract needs of cryptography, as interfaces. adapters/platform/crypto
// implements them; nothing else in the project calls a crypto library.
#ifndef YIZHAN_PROTOS_CONTRACT_CRYPTO_H_
#define YIZHAN_PROTOS_CONTRACT_CRYPTO_H_

#include <initializer_list>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "protos/contract/ids.h"

namespace yizhan::contract {

// Bytes that must not be printed. No stream operator; wiped when destroyed.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::string bytes) : bytes_(std::move(bytes)) {}
  SecretBytes(const SecretBytes&) = default;
  SecretBytes& operator=(const SecretBytes& other);
  SecretBytes(SecretBytes&& other) noexcept : bytes_(other.bytes_) { other.Wipe(); }
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  ~SecretBytes() { Wipe(); }

  // Greppable on purpose.
  absl::string_view ExposeSecretBytes() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }

 private:
  void Wipe();
  std::string bytes_;
};

// Thread rule of every interface here: const methods may be called from any
// thread at once.

// SM3 (GB/T 32905) and HMAC-SM3.
class Hasher {
 public:
  virtual ~Hasher() = default;
  // Digest of the concatenated parts.
  virtual Digest Hash(absl::Span<const absl::string_view> parts) const = 0;
  virtual Digest Hmac(absl::string_view key, absl::Span<const absl::string_view> parts) const = 0;
  Digest Hash(absl::string_view one) const { return Hash(absl::MakeConstSpan(&one, 1)); }
};

// SM4-GCM (GB/T 32907): 16-byte key, 12-byte nonce, 16-byte tag at the end.
class Aead {
 public:
  virtual ~Aead() = default;
  virtual absl::StatusOr<std::string> Seal(const SecretBytes& key, absl::string_view nonce,
                                           absl::string_view aad,
                                           absl::string_view plaintext) const = 0;
  // DATA_LOSS where the tag does not fit.
  virtual absl::StatusOr<std::string> Open(const SecretBytes& key, absl::string_view nonce,
                                           absl::string_view aad,
                                           absl::string_view sealed) const = 0;
};

// SM2 verification (GB/T 32918, id 1234567812345678, SM3), DER signature.
class Verifier {
 public:
  virtual ~Verifier() = default;
  // OK, or INVALID_ARGUMENT (key or signature malformed), DATA_LOSS (wrong).
  virtual absl::Status Verify(absl::string_view spki_der, absl::string_view message,
                              absl::string_view signature) const = 0;
};

// SM2 public-key encryption of a short secret.
class KeyWrapper {
 public:
  virtual ~KeyWrapper() = default;
  virtual absl::StatusOr<std::string> Wrap(absl::string_view spki_der,
                                           const SecretBytes& secret) const = 0;
};

// The algorithms of one suite. The pointed-to objects must outlive the holder.
struct SuiteAlgorithms {
  const Hasher* hasher = nullptr;
  const Aead* aead = nullptr;
  const Verifier* verifier = nullptr;
  const KeyWrapper* wrapper = nullptr;
};

// A private signing key, in a file or in a hardware module.
class Signer {
 public:
  virtual ~Signer() = default;
  virtual KeyId key_id() const = 0;
  // DER SM2 signature. UNAVAILABLE where a module does not answer.
  virtual absl::StatusOr<std::string> Sign(absl::string_view message) const = 0;
};

// Private sealing keys, current and retired.
class Unwrapper {
 public:
  virtual ~Unwrapper() = default;
  virtual bool Has(const KeyId& key) const = 0;
  // NOT_FOUND for a key that it does not have, DATA_LOSS where it does not open.
  virtual absl::StatusOr<SecretBytes> Unwrap(const KeyId& key, absl::string_view wrapped) const = 0;
};

// Cryptographically strong in production, seeded in simulation. One thread.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::string Bytes(std::size_t count) = 0;
};

template <typename Fixed>
Fixed RandomFixed(Random& random) {
  return *Fixed::From(random.Bytes(Fixed::kSize));
}

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_CRYPTO_H_
