#include "protos/contract/directory.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "protos/contract/directory_internal.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"

namespace yizhan::contract {
namespace {

constexpr std::size_t kMaxEntryBytes = 256 * 1024;
constexpr int kMaxEntrySignatures = 8;
constexpr absl::Duration kMaxEntryAge = absl::Hours(24 * 30);

std::string EntryName(const v1::DirectoryEntry& entry) {
  switch (entry.kind_case()) {
    case v1::DirectoryEntry::kGenesis:
      return "genesis";
    case v1::DirectoryEntry::kMember:
      return absl::StrCat("member ", entry.member().province(), " version ",
                          entry.member().version());
    case v1::DirectoryEntry::kLinkReport:
      return absl::StrCat("link report of ", entry.link_report().initiator(), " and ",
                          entry.link_report().counterpart());
    case v1::DirectoryEntry::kRouteChange:
      return absl::StrCat("change of route ", entry.route_change().accepting(), " to ",
                          entry.route_change().home());
    case v1::DirectoryEntry::kBrokerKeys:
      return absl::StrCat("broker keys version ", entry.broker_keys().version());
    case v1::DirectoryEntry::kAuthorityChange:
      return absl::StrCat("authority keys version ", entry.authority_change().version());
    case v1::DirectoryEntry::kCheckpoint:
      return "checkpoint of the authority";
    case v1::DirectoryEntry::KIND_NOT_SET:
      break;
  }
  return "unknown kind";
}

absl::Status CheckFrame(const v1::DirectoryEntry& entry, absl::Time last, absl::Time now) {
  if (entry.format_version() != kFormatVersion || entry.suite() != v1::SUITE_SM) {
    return RefuseEntry(absl::StrCat("format_version ", entry.format_version(), " with suite ",
                                    static_cast<int>(entry.suite()), "; this build reads format ",
                                    kFormatVersion, ", SUITE_SM"),
                       "Update the older side.");
  }
  if (entry.critical_features_size() != 0) {
    return RefuseEntry(absl::StrCat("critical_features names ", entry.critical_features(0),
                                    ", which this build does not know"),
                       "Update this side before the entry is used.");
  }
  if (entry.kind_case() == v1::DirectoryEntry::KIND_NOT_SET) {
    return RefuseEntry("it has no kind, or one that this build does not know",
                       "Update this side before the entry is used.");
  }
  const absl::Time created = absl::FromUnixMicros(entry.created_unix_us());
  if (entry.created_unix_us() <= 0 || created > now + kMaxClockSkew) {
    return RefuseEntry(absl::StrCat("created_unix_us says ", absl::FormatTime(created), "; it is ",
                                    absl::FormatTime(now)),
                       "Correct the clock of the side that is wrong.");
  }
  // Who holds a retired key cannot date an entry back to its time.
  if (created < last - kMaxEntryAge) {
    return RefuseEntry(
        absl::StrCat("created_unix_us says ", absl::FormatTime(created), "; entries after one of ",
                     absl::FormatTime(last), " may be 30 days older at most"),
        "Make the entry anew and have it signed.");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RefuseEntry(absl::string_view what, absl::string_view next_step) {
  return MakeError(v1::DIRECTORY_ENTRY_REFUSED, v1::SIDE_MINE, what, next_step);
}

Digest ChainDigest(const Hasher& hasher, const Digest& before, absl::string_view entry) {
  const Digest digest = hasher.Hash(entry);
  const std::array<absl::string_view, 2> parts = {before.view(), digest.view()};
  return hasher.Hash(absl::MakeConstSpan(parts));
}

absl::Status DirectoryState::Apply(const Hasher& hasher, SignatureChecker& checker,
                                   const v1::SignedEntry& entry, const Digest& pinned_genesis,
                                   absl::Time now) {
  v1::DirectoryEntry parsed;
  absl::Status status;
  if (entry.entry().empty() || entry.entry().size() > kMaxEntryBytes) {
    status = RefuseEntry(absl::StrCat("it has ", entry.entry().size(), " bytes; 1 to ",
                                      kMaxEntryBytes, " are allowed"),
                         "Send the entry that was signed.");
  } else if (!parsed.ParseFromString(entry.entry())) {
    status = RefuseEntry("it is not a serialized yizhan.v1.DirectoryEntry",
                         "Send the entry that was signed, unchanged.");
  } else {
    status = ApplyParsed(hasher, checker, entry, parsed, pinned_genesis, now);
  }
  if (status.ok()) {
    const Digest before = Digest::From(head_.digest()).value_or(Digest());
    head_.set_size(head_.size() + 1);
    head_.set_digest(ChainDigest(hasher, before, entry.entry()).str());
    last_created_ = std::max(last_created_, absl::FromUnixMicros(parsed.created_unix_us()));
    return status;
  }
  v1::ErrorDetail detail = DetailOf(status);
  detail.set_reason(v1::DIRECTORY_ENTRY_REFUSED);
  detail.set_what(absl::StrCat("directory entry ", head_.size(), " (", EntryName(parsed),
                               "): ", detail.what()));
  return MakeError(detail);
}

absl::Status DirectoryState::ApplyParsed(const Hasher& hasher, SignatureChecker& checker,
                                         const v1::SignedEntry& entry,
                                         const v1::DirectoryEntry& parsed,
                                         const Digest& pinned_genesis, absl::Time now) {
  if (absl::Status s = CheckFrame(parsed, last_created_, now); !s.ok()) return s;
  const bool first = head_.size() == 0;
  if (first != parsed.has_genesis()) {
    return RefuseEntry(
        first ? "the first entry must be genesis" : "genesis is the first entry alone",
        "Replay the log from its beginning, in order.");
  }
  if (parsed.network_genesis() != (first ? absl::string_view() : genesis_digest_.view())) {
    return RefuseEntry("network_genesis names another network",
                       "Make the entry for this network, whose genesis digest is in the "
                       "configuration.");
  }
  const absl::StatusOr<Signers> signers = VerifySigners(hasher, checker, entry, parsed);
  if (!signers.ok()) return signers.status();
  const absl::Time created = absl::FromUnixMicros(parsed.created_unix_us());
  switch (parsed.kind_case()) {
    case v1::DirectoryEntry::kGenesis:
      return ApplyGenesis(hasher, parsed.genesis(), hasher.Hash(absl::string_view(entry.entry())),
                          pinned_genesis, *signers, created);
    case v1::DirectoryEntry::kMember:
      return ApplyMember(hasher, parsed.member(), *signers, created);
    case v1::DirectoryEntry::kBrokerKeys:
      return ApplyBrokerKeys(hasher, parsed.broker_keys(), *signers, created);
    case v1::DirectoryEntry::kAuthorityChange:
      return ApplyAuthorityKeys(hasher, parsed.authority_change(), *signers, created);
    case v1::DirectoryEntry::kCheckpoint:
      return ApplyCheckpoint(parsed.checkpoint(), *signers, created);
    case v1::DirectoryEntry::kLinkReport:
      return ApplyReport(parsed.link_report(), *signers, created, now);
    case v1::DirectoryEntry::kRouteChange:
      return ApplyRouteChange(parsed.route_change(), *signers, created);
    case v1::DirectoryEntry::KIND_NOT_SET:
      break;
  }
  return RefuseEntry("it has no kind", "Update this side before the entry is used.");
}

// Registered keys; and those that the entry itself brings, for genesis, new
// officers, the first version of a member, and one that has lost its own.
std::optional<KeyOwner> DirectoryState::KeyForEntry(const Hasher& hasher,
                                                    const v1::EntrySignature& signature,
                                                    const v1::DirectoryEntry& parsed) const {
  const std::string& key_id = signature.signature().key_id();
  const ProvinceCode province(signature.province());
  if (const auto id = KeyId::From(key_id); id.has_value()) {
    if (std::optional<KeyOwner> known = FindKey(*id); known.has_value()) {
      const bool fits = signature.role() == v1::SIGNER_AUTHORITY ? known->authority
                        : signature.role() == v1::SIGNER_BROKER  ? known->broker
                        : signature.role() == v1::SIGNER_MEMBER
                            ? province.valid() && known->province == province
                            : false;
      return fits ? known : std::nullopt;
    }
  }
  const v1::PublicKey* brought = nullptr;
  if (parsed.has_genesis() && signature.role() == v1::SIGNER_AUTHORITY) {
    brought = FindKeyIn(parsed.genesis().authority_keys(), key_id);
  } else if (parsed.has_authority_change() && signature.role() == v1::SIGNER_AUTHORITY) {
    brought = FindKeyIn(parsed.authority_change().keys(), key_id);
  } else if (parsed.has_member() && signature.role() == v1::SIGNER_MEMBER &&
             parsed.member().province() == signature.province()) {
    brought = FindKeyIn(parsed.member().keys(), key_id);
  }
  if (brought == nullptr || !IsWellFormedKey(hasher, *brought)) return std::nullopt;
  return RegisteredKey(*brought);
}

absl::StatusOr<DirectoryState::Signers> DirectoryState::VerifySigners(
    const Hasher& hasher, SignatureChecker& checker, const v1::SignedEntry& entry,
    const v1::DirectoryEntry& parsed) const {
  if (entry.signatures_size() == 0 || entry.signatures_size() > kMaxEntrySignatures) {
    return RefuseEntry(absl::StrCat("it has ", entry.signatures_size(), " signatures; 1 to ",
                                    kMaxEntrySignatures, " are allowed"),
                       "Sign it by whom it binds.");
  }
  Signers signers;
  const absl::Time created = absl::FromUnixMicros(parsed.created_unix_us());
  for (const v1::EntrySignature& signature : entry.signatures()) {
    const std::string who = signature.role() == v1::SIGNER_MEMBER
                                ? absl::StrCat("member ", signature.province())
                                : v1::SignerRole_Name(signature.role());
    const std::optional<KeyOwner> owner = KeyForEntry(hasher, signature, parsed);
    if (!owner.has_value()) {
      return RefuseEntry(
          absl::StrCat("the signature of ", who, " is by a key that it does not have"),
          "Sign with a key that the directory has for this signer.");
    }
    const absl::string_view bytes = entry.entry();
    const absl::Status verified = checker.Check(*owner, signature.signature(), kDirectoryEntryType,
                                                absl::MakeConstSpan(&bytes, 1));
    if (!verified.ok()) {
      return RefuseEntry(absl::StrCat("the signature of ", who, " is wrong: ", verified.message()),
                         "Send the entry as it was signed.");
    }
    const KeyId id = *KeyId::From(signature.signature().key_id());
    const KeyRegistry::Record* record = keys_.Lookup(id);
    const bool holds = record == nullptr || (record->is_listed() && keys_.FindSigner(id, created));
    if (!holds) {
      return RefuseEntry(absl::StrCat("the signature of ", who, " is by a key that is valid from ",
                                      absl::FormatTime(record->not_before), " until ",
                                      absl::FormatTime(record->not_after), "; the entry is of ",
                                      absl::FormatTime(created)),
                         "Sign with the signer's active key.");
    }
    const bool in_office = record != nullptr || parsed.has_genesis();
    if (signature.role() == v1::SIGNER_AUTHORITY) {
      (in_office ? signers.authority : signers.new_officers).insert(id);
    }
    if (signature.role() == v1::SIGNER_BROKER) signers.broker = true;
    if (signature.role() == v1::SIGNER_MEMBER) {
      const ProvinceCode province(signature.province());
      (record == nullptr ? signers.newcomers : signers.members).insert(province);
    }
  }
  return signers;
}

const v1::Member* DirectoryState::FindMember(ProvinceCode province) const {
  const auto found = members_.find(province);
  return found == members_.end() ? nullptr : &found->second;
}

std::vector<ProvinceCode> DirectoryState::Members() const {
  std::vector<ProvinceCode> out;
  out.reserve(members_.size());
  for (const auto& [province, member] : members_) out.push_back(province);
  return out;
}

const v1::PublicKey* DirectoryState::SealingKey(ProvinceCode province, absl::Time now) const {
  const v1::Member* member = FindMember(province);
  if (member == nullptr) return nullptr;
  const std::int64_t at = absl::ToUnixMicros(now);
  const v1::PublicKey* current = nullptr;
  for (const v1::PublicKey& key : member->keys()) {
    const bool holds = key.use() == v1::KEY_USE_SEAL && key.not_before_unix_us() <= at &&
                       (key.not_after_unix_us() == 0 || at < key.not_after_unix_us()) &&
                       key.suspect_since_unix_us() == 0;
    if (holds) current = &key;
  }
  return current;
}

std::optional<ProvinceCode> DirectoryState::ProvinceOfCertificate(
    const CertificateFingerprint& sha256) const {
  const auto found = certificates_.find(sha256);
  if (found == certificates_.end()) return std::nullopt;
  const v1::Member* member = FindMember(found->second);
  if (member == nullptr || member->status() != v1::MEMBER_ACTIVE) return std::nullopt;
  return found->second;
}

}  // namespace yizhan::contract
