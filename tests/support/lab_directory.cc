#include "tests/support/lab_directory.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "protos/contract/limits.h"

namespace yizhan::testing {
namespace {

[[noreturn]] void Die(const absl::Status& status) {
  std::fprintf(stderr, "lab directory: %s\n", status.ToString().c_str());
  std::abort();
}

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) Die(value.status());
  return *std::move(value);
}

v1::PublicKey Describe(const LabKey& key, v1::KeyUse use, absl::Time from) {
  v1::PublicKey out;
  out.set_key_id(key.id.str());
  out.set_suite(v1::SUITE_SM);
  out.set_use(use);
  out.set_spki_der(key.spki_der);
  out.set_not_before_unix_us(absl::ToUnixMicros(from - absl::Hours(1)));
  return out;
}

bool IsForSealing(const v1::PublicKey& key) { return key.use() == v1::KEY_USE_SEAL; }

// Several sealing keys as one.
class KeyRing final : public contract::Unwrapper {
 public:
  void Add(std::unique_ptr<contract::Unwrapper> key) { keys_.push_back(std::move(key)); }
  void Clear() { keys_.clear(); }
  bool Has(const contract::KeyId& key) const override { return Find(key) != nullptr; }
  absl::StatusOr<contract::SecretBytes> Unwrap(const contract::KeyId& key,
                                               absl::string_view wrapped) const override {
    const contract::Unwrapper* found = Find(key);
    if (found == nullptr) return absl::NotFoundError("lab directory: no such sealing key");
    return found->Unwrap(key, wrapped);
  }

 private:
  const contract::Unwrapper* Find(const contract::KeyId& key) const {
    for (const auto& one : keys_) {
      if (one->Has(key)) return one.get();
    }
    return nullptr;
  }
  std::vector<std::unique_ptr<contract::Unwrapper>> keys_;
};

}  // namespace

struct LabDirectory::Party {
  std::unique_ptr<contract::Signer> signer;
  std::vector<std::unique_ptr<contract::Signer>> retired_signers;
  std::vector<contract::KeyId> sealing_keys;
  std::unique_ptr<KeyRing> unwrapper = std::make_unique<KeyRing>();
  v1::PublicKey signing;
  v1::PublicKey sealing;
  v1::Member member;  // of a province
};

LabDirectory::Party LabDirectory::MakeParty(const std::string& whose) {
  LabKey sign = keys_->MakeSigning(whose);
  LabKey seal = keys_->MakeSealing(whose);
  Party out;
  out.signing = Describe(sign, v1::KEY_USE_SIGN, now_);
  out.sealing = Describe(seal, v1::KEY_USE_SEAL, now_);
  out.signer = std::move(sign.signer);
  out.unwrapper->Add(std::move(seal.unwrapper));
  out.sealing_keys.push_back(seal.id);
  return out;
}

LabDirectory::LabDirectory(const std::vector<std::uint32_t>& provinces, absl::Time now,
                           LabKeys* keys)
    : keys_(keys),
      now_(now),
      checker_(std::make_unique<contract::SignatureChecker>(algorithms().hasher,
                                                            algorithms().verifier)) {
  authority_ = std::make_unique<Party>(MakeParty("authority"));
  broker_ = std::make_unique<Party>(MakeParty("broker"));
  stranger_ = std::make_unique<Party>(MakeParty("stranger"));
  v1::DirectoryEntry genesis = NewEntry();
  genesis.mutable_genesis()->set_network("lab");
  genesis.mutable_genesis()->set_lab(true);
  *genesis.mutable_genesis()->add_authority_keys() = authority_->signing;
  *genesis.mutable_genesis()->add_broker_keys() = broker_->signing;
  Append(Sign(genesis, {}, true, false));
  for (const std::uint32_t province : provinces) {
    Party& party = parties_[province] = MakeParty(absl::StrCat("province ", province));
    v1::Member& member = party.member;
    member.set_province(province);
    member.set_version(1);
    member.set_name(absl::StrCat("province ", province));
    member.set_status(v1::MEMBER_ACTIVE);
    *member.add_keys() = party.signing;
    *member.add_keys() = party.sealing;
    member.add_certificate_sha256(certificate(province).str());
    for (int kind = v1::ELIGIBILITY_QUERY; kind <= v1::TEST_MESSAGE; ++kind) {
      member.add_capabilities(static_cast<v1::MessageKind>(kind));
    }
    v1::DirectoryEntry entry = NewEntry();
    *entry.mutable_member() = member;
    Append(Sign(entry, {province}, true, false));
  }
}

LabDirectory::~LabDirectory() = default;

const contract::SuiteAlgorithms& LabDirectory::algorithms() const { return keys_->algorithms(); }

const LabDirectory::Party& LabDirectory::party(std::uint32_t province) const {
  return parties_.at(province);
}

const contract::Signer& LabDirectory::broker_signer() const { return *broker_->signer; }
const contract::Signer& LabDirectory::authority_signer() const { return *authority_->signer; }
const contract::Signer& LabDirectory::stranger() const { return *stranger_->signer; }

const contract::Signer& LabDirectory::signer(std::uint32_t province) const {
  return *party(province).signer;
}

const contract::Signer* LabDirectory::FindSigner(std::uint32_t province,
                                                 const contract::KeyId& key) const {
  const Party& of = party(province);
  if (of.signer->key_id() == key) return of.signer.get();
  for (const auto& retired : of.retired_signers) {
    if (retired->key_id() == key) return retired.get();
  }
  return nullptr;
}

const std::vector<contract::KeyId>& LabDirectory::sealing_keys(std::uint32_t province) const {
  return party(province).sealing_keys;
}

const contract::Unwrapper& LabDirectory::unwrapper(std::uint32_t province) const {
  return *party(province).unwrapper;
}

const v1::PublicKey& LabDirectory::sealing_key(std::uint32_t province) const {
  return party(province).sealing;
}

contract::CertificateFingerprint LabDirectory::certificate(std::uint32_t province) const {
  std::string bytes = absl::StrCat("certificate of ", province);
  bytes.resize(contract::CertificateFingerprint::kSize, '.');
  return *contract::CertificateFingerprint::From(bytes);
}

v1::DirectoryEntry LabDirectory::NewEntry() const {
  v1::DirectoryEntry entry;
  entry.set_format_version(contract::kFormatVersion);
  entry.set_suite(v1::SUITE_SM);
  entry.set_created_unix_us(absl::ToUnixMicros(now_));
  if (!entries_.empty()) entry.set_network_genesis(state_.genesis_digest().str());
  return entry;
}

v1::SignedEntry LabDirectory::Sign(const v1::DirectoryEntry& entry,
                                   const std::vector<std::uint32_t>& members, bool authority,
                                   bool broker) const {
  v1::SignedEntry out;
  out.set_entry(entry.SerializeAsString());
  const auto sign = [&](v1::SignerRole role, std::uint32_t province,
                        const contract::Signer& signer) {
    v1::EntrySignature* signature = out.add_signatures();
    signature->set_role(role);
    signature->set_province(province);
    const absl::string_view bytes = out.entry();
    *signature->mutable_signature() =
        OrDie(contract::SignOne(signer, *algorithms().hasher, contract::kDirectoryEntryType,
                                absl::MakeConstSpan(&bytes, 1)));
  };
  for (const std::uint32_t province : members) {
    sign(v1::SIGNER_MEMBER, province, *party(province).signer);
  }
  if (authority) sign(v1::SIGNER_AUTHORITY, 0, *authority_->signer);
  if (broker) sign(v1::SIGNER_BROKER, 0, *broker_->signer);
  return out;
}

v1::SignedEntry LabDirectory::Append(v1::SignedEntry entry) {
  const absl::Status applied =
      state_.Apply(*algorithms().hasher, *checker_, entry, contract::Digest(), now_);
  if (!applied.ok()) Die(applied);
  checker_->Purge();
  entries_.push_back(entry);
  return entry;
}

v1::SignedEntry LabDirectory::MakeReport(std::uint32_t a, std::uint32_t b,
                                         const contract::RunId& run) const {
  v1::DirectoryEntry entry = NewEntry();
  v1::LinkReport* report = entry.mutable_link_report();
  report->set_run_id(run.str());
  report->set_suite_version(1);
  report->set_initiator(a);
  report->set_counterpart(b);
  report->set_started_unix_us(absl::ToUnixMicros(now_ - absl::Minutes(1)));
  report->set_ended_unix_us(absl::ToUnixMicros(now_));
  report->set_certified_until_unix_us(absl::ToUnixMicros(now_ + contract::kCertificationLife));
  report->set_doubles(true);
  report->set_fast(true);
  for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
    const contract::RouteKey key{contract::ProvinceCode(from), contract::ProvinceCode(to)};
    v1::RouteCertification* route = report->add_routes();
    route->set_accepting(from);
    route->set_home(to);
    route->set_version(state_.Route(key, now_).version + 1);
    for (const absl::string_view id : contract::MandatoryCases(report->suite_version())) {
      v1::CaseVerdict* verdict = report->add_verdicts();
      verdict->set_case_id(std::string(id));
      verdict->set_from(from);
      verdict->set_to(to);
      verdict->set_verdict(v1::VERDICT_PASS);
    }
  }
  return Sign(entry, {a, b}, false, true);
}

v1::SignedEntry LabDirectory::OpenRoutes(std::uint32_t a, std::uint32_t b) {
  std::array<std::uint8_t, contract::RunId::kSize> id{};
  id[0] = 0xfe;
  id[1] = ++runs_;
  return Append(MakeReport(a, b, contract::RunId(id)));
}

v1::SignedEntry LabDirectory::ChangeRoute(std::uint32_t accepting, std::uint32_t home,
                                          v1::RouteState to) {
  const contract::RouteKey key{contract::ProvinceCode(accepting), contract::ProvinceCode(home)};
  v1::DirectoryEntry entry = NewEntry();
  v1::RouteChange* change = entry.mutable_route_change();
  change->set_accepting(accepting);
  change->set_home(home);
  change->set_version(state_.Route(key, now_).version + 1);
  change->set_state(to);
  change->set_order_number("order 1");
  change->set_reason("test");
  return Append(Sign(entry, {accepting, home}, false, false));
}

v1::SignedEntry LabDirectory::SetStatus(std::uint32_t province, v1::MemberStatus status) {
  v1::Member& member = parties_.at(province).member;
  member.set_version(member.version() + 1);
  member.set_status(status);
  v1::DirectoryEntry entry = NewEntry();
  *entry.mutable_member() = member;
  return Append(Sign(entry, {province}, true, false));
}

v1::SignedEntry LabDirectory::ChangeSealingKey(std::uint32_t province, bool destroy_old) {
  Party& party = parties_.at(province);
  LabKey seal = keys_->MakeSealing(absl::StrCat("province ", province));
  party.sealing = Describe(seal, v1::KEY_USE_SEAL, now_);
  if (destroy_old) party.unwrapper->Clear();
  party.unwrapper->Add(std::move(seal.unwrapper));
  party.sealing_keys.push_back(seal.id);
  v1::Member& member = party.member;
  member.set_version(member.version() + 1);
  // A signing key that is retired, but still signs for a while, stays listed.
  auto& keys = *member.mutable_keys();
  keys.erase(std::remove_if(keys.begin(), keys.end(), IsForSealing), keys.end());
  *member.add_keys() = party.sealing;
  v1::DirectoryEntry entry = NewEntry();
  *entry.mutable_member() = member;
  return Append(Sign(entry, {province}, true, false));
}

v1::SignedEntry LabDirectory::ChangeSigningKey(std::uint32_t province, absl::Time old_until) {
  Party& party = parties_.at(province);
  LabKey sign = keys_->MakeSigning(absl::StrCat("province ", province));
  v1::Member& member = party.member;
  member.set_version(member.version() + 1);
  for (v1::PublicKey& key : *member.mutable_keys()) {
    if (key.key_id() != party.signing.key_id()) continue;
    key.set_not_after_unix_us(absl::ToUnixMicros(old_until));
  }
  party.signing = Describe(sign, v1::KEY_USE_SIGN, now_);
  *member.add_keys() = party.signing;
  v1::DirectoryEntry entry = NewEntry();
  *entry.mutable_member() = member;
  // By the key that it had until now.
  v1::SignedEntry appended = Append(Sign(entry, {province}, true, false));
  party.retired_signers.push_back(std::exchange(party.signer, std::move(sign.signer)));
  return appended;
}

v1::SignedEntry LabDirectory::MakeFalseMember(std::uint32_t province, bool in_all_names) const {
  v1::DirectoryEntry entry = NewEntry();
  v1::Member& member = *entry.mutable_member();
  member = *state_.FindMember(contract::ProvinceCode(province));
  member.set_version(member.version() + 1);
  for (v1::PublicKey& key : *member.mutable_keys()) {
    if (IsForSealing(key)) key = stranger_->sealing;
  }
  v1::SignedEntry out;
  out.set_entry(entry.SerializeAsString());
  const absl::string_view bytes = out.entry();
  for (const v1::SignerRole role : {v1::SIGNER_MEMBER, v1::SIGNER_AUTHORITY, v1::SIGNER_BROKER}) {
    if (role != v1::SIGNER_BROKER && !in_all_names) continue;
    v1::EntrySignature* signature = out.add_signatures();
    signature->set_role(role);
    if (role == v1::SIGNER_MEMBER) signature->set_province(province);
    *signature->mutable_signature() =
        OrDie(contract::SignOne(*broker_->signer, *algorithms().hasher,
                                contract::kDirectoryEntryType, absl::MakeConstSpan(&bytes, 1)));
  }
  return out;
}

v1::DirectoryHead LabDirectory::HeadOf(std::uint64_t size) const {
  contract::Digest digest;
  for (std::uint64_t i = 0; i < size; ++i) {
    digest = contract::ChainDigest(*algorithms().hasher, digest, entries_[i].entry());
  }
  v1::DirectoryHead head;
  head.set_size(size);
  head.set_digest(digest.str());
  return head;
}

}  // namespace yizhan::testing
