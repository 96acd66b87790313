// Genesis and members: whose keys and certificates the network knows.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "protos/contract/directory.h"
#include "protos/contract/directory_internal.h"
#include "protos/contract/fields.h"

namespace yizhan::contract {
namespace {

constexpr int kMaxKeys = 16;
constexpr int kMaxCertificates = 16;
constexpr std::size_t kMaxSpkiBytes = 1024;
constexpr std::size_t kMaxNameBytes = 256;

using Keys = google::protobuf::RepeatedPtrField<v1::PublicKey>;
using Fingerprints = google::protobuf::RepeatedPtrField<std::string>;

absl::Status CheckKeys(const Hasher& hasher, const Keys& keys, absl::string_view field) {
  if (keys.size() > kMaxKeys) {
    return RefuseEntry(absl::StrCat(field, " has more than ", kMaxKeys, " keys"),
                       "Leave out keys that are no longer used.");
  }
  std::set<std::string> ids;
  for (int i = 0; i < keys.size(); ++i) {
    if (!IsWellFormedKey(hasher, keys[i])) {
      return RefuseEntry(absl::StrCat(field, "[", i, "] is malformed"),
                         "Give suite, use and DER SubjectPublicKeyInfo, and as key_id its SM3.");
    }
    if (!ids.insert(keys[i].key_id()).second) {
      return RefuseEntry(absl::StrCat(field, "[", i, "] is listed twice"), "List each key once.");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCertificates(const Fingerprints& fingerprints, absl::string_view field) {
  std::set<std::string> seen;
  for (const std::string& fingerprint : fingerprints) {
    if (fingerprint.size() != CertificateFingerprint::kSize || !seen.insert(fingerprint).second) {
      return RefuseEntry(absl::StrCat(field, " must hold SHA-256 digests, each once"),
                         "Give the SHA-256 of the certificate's DER.");
    }
  }
  if (fingerprints.size() > kMaxCertificates) {
    return RefuseEntry(absl::StrCat(field, " has more than ", kMaxCertificates, " certificates"),
                       "Leave out certificates that are no longer used.");
  }
  return absl::OkStatus();
}

bool HasUse(const Keys& keys, v1::KeyUse use) {
  return std::any_of(keys.begin(), keys.end(),
                     [use](const v1::PublicKey& key) { return key.use() == use; });
}

// A suspension or revocation that leaves everything else as it was.
bool IsMereRemoval(const v1::Member& before, const v1::Member& after) {
  v1::Member same = before;
  same.set_version(after.version());
  same.set_status(after.status());
  return (after.status() == v1::MEMBER_SUSPENDED || after.status() == v1::MEMBER_REVOKED) &&
         same.SerializeAsString() == after.SerializeAsString();
}

}  // namespace

bool IsWellFormedKey(const Hasher& hasher, const v1::PublicKey& key) {
  return key.suite() == v1::SUITE_SM && IsKnown<v1::KeyUse>(key.use(), v1::KeyUse_IsValid) &&
         !key.spki_der().empty() && key.spki_der().size() <= kMaxSpkiBytes &&
         key.key_id() == hasher.Hash(absl::string_view(key.spki_der())).view() &&
         key.not_before_unix_us() >= 0 && key.suspect_since_unix_us() >= 0 &&
         (key.not_after_unix_us() == 0 || key.not_after_unix_us() > key.not_before_unix_us());
}

KeyOwner RegisteredKey(const v1::PublicKey& key) {
  KeyOwner owner;
  owner.spki_der = key.spki_der();
  owner.signs = key.use() == v1::KEY_USE_SIGN && key.suspect_since_unix_us() == 0;
  return owner;
}

absl::Status DirectoryState::ApplyGenesis(const Hasher& hasher, const v1::Genesis& genesis,
                                          const Digest& digest, const Digest& pinned) {
  if (!pinned.is_zero() && digest != pinned) {
    return RefuseEntry(
        absl::StrCat("its digest is ", digest.hex(), ", but the configuration pins ", pinned.hex()),
        "Check which network this side is configured for.");
  }
  if (genesis.network().empty() || genesis.network().size() > kMaxNameBytes) {
    return RefuseEntry("network is empty or too long", "Name the network.");
  }
  for (const auto& [keys, field] : {std::pair(&genesis.authority_keys(), "authority_keys"),
                                    std::pair(&genesis.broker_keys(), "broker_keys")}) {
    if (absl::Status s = CheckKeys(hasher, *keys, field); !s.ok()) return s;
    if (!HasUse(*keys, v1::KEY_USE_SIGN)) {
      return RefuseEntry(absl::StrCat(field, " has no signing key"), "Name one.");
    }
  }
  if (absl::Status s =
          CheckCertificates(genesis.broker_certificate_sha256(), "broker_certificate_sha256");
      !s.ok()) {
    return s;
  }
  std::map<KeyId, KeyOwner> keys;
  for (const v1::PublicKey& key : genesis.authority_keys()) {
    KeyOwner& owner = keys[*KeyId::From(key.key_id())] = RegisteredKey(key);
    owner.authority = true;
  }
  for (const v1::PublicKey& key : genesis.broker_keys()) {
    KeyOwner& owner = keys[*KeyId::From(key.key_id())];
    if (owner.authority) {
      return RefuseEntry("a key of the authority is also the broker's",
                         "Keep the authority's key off the broker.");
    }
    owner = RegisteredKey(key);
    owner.broker = true;
  }
  keys_ = std::move(keys);
  genesis_ = genesis;
  genesis_digest_ = digest;
  return absl::OkStatus();
}

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
  for (const v1::PublicKey& key : member.keys()) {
    const KeyId id = *KeyId::From(key.key_id());
    const auto current = keys_.find(id);
    const auto retired = retired_keys_.find(id);
    if ((current != keys_.end() && current->second.province != province) ||
        (retired != retired_keys_.end() && retired->second != province)) {
      return RefuseEntry(absl::StrCat("key ", id.hex(), " belongs to somebody else"),
                         "Make a new key pair.");
    }
  }
  if (absl::Status s = CheckCertificates(member.certificate_sha256(), "certificate_sha256");
      !s.ok()) {
    return s;
  }
  const Fingerprints& brokers = genesis_.broker_certificate_sha256();
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

absl::Status DirectoryState::ApplyMember(const Hasher& hasher, const v1::Member& member,
                                         const Signers& signers) {
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
  if (!signers.authority) {
    return RefuseEntry("the authority has not signed it", "Have the authority countersign it.");
  }
  const bool by_authority_alone = before != nullptr && IsMereRemoval(*before, member);
  if (!signers.members.contains(province) && !by_authority_alone) {
    return RefuseEntry("the member has not signed it",
                       before == nullptr ? "Sign it with the new signing key."
                                         : "Sign it with a signing key of the version before.");
  }
  if (absl::Status s = CheckMember(hasher, member); !s.ok()) return s;

  if (before != nullptr) {
    for (const v1::PublicKey& key : before->keys()) {
      const KeyId id = *KeyId::From(key.key_id());
      keys_.erase(id);
      retired_keys_[id] = province;
    }
    std::erase_if(certificates_, [&](const auto& entry) { return entry.second == province; });
  }
  for (const v1::PublicKey& key : member.keys()) {
    const KeyId id = *KeyId::From(key.key_id());
    if (member.status() == v1::MEMBER_REVOKED) {
      retired_keys_[id] = province;
      continue;
    }
    retired_keys_.erase(id);
    KeyOwner& owner = keys_[id] = RegisteredKey(key);
    owner.province = province;
  }
  for (const std::string& fingerprint : member.certificate_sha256()) {
    certificates_[*CertificateFingerprint::From(fingerprint)] = province;
  }
  members_[province] = member;
  return absl::OkStatus();
}

}  // namespace yizhan::contract
