// Signing bytes and batch signatures: every signature is one leaf of an RFC
// 6962 tree whose root is signed once.
//
//   PAE(type, p1, .., pn) = "YZPAE1" SP len(type) SP type ( SP len(pi) SP pi )*
//   with len in ASCII decimal and SP one space
//   leaf = SM3(0x00 | PAE(type, parts...))
//   node = SM3(0x01 | left | right)
//   root signature over PAE("yizhan.v1.batch", "SM", leaf count (8 bytes, big-endian), root)
#ifndef YIZHAN_PROTOS_CONTRACT_SIGNING_H_
#define YIZHAN_PROTOS_CONTRACT_SIGNING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "protos/contract/crypto.h"
#include "protos/contract/verified_batches.h"
#include "yizhan/v1/envelope.pb.h"

namespace yizhan::contract {

// Domain separators.
inline constexpr char kEnvelopeType[] = "yizhan.v1.envelope";               // parts: header, seal
inline constexpr char kControlType[] = "yizhan.v1.control";                 // part: record
inline constexpr char kDirectoryEntryType[] = "yizhan.v1.directory-entry";  // part: entry
inline constexpr char kLinkArmType[] = "yizhan.v1.link-arm";                // part: statement
inline constexpr char kBatchType[] = "yizhan.v1.batch";

std::string Pae(absl::string_view type, absl::Span<const absl::string_view> parts);
Digest LeafDigest(const Hasher& hasher, absl::string_view type,
                  absl::Span<const absl::string_view> parts);

// Signs what waits as one batch: signatures[i] belongs to leaves[i]. 1 to
// kMaxLeafCount leaves; one call of the signer.
absl::StatusOr<std::vector<v1::Signature>> SignBatch(const Signer& signer, const Hasher& hasher,
                                                     absl::Span<const Digest> leaves);
absl::StatusOr<v1::Signature> SignOne(const Signer& signer, const Hasher& hasher,
                                      absl::string_view type,
                                      absl::Span<const absl::string_view> parts);

// A registered public key and whom it belongs to.
struct KeyOwner {
  ProvinceCode province;  // 0 for broker or authority
  bool broker = false;
  bool authority = false;
  std::string spki_der;
  // False for sealing keys and suspect ones: what they sign is refused.
  bool signs = true;
};

// Verifies signatures; verified batches are remembered by (key id, leaf count,
// root signature), least recently used ones leave first.
// One thread. `hasher` and `verifier` must outlive this object.
class SignatureChecker {
 public:
  SignatureChecker(const Hasher* hasher, const Verifier* verifier,
                   std::size_t cached_batches = 4096);

  // OK, or SIGNATURE_INVALID. `key` is the registered owner of signature.key_id,
  // looked up by the caller on every call, so that a cached root never outlives
  // a directory change unnoticed.
  absl::Status Check(const KeyOwner& key, const v1::Signature& signature, absl::string_view type,
                     absl::Span<const absl::string_view> parts);
  // True if the next Check of this signature, right or wrong, needs no asymmetric
  // operation; for budgets.
  bool IsCached(const v1::Signature& signature) const;
  // To be called on every directory change.
  void Purge();
  // Asymmetric verifications made so far, failed ones included.
  std::uint64_t verifications() const { return verifications_; }

 private:
  const Hasher* const hasher_;
  const Verifier* const verifier_;
  std::uint64_t verifications_ = 0;
  VerifiedBatches batches_;
};

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_SIGNING_H_
