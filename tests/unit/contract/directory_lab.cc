#include "tests/unit/contract/directory_lab.h"

#include <cstdlib>
#include <iostream>

#include "absl/strings/str_cat.h"

namespace yizhan::contract {
namespace {

// A fixture's own step that fails is no finding of the test.
void Must(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << "fixture: " << status << std::endl;
  std::abort();
}

}  // namespace

DirectoryLab::DirectoryLab(bool is_lab) : lab(is_lab) {}

v1::DirectoryEntry DirectoryLab::NewEntry() const {
  v1::DirectoryEntry entry;
  entry.set_format_version(1);
  entry.set_suite(v1::SUITE_SM);
  if (state.head().size() > 0) entry.set_network_genesis(state.genesis_digest().str());
  entry.set_created_unix_us(absl::ToUnixMicros(now));
  return entry;
}

v1::SignedEntry DirectoryLab::Sign(const v1::DirectoryEntry& entry,
                                   const std::vector<By>& by) const {
  v1::SignedEntry out;
  out.set_entry(entry.SerializeAsString());
  const absl::string_view bytes = out.entry();
  for (const By& who : by) {
    const TestKey* key = who.key;
    if (key == nullptr) {
      key = who.role == v1::SIGNER_AUTHORITY ? &authority
            : who.role == v1::SIGNER_BROKER  ? &broker
                                             : &signing.at(who.province);
    }
    v1::EntrySignature* signature = out.add_signatures();
    signature->set_role(who.role);
    signature->set_province(who.province);
    *signature->mutable_signature() =
        *SignOne(*key->signer, TestHasher(), kDirectoryEntryType, absl::MakeConstSpan(&bytes, 1));
  }
  return out;
}

absl::Status DirectoryLab::Apply(const v1::SignedEntry& entry) {
  return state.Apply(TestHasher(), checker, entry, Digest(), now);
}

v1::DirectoryEntry DirectoryLab::GenesisEntry() const {
  v1::DirectoryEntry entry = NewEntry();
  v1::Genesis* genesis = entry.mutable_genesis();
  genesis->set_network("test");
  genesis->set_lab(lab);
  *genesis->add_authority_keys() = PublicKeyOf(authority, v1::KEY_USE_SIGN);
  *genesis->add_broker_keys() = PublicKeyOf(broker, v1::KEY_USE_SIGN);
  if (officer.signer != nullptr) {
    *genesis->add_authority_keys() = PublicKeyOf(officer, v1::KEY_USE_SIGN);
    genesis->set_authority_quorum(2);
  }
  genesis->add_broker_certificate_sha256(Fill(32, '\x01'));
  return entry;
}

v1::DirectoryEntry DirectoryLab::MemberEntry(std::uint32_t province) {
  if (!signing.contains(province)) {
    signing[province] = MakeTestKey();
    sealing[province] = MakeTestKey();
  }
  v1::DirectoryEntry entry = NewEntry();
  v1::Member* member = entry.mutable_member();
  member->set_province(province);
  member->set_version(1);
  member->set_name(absl::StrCat("province ", province));
  member->set_status(v1::MEMBER_ACTIVE);
  *member->add_keys() = PublicKeyOf(signing[province], v1::KEY_USE_SIGN);
  *member->add_keys() = PublicKeyOf(sealing[province], v1::KEY_USE_SEAL);
  member->add_certificate_sha256(Fill(32, static_cast<char>(province)));
  for (int kind = v1::ELIGIBILITY_QUERY; kind <= v1::TEST_MESSAGE; ++kind) {
    member->add_capabilities(static_cast<v1::MessageKind>(kind));
  }
  return entry;
}

v1::DirectoryEntry DirectoryLab::NextVersion(std::uint32_t province,
                                             const std::function<void(v1::Member&)>& alter) const {
  v1::DirectoryEntry entry = NewEntry();
  *entry.mutable_member() = *state.FindMember(ProvinceCode(province));
  entry.mutable_member()->set_version(entry.member().version() + 1);
  alter(*entry.mutable_member());
  return entry;
}

v1::DirectoryEntry DirectoryLab::ReportEntry(std::uint32_t a, std::uint32_t b) {
  v1::DirectoryEntry entry = NewEntry();
  v1::LinkReport* report = entry.mutable_link_report();
  report->set_run_id(Fill(16, static_cast<char>(++runs_)));
  report->set_suite_version(1);
  report->set_initiator(a);
  report->set_counterpart(b);
  report->set_started_unix_us(absl::ToUnixMicros(now - absl::Minutes(1)));
  report->set_ended_unix_us(absl::ToUnixMicros(now));
  report->set_certified_until_unix_us(absl::ToUnixMicros(now + absl::Hours(24 * 365)));
  report->set_doubles(lab);
  for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
    v1::RouteCertification* route = report->add_routes();
    route->set_accepting(from);
    route->set_home(to);
    route->set_version(state.Route({ProvinceCode(from), ProvinceCode(to)}, now).version + 1);
    for (absl::string_view id : MandatoryCases(1)) {
      v1::CaseVerdict* verdict = report->add_verdicts();
      verdict->set_case_id(std::string(id));
      verdict->set_from(from);
      verdict->set_to(to);
      verdict->set_verdict(v1::VERDICT_PASS);
    }
  }
  return entry;
}

v1::DirectoryEntry DirectoryLab::ChangeEntry(std::uint32_t accepting, std::uint32_t home,
                                             v1::RouteState to) const {
  v1::DirectoryEntry entry = NewEntry();
  v1::RouteChange* change = entry.mutable_route_change();
  change->set_accepting(accepting);
  change->set_home(home);
  change->set_version(state.Route({ProvinceCode(accepting), ProvinceCode(home)}, now).version + 1);
  change->set_state(to);
  return entry;
}

void DirectoryLab::Begin() {
  std::vector<By> by = {{v1::SIGNER_AUTHORITY}};
  if (officer.signer != nullptr) by.push_back({v1::SIGNER_AUTHORITY, 0, &officer});
  Must(Apply(GenesisEntry(), by));
}

void DirectoryLab::AddMember(std::uint32_t province) {
  Must(Apply(MemberEntry(province), MemberSigners(province)));
}

void DirectoryLab::OpenRoutes(std::uint32_t a, std::uint32_t b) {
  Must(Apply(ReportEntry(a, b), ReportSigners(a, b)));
}

void DirectoryLab::Change(std::uint32_t accepting, std::uint32_t home, v1::RouteState to,
                          const std::vector<By>& by) {
  Must(Apply(ChangeEntry(accepting, home, to), by));
}

}  // namespace yizhan::contract
