// The authority and the broker: genesis, and what changes their keys.
#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "protos/contract/directory.h"
#include "protos/contract/directory_internal.h"
#include "protos/contract/fields.h"

namespace yizhan::contract {
namespace {

constexpr int kMaxKeys = 16;
constexpr int kMaxCertificates = 16;
constexpr std::size_t kMaxSpkiBytes = 1024;

bool CountsForQuorum(const v1::PublicKey& key) {
  return key.use() == v1::KEY_USE_SIGN && key.suspect_since_unix_us() == 0;
}

}  // namespace

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
  authority_.set_version(1);
  *authority_.mutable_keys() = genesis.authority_keys();
  authority_.set_quorum(quorum);
  genesis_ = genesis;
  genesis_digest_ = digest;
  return absl::OkStatus();
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
  KeyOwner owner;
  owner.broker = true;
  if (absl::Status s = CheckOwned(owner, keys.keys()); !s.ok()) return s;
  for (const std::string& fingerprint : keys.certificate_sha256()) {
    if (certificates_.contains(*CertificateFingerprint::From(fingerprint))) {
      return RefuseEntry("a certificate belongs to somebody else",
                         "Request a certificate of the broker's own.");
    }
  }
  keys_.List(owner, keys.keys(), created);
  broker_ = keys;
  return absl::OkStatus();
}

absl::Status DirectoryState::CheckOwned(const KeyOwner& owner, const Keys& keys) const {
  for (const v1::PublicKey& key : keys) {
    const KeyId id = *KeyId::From(key.key_id());
    const KeyRegistry::Record* known = keys_.Lookup(id);
    if (known == nullptr) continue;
    if (!SameOwner(known->owner, owner)) {
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
  return absl::OkStatus();
}

absl::Status DirectoryState::ApplyAuthorityKeys(const Hasher& hasher, const v1::AuthorityKeys& next,
                                                const Signers& signers, absl::Time created) {
  if (!Agreed(signers)) {
    return RefuseEntry(absl::StrCat("the officers in office have not signed it: ",
                                    signers.authority.size(), " of ", authority_quorum()),
                       "Have it signed by the officers of the authority.");
  }
  if (next.version() != authority_.version() + 1) {
    return RefuseEntry(
        absl::StrCat("version ", next.version(), " must be ", authority_.version() + 1),
        "Fetch the directory and make the entry from the current version.");
  }
  if (next.document_number().empty() || next.document_number().size() > kMaxNameBytes) {
    return RefuseEntry("document_number is empty or too long", "Name the authority's decision.");
  }
  if (absl::Status s = CheckKeys(hasher, next.keys(), "keys"); !s.ok()) return s;
  KeyOwner owner;
  owner.authority = true;
  if (absl::Status s = CheckOwned(owner, next.keys()); !s.ok()) return s;
  const auto usable = std::count_if(next.keys().begin(), next.keys().end(), CountsForQuorum);
  if (next.quorum() < 1 || next.quorum() > usable) {
    return RefuseEntry(
        absl::StrCat("quorum is ", next.quorum(), ", of ", usable, " keys that may sign"),
        "A quorum is at least one officer, and as many as there are.");
  }
  const auto shown =
      std::count_if(next.keys().begin(), next.keys().end(), [&](const v1::PublicKey& key) {
        const KeyId id = *KeyId::From(key.key_id());
        return CountsForQuorum(key) &&
               (signers.authority.contains(id) || signers.new_officers.contains(id));
      });
  if (shown < next.quorum()) {
    return RefuseEntry(absl::StrCat(shown, " of the officers that it names have signed; ",
                                    next.quorum(), " will have to"),
                       "Have those sign who take office: it shows that they have their keys.");
  }
  keys_.List(owner, next.keys(), created);
  authority_ = next;
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
  return static_cast<int>(std::max<std::uint32_t>(1, authority_.quorum()));
}

bool DirectoryState::IsBrokerCertificate(const CertificateFingerprint& sha256) const {
  const Fingerprints& known = broker_.certificate_sha256();
  return std::find(known.begin(), known.end(), sha256.view()) != known.end();
}

}  // namespace yizhan::contract
