// Sealing and opening of bodies.
//
//   body key = first 16 bytes of HKDF-SM3(secret, salt,
//              PAE("yizhan.v1.body-key", "SM", source, destination, lane, header digest, key id))
//              with source, destination and lane as ASCII decimal numbers
//   body     = SM4-GCM(body key, zero nonce, aad = header digest, padded plaintext)
//   padded   = length of Plaintext (4 bytes, big-endian) | Plaintext | zeros to a size class
//   size classes: 512 B, then each power of two and its half step up to 32 KiB
//   (512, 768, 1024, 1536, ...), then multiples of 16 KiB
#ifndef YIZHAN_PROTOS_CONTRACT_SEAL_H_
#define YIZHAN_PROTOS_CONTRACT_SEAL_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "protos/contract/crypto.h"
#include "protos/contract/envelope.h"
#include "yizhan/v1/envelope.pb.h"

namespace yizhan::contract {

// Of a serialized Plaintext of that many bytes.
std::size_t PaddedSize(std::size_t plaintext_bytes);
// SM3(salt | payload).
Digest Commitment(const Hasher& hasher, absl::string_view salt, absl::string_view payload);

// Seals bodies to recipients, one epoch secret per recipient key for
// kEpochSecretLife. One thread. `algorithms` and `random` must outlive this object.
class Sealer {
 public:
  Sealer(SuiteAlgorithms algorithms, Random* random);

  struct Sealed {
    std::string seal;  // serialized v1::Seal
    std::string body;
  };
  // header: serialized header. Errors: RECIPIENT_KEY_UNKNOWN for a key that
  // cannot be wrapped to, BODY_TOO_LARGE where the sealed body passes
  // kMaxBodyBytes.
  absl::StatusOr<Sealed> Seal(absl::string_view header, const KeyId& recipient_key,
                              absl::string_view recipient_spki_der, const v1::Plaintext& plaintext,
                              std::uint64_t number, absl::Time expires, absl::Time now);

 private:
  struct Epoch {
    SecretBytes secret;
    std::string wrapped;
    absl::Time until;
  };
  absl::StatusOr<const Epoch*> CurrentEpoch(const KeyId& recipient_key,
                                            absl::string_view recipient_spki_der, absl::Time now);

  SuiteAlgorithms algorithms_;
  Random* const random_;
  std::map<KeyId, Epoch> epochs_;
};

// Opens bodies; unwrapped secrets are cached. One thread. What the pointers
// name must outlive this object.
class Opener {
 public:
  Opener(SuiteAlgorithms algorithms, const Unwrapper* unwrapper, std::size_t cached_secrets = 1024);

  // Errors: RECIPIENT_KEY_UNKNOWN, CANNOT_OPEN, COMMITMENT_MISMATCH. The body
  // digest is the caller's to check first.
  absl::StatusOr<v1::Plaintext> Open(const v1::Envelope& envelope, const ParsedEnvelope& parsed);

 private:
  absl::StatusOr<SecretBytes> EpochSecret(const v1::Seal& seal, absl::string_view message_id);

  SuiteAlgorithms algorithms_;
  const Unwrapper* const unwrapper_;
  const std::size_t capacity_;
  std::map<Digest, SecretBytes> secrets_;  // SM3(key id | wrapped) -> secret
};

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_SEAL_H_
