// The next version of a member, by what changes. Nothing here signs.
#ifndef YIZHAN_TOOLS_MEMBERSHIP_MEMBER_CHANGES_H_
#define YIZHAN_TOOLS_MEMBERSHIP_MEMBER_CHANGES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "yizhan/v1/directory.pb.h"

namespace yizhan::tools {

enum class KeyState {
  kStaged,   // not_before is to come
  kActive,   // the last listed one of its use whose dates hold: it signs, it is sealed to
  kValid,    // holds, but a later one is active
  kRetired,  // not_after has passed
  kSuspect,
};
KeyState StateOf(const v1::Member& member, const v1::PublicKey& key, absl::Time now);
std::string KeyStateText(KeyState state);  // "staged", "active", ...

// The one key whose id begins with these hex digits (8 at least); without any,
// the one key of `use` in `state`. NOT_FOUND names those that there are.
absl::StatusOr<v1::PublicKey> PickKey(const v1::Member& member, absl::string_view id_hex,
                                      v1::KeyUse use, KeyState state, absl::Time now);

// All return the member with the version after and without a document number.
// Adds a key that holds from a later time on. Needs member and authority.
absl::StatusOr<v1::Member> StageKey(const v1::Member& member, const v1::PublicKey& key,
                                    absl::Time now);
// Lets a staged key hold from now on. The member alone.
absl::StatusOr<v1::Member> ActivateKey(const v1::Member& member, const v1::PublicKey& key,
                                       absl::Time now);
// Ends a key now; another one of its use must hold. The member alone.
absl::StatusOr<v1::Member> RetireKey(const v1::Member& member, const v1::PublicKey& key,
                                     absl::Time now);
// What the key signed later than `since` counts for nothing, for ever. The
// member alone, or the authority alone.
absl::StatusOr<v1::Member> SuspectKey(const v1::Member& member, const v1::PublicKey& key,
                                      absl::Time since, absl::Time now);
// Takes a certificate out; one must stay. The member alone.
absl::StatusOr<v1::Member> DropCertificate(const v1::Member& member, absl::string_view sha256);
// SUSPENDED or REVOKED, by the authority's quorum alone.
absl::StatusOr<v1::Member> WithStatus(const v1::Member& member, v1::MemberStatus status,
                                      absl::string_view document_number);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_MEMBERSHIP_MEMBER_CHANGES_H_
