// What the sources of directory.h share.
#ifndef YIZHAN_PROTOS_CONTRACT_DIRECTORY_INTERNAL_H_
#define YIZHAN_PROTOS_CONTRACT_DIRECTORY_INTERNAL_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "protos/contract/crypto.h"
#include "protos/contract/signing.h"
#include "yizhan/v1/directory.pb.h"

namespace yizhan::contract {

absl::Status RefuseEntry(absl::string_view what, absl::string_view next_step);

inline constexpr std::size_t kMaxNameBytes = 256;

using Keys = google::protobuf::RepeatedPtrField<v1::PublicKey>;
using Fingerprints = google::protobuf::RepeatedPtrField<std::string>;

// Form, number, and that none is there twice; `field` is named in the error.
absl::Status CheckKeys(const Hasher& hasher, const Keys& keys, absl::string_view field);
absl::Status CheckCertificates(const Fingerprints& fingerprints, absl::string_view field);
bool HasUse(const Keys& keys, v1::KeyUse use);
const v1::PublicKey* FindKeyIn(const Keys& keys, absl::string_view id);

// Form of a registered key, and that its id is SM3 of the key: the cache of
// verified signatures trusts key ids.
bool IsWellFormedKey(const Hasher& hasher, const v1::PublicKey& key);
// The key as signatures are checked by it; whose it is, the caller fills in.
KeyOwner RegisteredKey(const v1::PublicKey& key);

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_DIRECTORY_INTERNAL_H_
