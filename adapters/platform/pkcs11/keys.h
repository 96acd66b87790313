// Signer and Unwrapper over a PKCS#11 module: private keys that never leave it.
#ifndef YIZHAN_ADAPTERS_PLATFORM_PKCS11_KEYS_H_
#define YIZHAN_ADAPTERS_PLATFORM_PKCS11_KEYS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "protos/contract/crypto.h"

namespace yizhan::platform {

class Pkcs11Token;

// How one algorithm is asked of a module: a row of the mechanism table. The
// standard has none for SM2, so makers give it numbers of their own.
struct Pkcs11Algorithm {
  std::string name;         // for errors
  std::string spki_prefix;  // DER of a SubjectPublicKeyInfo up to its curve point
  std::size_t point_bytes = 65;
  unsigned long sign_mechanism = 0;     // CKM_...: takes a digest, gives r | s
  unsigned long decrypt_mechanism = 0;  // CKM_...: takes what the sender's Wrap made
  std::string decrypt_parameter;        // the mechanism's, as bytes of its struct
  // What is signed of a message, by the holder of this public point.
  std::function<std::string(absl::string_view point, absl::string_view message)> digest;
};

// SM2 with the id 1234567812345678: the digest is SM3(Z | message).
Pkcs11Algorithm Sm2Algorithm(unsigned long sign_mechanism, unsigned long decrypt_mechanism);

struct Pkcs11Place {
  std::string module;  // path of the shared library
  std::string token_label;
  contract::SecretBytes pin;
};

// A token that is logged in. CONFIG_INVALID says what is absent or refused.
absl::StatusOr<std::shared_ptr<Pkcs11Token>> OpenPkcs11Token(const Pkcs11Place& place);

// The key pair with this CKA_LABEL. The public half is read from the token's
// public key object, or is `spki_der` where it keeps none. Signs once, to show
// that it can. CONFIG_INVALID for no such key, several, or another kind.
absl::StatusOr<std::unique_ptr<contract::Signer>> MakePkcs11Signer(
    std::shared_ptr<const Pkcs11Token> token, const Pkcs11Algorithm& algorithm,
    const std::string& label, const std::string& spki_der = {});

struct Pkcs11SealingKey {
  std::string label;
  std::string spki_der;  // may be empty, as above
};
// `ids`, where not null, gets the key ids in the order of `keys`.
absl::StatusOr<std::unique_ptr<contract::Unwrapper>> MakePkcs11Unwrapper(
    std::shared_ptr<const Pkcs11Token> token, const Pkcs11Algorithm& algorithm,
    const std::vector<Pkcs11SealingKey>& keys, std::vector<contract::KeyId>* ids = nullptr);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_PKCS11_KEYS_H_
