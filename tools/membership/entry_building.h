// Directory entries in the making.
#ifndef YIZHAN_TOOLS_MEMBERSHIP_ENTRY_BUILDING_H_
#define YIZHAN_TOOLS_MEMBERSHIP_ENTRY_BUILDING_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "protos/contract/crypto.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/directory.pb.h"

namespace yizhan::tools {

// Without a kind; `genesis` is zero for the genesis entry itself.
v1::DirectoryEntry NewEntry(const contract::Digest& genesis, absl::Time now);
// Unsigned.
v1::SignedEntry EntryOf(const v1::Member& member, const contract::Digest& genesis, absl::Time now);

// Adds a signature. FAILED_PRECONDITION where this key has signed already.
absl::Status AddSignature(const contract::Signer& signer, v1::SignerRole role,
                          contract::ProvinceCode province, v1::SignedEntry& entry);

// A new key of suite SM, valid from `not_before` on.
v1::PublicKey NewPublicKey(absl::string_view spki_der, v1::KeyUse use, absl::Time not_before);

// 64 hex digits in groups of four, to be read out on the telephone.
std::string FingerprintText(absl::string_view digest);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_MEMBERSHIP_ENTRY_BUILDING_H_
