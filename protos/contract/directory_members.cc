// Members: whose keys and certificates the network knows.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "protos/contract/directory.h"
#include "protos/contract/directory_internal.h"
#include "protos/contract/fields.h"

namespace yizhan::contract {
namespace {

// Suspends, revokes, or marks keys as suspect, and leaves everything else as it
// was: what the authority may do alone.
bool OnlyTakesAway(const v1::Member& before, const v1::Member& after) {
  v1::Member same = before;
  same.set_version(after.version());
  same.set_document_number(after.document_number());
  if (after.status() == v1::MEMBER_SUSPENDED || after.status() == v1::MEMBER_REVOKED) {
    same.set_status(after.status());
  }
  for (v1::PublicKey& key : *same.mutable_keys()) {
    const v1::PublicKey* now = FindKeyIn(after.keys(), key.key_id());
    if (now != nullptr && now->suspect_since_unix_us() != 0) {
      key.set_suspect_since_unix_us(now->suspect_since_unix_us());
    }
  }
  return same.SerializeAsString() == after.SerializeAsString();
}

bool AddsKey(const v1::Member& before, const v1::Member& after) {
  return std::any_of(after.keys().begin(), after.keys().end(), [&](const v1::PublicKey& key) {
    const v1::PublicKey* old = FindKeyIn(before.keys(), key.key_id());
    if (old == nullptr || old->use() != key.use()) return true;
    const bool lasts_longer =
        old->not_after_unix_us() != 0 &&
        (key.not_after_unix_us() == 0 || key.not_after_unix_us() > old->not_after_unix_us());
    return lasts_longer;
  });
}

template <typename Repeated>
bool AddsTo(const Repeated& before, const Repeated& after) {
  return std::any_of(after.begin(), after.end(), [&](const auto& one) {
    return std::find(before.begin(), before.end(), one) == before.end();
  });
}

// Gives the member what it did not have: the authority must agree.
bool AddsPower(const v1::Member& before, const v1::Member& after) {
  return AddsKey(before, after) ||
         AddsTo(before.certificate_sha256(), after.certificate_sha256()) ||
         AddsTo(before.capabilities(), after.capabilities()) || before.name() != after.name() ||
         (after.status() == v1::MEMBER_ACTIVE && before.status() != v1::MEMBER_ACTIVE);
}

// No key of the version before could sign for the member any more.
bool DropsOldSigners(const v1::Member& before, const v1::Member& after) {
  return std::all_of(after.keys().begin(), after.keys().end(), [&](const v1::PublicKey& key) {
    return key.use() != v1::KEY_USE_SIGN || key.suspect_since_unix_us() != 0 ||
           FindKeyIn(before.keys(), key.key_id()) == nullptr;
  });
}

}  // namespace

absl::Status DirectoryState::CheckMember(const Hasher& hasher, const v1::Member& member) const {
  const ProvinceCode province(member.province());
  const bool kinds_known =
      std::all_of(member.capabilities().begin(), member.capabilities().end(), [](int kind) {
        return IsKnown<v1::MessageKind>(static_cast<v1::MessageKind>(kind),
                                        v1::MessageKind_IsValid);
      });
  const FieldRule rules[] = {
      {province.valid(), "province is not a province code"},
      {!member.name().empty() && member.name().size() <= kMaxNameBytes,
       "name is empty or too long"},
      {IsKnown<v1::MemberStatus>(member.status(), v1::MemberStatus_IsValid), "status is unknown"},
      {kinds_known, "capabilities names an unknown kind"},
      {member.duty_telephone().size() <= kMaxNameBytes, "duty_telephone is too long"},
      {HasUse(member.keys(), v1::KEY_USE_SIGN), "keys has no signing key"},
      {HasUse(member.keys(), v1::KEY_USE_SEAL), "keys has no sealing key"},
  };
  if (const char* broken = FirstBroken(rules); broken != nullptr) {
    return RefuseEntry(broken, "Correct the field and sign the entry again.");
  }
  if (absl::Status s = CheckKeys(hasher, member.keys(), "keys"); !s.ok()) return s;
  KeyOwner member_itself;
  member_itself.province = province;
  if (absl::Status s = CheckOwned(member_itself, member.keys()); !s.ok()) return s;
  if (absl::Status s = CheckCertificates(member.certificate_sha256(), "certificate_sha256");
      !s.ok()) {
    return s;
  }
  const Fingerprints& brokers = broker_.certificate_sha256();
  for (const std::string& fingerprint : member.certificate_sha256()) {
    const auto owner = certificates_.find(*CertificateFingerprint::From(fingerprint));
    const bool of_member = owner != certificates_.end() && owner->second != province;
    const bool of_broker = std::find(brokers.begin(), brokers.end(), fingerprint) != brokers.end();
    if (of_member || of_broker) {
      return RefuseEntry("a certificate belongs to somebody else",
                         "Request a certificate of your own.");
    }
  }
  return absl::OkStatus();
}

absl::Status DirectoryState::CheckConsent(const v1::Member* before, const v1::Member& after,
                                          const Signers& signers) const {
  const ProvinceCode province(after.province());
  const bool by_member = signers.members.contains(province);
  const bool by_new_key = signers.newcomers.contains(province);
  const bool agreed = Agreed(signers);
  if (before != nullptr) {
    if (agreed && OnlyTakesAway(*before, after)) return absl::OkStatus();
    // Revocation is for ever: who stole a key must not be able to.
    const bool revokes = after.status() == v1::MEMBER_REVOKED;
    if (!revokes && !AddsPower(*before, after)) {
      if (by_member) return absl::OkStatus();
      if (OnlyTakesAway(*before, after)) {
        return RefuseEntry(
            absl::StrCat("the member has not signed it, and ", signers.authority.size(), " of ",
                         authority_quorum(), " officers of the authority have"),
            "Sign it with a signing key of the version before, or have all officers sign.");
      }
      return RefuseEntry("the member has not signed it",
                         "Sign it with a signing key of the version before.");
    }
  }
  if (!agreed) {
    return RefuseEntry(absl::StrCat("the authority has not signed it: ", signers.authority.size(),
                                    " of ", authority_quorum(), " officers have"),
                       "Have it countersigned by the officers of the authority.");
  }
  if (by_member || (before == nullptr && by_new_key)) return absl::OkStatus();
  if (before == nullptr || !by_new_key) {
    return RefuseEntry("the member has not signed it",
                       before == nullptr ? "Sign it with the new signing key."
                                         : "Sign it with a signing key of the version before.");
  }
  // The member lost its keys: the authority binds the new ones.
  if (after.document_number().empty() || after.document_number() == before->document_number()) {
    return RefuseEntry("the member has not signed it with a key of the version before",
                       "Where these are lost, name the authority's decision in document_number.");
  }
  if (!DropsOldSigners(*before, after)) {
    return RefuseEntry("it binds a new key beside one that is said to be lost",
                       "Leave out the lost signing keys, or mark them as suspect.");
  }
  return absl::OkStatus();
}

absl::Status DirectoryState::ApplyMember(const Hasher& hasher, const v1::Member& member,
                                         const Signers& signers, absl::Time created) {
  const ProvinceCode province(member.province());
  const v1::Member* before = FindMember(province);
  const std::uint64_t next = before == nullptr ? 1 : before->version() + 1;
  if (before != nullptr && before->status() == v1::MEMBER_REVOKED) {
    return RefuseEntry("the member is revoked, and that is final", "Nothing can follow.");
  }
  if (member.version() != next) {
    return RefuseEntry(absl::StrCat("version ", member.version(), " must be ", next),
                       "Fetch the directory and make the entry from the current version.");
  }
  if (absl::Status s = CheckConsent(before, member, signers); !s.ok()) return s;
  if (absl::Status s = CheckMember(hasher, member); !s.ok()) return s;
  const bool lost = before != nullptr && !signers.members.contains(province) &&
                    signers.newcomers.contains(province);

  NoteKeyChanges(before, member, lost, created);
  KeyOwner owner;
  owner.province = province;
  keys_.List(owner, member.status() == v1::MEMBER_REVOKED ? Keys() : member.keys(), created);
  std::erase_if(certificates_, [&](const auto& entry) { return entry.second == province; });
  for (const std::string& fingerprint : member.certificate_sha256()) {
    certificates_[*CertificateFingerprint::From(fingerprint)] = province;
  }
  members_[province] = member;
  return absl::OkStatus();
}

void DirectoryState::NoteKeyChanges(const v1::Member* before, const v1::Member& after, bool lost,
                                    absl::Time created) {
  if (before == nullptr) return;
  KeyChanges& changes = key_changes_[ProvinceCode(after.province())];
  std::map<KeyId, absl::Time> listed = std::move(changes.listed);
  changes.listed.clear();
  for (const v1::PublicKey& key : after.keys()) {
    const KeyId id = *KeyId::From(key.key_id());
    const v1::PublicKey* old = FindKeyIn(before->keys(), key.key_id());
    if (old == nullptr) listed[id] = created;
    if (const auto found = listed.find(id); found != listed.end()) changes.listed.insert(*found);
    const bool was_suspect = old != nullptr && old->suspect_since_unix_us() != 0;
    if (key.suspect_since_unix_us() != 0 && !was_suspect) changes.suspect = created;
  }
  if (lost) changes.suspect = created;
  if (changes.listed.empty() && changes.suspect == absl::Time()) {
    key_changes_.erase(ProvinceCode(after.province()));
  }
}

}  // namespace yizhan::contract
