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

const v1::PublicKey* FindKeyIn(const Keys& keys, absl::string_view id) {
  const auto found = std::find_if(keys.begin(), keys.end(),
                                  [id](const v1::PublicKey& key) { return key.key_id() == id; });
  return found == keys.end() ? nullptr : &*found;
}

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
                                          const Digest& digest, const Digest& pinned,
                                          const Signers& signers, absl::Time created) {
  if (signers.authority.empty()) {
    return RefuseEntry("genesis is not signed by an authority key that it names",
                       "Sign it with such a key.");
  }
  const auto quorum = std::max<std::uint32_t>(1, genesis.authority_quorum());
  if (quorum > static_cast<std::uint32_t>(genesis.authority_keys_size()) ||
      signers.authority.size() < quorum) {
    return RefuseEntry(
        absl::StrCat("authority_quorum is ", quorum, ", of ", genesis.authority_keys_size(),
                     " keys, and ", signers.authority.size(), " have signed"),
        "Have as many officers of the authority sign as the quorum says.");
  }
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
  for (const v1::PublicKey& key : genesis.broker_keys()) {
    if (FindKeyIn(genesis.authority_keys(), key.key_id()) != nullptr) {
      return RefuseEntry("a key of the authority is also the broker's",
                         "Keep the authority's key off the broker.");
    }
  }
  KeyOwner authority;
  authority.authority = true;
  keys_.List(authority, genesis.authority_keys(), created);
  KeyOwner broker;
  broker.broker = true;
  keys_.List(broker, genesis.broker_keys(), created);
  broker_.set_version(1);
  *broker_.mutable_keys() = genesis.broker_keys();
  *broker_.mutable_certificate_sha256() = genesis.broker_certificate_sha256();
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
    const KeyRegistry::Record* known = keys_.Lookup(id);
    if (known == nullptr) continue;
    if (known->owner.province != province) {
      return RefuseEntry(absl::StrCat("key ", id.hex(), " belongs to somebody else"),
                         "Make a new key pair.");
    }
    const bool suspect = known->suspect_since != absl::InfiniteFuture();
    if (suspect && (key.suspect_since_unix_us() == 0 ||
                    absl::FromUnixMicros(key.suspect_since_unix_us()) > known->suspect_since)) {
      return RefuseEntry(
          absl::StrCat("key ", id.hex(), " is suspect since ",
                       absl::FormatTime(known->suspect_since), ", which is never taken back"),
          "Make a new key pair.");
    }
  }
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
    if (by_member && !AddsPower(*before, after)) return absl::OkStatus();
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

absl::Status DirectoryState::ApplyBrokerKeys(const Hasher& hasher, const v1::BrokerKeys& keys,
                                             const Signers& signers, absl::Time created) {
  if (!Agreed(signers)) {
    return RefuseEntry(absl::StrCat("the authority has not signed it: ", signers.authority.size(),
                                    " of ", authority_quorum(), " officers have"),
                       "Have it signed by the officers of the authority.");
  }
  if (keys.version() != broker_.version() + 1) {
    return RefuseEntry(absl::StrCat("version ", keys.version(), " must be ", broker_.version() + 1),
                       "Fetch the directory and make the entry from the current version.");
  }
  if (absl::Status s = CheckKeys(hasher, keys.keys(), "keys"); !s.ok()) return s;
  if (absl::Status s = CheckCertificates(keys.certificate_sha256(), "certificate_sha256");
      !s.ok()) {
    return s;
  }
  if (!HasUse(keys.keys(), v1::KEY_USE_SIGN)) {
    return RefuseEntry("keys has no signing key", "Name one.");
  }
  for (const v1::PublicKey& key : keys.keys()) {
    const KeyRegistry::Record* known = keys_.Lookup(*KeyId::From(key.key_id()));
    if (known != nullptr && !known->owner.broker) {
      return RefuseEntry("a key belongs to somebody else", "Make a new key pair.");
    }
  }
  for (const std::string& fingerprint : keys.certificate_sha256()) {
    if (certificates_.contains(*CertificateFingerprint::From(fingerprint))) {
      return RefuseEntry("a certificate belongs to somebody else",
                         "Request a certificate of the broker's own.");
    }
  }
  KeyOwner owner;
  owner.broker = true;
  keys_.List(owner, keys.keys(), created);
  broker_ = keys;
  return absl::OkStatus();
}

absl::Status DirectoryState::ApplyCheckpoint(const v1::AuthorityCheckpoint& checkpoint,
                                             const Signers& signers, absl::Time created) {
  if (signers.authority.empty()) {
    return RefuseEntry("no officer of the authority has signed it", "Sign it with such a key.");
  }
  if (checkpoint.head().size() != head_.size() || checkpoint.head().digest() != head_.digest()) {
    return RefuseEntry(absl::StrCat("it confirms a log of ", checkpoint.head().size(),
                                    " entries; this one has ", head_.size(), ", or others"),
                       "Fetch the directory, verify it, and confirm what is there; where the "
                       "size is the same, the log was forked.");
  }
  confirmed_ = created;
  return absl::OkStatus();
}

int DirectoryState::authority_quorum() const {
  return static_cast<int>(std::max<std::uint32_t>(1, genesis_.authority_quorum()));
}

bool DirectoryState::IsBrokerCertificate(const CertificateFingerprint& sha256) const {
  const Fingerprints& known = broker_.certificate_sha256();
  return std::find(known.begin(), known.end(), sha256.view()) != known.end();
}

}  // namespace yizhan::contract
