#include "tools/membership/member_paper.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/crypto/certificate_request.h"
#include "adapters/platform/crypto/certificates.h"
#include "adapters/platform/crypto/suite.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "protos/contract/signing.h"
#include "tools/membership/entry_building.h"

namespace yizhan::tools {
namespace {

using contract::ProvinceCode;

constexpr absl::string_view kApplicationType = "yizhan.v1.member-application";
constexpr absl::Duration kCertificateLife = absl::Hours(24 * 365 * 2);
constexpr std::size_t kMaxApplicationBytes = 64 * 1024;

absl::Status Refuse(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, what, next_step);
}

absl::Status Altered(absl::string_view what) {
  return Refuse(absl::StrCat("the paper is not what was signed: ", what),
                "Do not use it. Ask where it came from, and have it made again.");
}

// The signature's key among `keys`, verified; nothing for an unknown one.
absl::StatusOr<bool> VerifiedBy(const v1::Signature& signature, absl::string_view type,
                                absl::string_view bytes,
                                const google::protobuf::RepeatedPtrField<v1::PublicKey>& keys) {
  contract::SignatureChecker checker(platform::SmSuite().hasher, platform::SmSuite().verifier);
  for (const v1::PublicKey& key : keys) {
    if (key.key_id() != signature.key_id() || key.use() != v1::KEY_USE_SIGN) continue;
    if (platform::KeyIdOf(key.spki_der()).view() != key.key_id()) {
      return Altered("a key id is not the digest of its key");
    }
    contract::KeyOwner owner;
    owner.spki_der = key.spki_der();
    const absl::Status good = checker.Check(owner, signature, type, {bytes});
    if (!good.ok()) return Altered(good.message());
    return true;
  }
  return false;
}

absl::StatusOr<v1::Member> MemberOfEntry(const v1::SignedEntry& entry) {
  v1::DirectoryEntry parsed;
  if (!parsed.ParseFromString(entry.entry()) || !parsed.has_member()) {
    return Altered("its entry is not one of a member");
  }
  return parsed.member();
}

// What the authority may add to an application: the certificate in the paper,
// and its document number.
absl::StatusOr<v1::Member> WithCertificate(v1::Member member, const std::string& chain_pem) {
  if (chain_pem.empty()) return member;
  const auto chain = platform::ParseCertificates(chain_pem, "the certificate in the paper");
  if (!chain.ok()) return chain.status();
  const platform::Certificate& leaf = chain->front();
  member.add_certificate_sha256(leaf.sha256.str());
  v1::CertificateInfo& info = *member.add_certificates();
  info.set_sha256(leaf.sha256.str());
  info.set_subject(leaf.subject);
  info.set_serial_hex(leaf.serial_hex);
  info.set_not_before_unix_us(absl::ToUnixMicros(leaf.not_before));
  info.set_not_after_unix_us(absl::ToUnixMicros(leaf.not_after));
  return member;
}

absl::Status CheckAgainstApplication(const v1::MemberPaper& paper, const v1::Member& in_entry,
                                     const v1::MemberApplication& application) {
  if (!application.certificate_request_pem().empty() && paper.certificate_chain_pem().empty()) {
    return Altered("the certificate that was applied for is missing");
  }
  auto expected = WithCertificate(application.member(), paper.certificate_chain_pem());
  if (!expected.ok()) return expected.status();
  expected->set_document_number(in_entry.document_number());
  if (expected->SerializeAsString() != in_entry.SerializeAsString()) {
    return Altered("the entry says something else than the application and the certificate");
  }
  if (paper.certificate_chain_pem().empty()) return absl::OkStatus();
  const auto request =
      platform::ParseCertificateRequest(application.certificate_request_pem(), "the application");
  if (!request.ok()) return request.status();
  const auto certified = platform::SpkiOfCertificate(paper.certificate_chain_pem());
  if (!certified.ok()) return certified.status();
  if (*certified != request->spki_der) return Altered("the certificate is for another key");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::MemberPaper> Apply(const v1::Member& member, const std::string& request_pem,
                                      const contract::Signer& applicant) {
  v1::MemberApplication application;
  application.set_format_version(contract::kFormatVersion);
  *application.mutable_member() = member;
  application.set_certificate_request_pem(request_pem);
  v1::MemberPaper paper;
  paper.set_application(application.SerializeAsString());
  const absl::string_view bytes = paper.application();
  auto signature =
      contract::SignOne(applicant, *platform::SmSuite().hasher, kApplicationType, {bytes});
  if (!signature.ok()) return signature.status();
  *paper.mutable_applicant() = *std::move(signature);
  auto checked = CheckPaper(paper);
  if (!checked.ok()) return checked.status();
  return paper;
}

v1::MemberPaper Propose(const v1::Member& member, const contract::Digest& genesis, absl::Time now) {
  v1::MemberPaper paper;
  *paper.mutable_entry() = EntryOf(member, genesis, now);
  return paper;
}

absl::StatusOr<v1::MemberApplication> ApplicationOf(const v1::MemberPaper& paper) {
  v1::MemberApplication application;
  if (paper.application().empty() || paper.application().size() > kMaxApplicationBytes ||
      !application.ParseFromString(paper.application()) ||
      application.format_version() != contract::kFormatVersion) {
    return Refuse("the paper holds no application that this version reads",
                  "Name the file that `yizhan member apply` or `yizhan key stage` wrote.");
  }
  const auto verified = VerifiedBy(paper.applicant(), kApplicationType, paper.application(),
                                   application.member().keys());
  if (!verified.ok()) return verified.status();
  if (!*verified) return Altered("no signing key of the application has signed it");
  if (!application.certificate_request_pem().empty()) {
    const auto request =
        platform::ParseCertificateRequest(application.certificate_request_pem(), "the application");
    if (!request.ok()) return request.status();
  }
  return application;
}

absl::StatusOr<v1::Member> CheckPaper(const v1::MemberPaper& paper) {
  v1::MemberApplication application;
  if (!paper.application().empty() || !paper.has_entry()) {
    auto read = ApplicationOf(paper);
    if (!read.ok()) return read.status();
    application = *std::move(read);
    if (!paper.has_entry()) return application.member();
  }
  auto member = MemberOfEntry(paper.entry());
  if (!member.ok()) return member.status();
  for (const v1::EntrySignature& signature : paper.entry().signatures()) {
    if (signature.role() != v1::SIGNER_MEMBER) continue;
    const auto verified = VerifiedBy(signature.signature(), contract::kDirectoryEntryType,
                                     paper.entry().entry(), member->keys());
    if (!verified.ok()) return verified.status();
  }
  if (paper.application().empty()) return member;
  if (absl::Status s = CheckAgainstApplication(paper, *member, application); !s.ok()) return s;
  return member;
}

absl::Status Approve(const Authority& authority, const contract::Signer& officer,
                     absl::string_view document_number, absl::Time now, v1::MemberPaper& paper) {
  if (document_number.empty()) {
    return Refuse("no document number is given", "Give the authority's decision by --document.");
  }
  const auto& officers = authority.genesis.authority_keys();
  const std::string id = officer.key_id().str();
  if (std::none_of(officers.begin(), officers.end(),
                   [&](const v1::PublicKey& key) { return key.key_id() == id; })) {
    return Refuse(absl::StrCat("key ", officer.key_id().hex(), " is none of the authority's"),
                  "Sign with an officer's key that the network's genesis names.");
  }
  v1::MemberPaper next = paper;
  if (!next.has_entry()) {
    auto application = ApplicationOf(next);
    if (!application.ok()) return application.status();
    if (!application->certificate_request_pem().empty()) {
      if (authority.ca == nullptr) {
        return Refuse("a certificate is asked for, and no authority for certificates is at hand",
                      "Name the authority's folder by --authority.");
      }
      auto chain =
          IssueMemberCertificate(*authority.ca, ProvinceCode(application->member().province()),
                                 application->certificate_request_pem(), now);
      if (!chain.ok()) return chain.status();
      next.set_certificate_chain_pem(*chain);
      next.set_trust_anchors_pem(authority.ca->certificate_pem());
    }
    auto member = WithCertificate(application->member(), next.certificate_chain_pem());
    if (!member.ok()) return member.status();
    member->set_document_number(std::string(document_number));
    *next.mutable_entry() = EntryOf(*member, authority.genesis_digest, now);
  }
  auto member = CheckPaper(next);
  if (!member.ok()) return member.status();
  if (member->document_number() != document_number) {
    return Refuse(absl::StrCat("the entry names the document '", member->document_number(),
                               "', not '", document_number, "'"),
                  "Both officers sign for one decision: check which it is.");
  }
  for (const v1::EntrySignature& there : next.entry().signatures()) {
    if (there.role() != v1::SIGNER_AUTHORITY) continue;
    const auto verified = VerifiedBy(there.signature(), contract::kDirectoryEntryType,
                                     next.entry().entry(), officers);
    if (!verified.ok()) return verified.status();
    if (!*verified) return Altered("a stranger signed in the authority's name");
  }
  if (absl::Status s =
          AddSignature(officer, v1::SIGNER_AUTHORITY, ProvinceCode(), *next.mutable_entry());
      !s.ok()) {
    return s;
  }
  paper = std::move(next);
  return absl::OkStatus();
}

absl::Status SignAsMember(const contract::Signer& signer, const contract::Digest& genesis,
                          v1::MemberPaper& paper) {
  auto member = CheckPaper(paper);
  if (!member.ok()) return member.status();
  v1::DirectoryEntry entry;
  if (!paper.has_entry() || !entry.ParseFromString(paper.entry().entry())) {
    return Refuse("no officer has approved it yet", "Send it to the authority first.");
  }
  if (entry.network_genesis() != genesis.view()) {
    return Refuse("the entry is for another network",
                  "Check genesis_digest_hex of the configuration against the authority's notice.");
  }
  return AddSignature(signer, v1::SIGNER_MEMBER, ProvinceCode(member->province()),
                      *paper.mutable_entry());
}

int OfficersOf(const v1::MemberPaper& paper) {
  const auto& all = paper.entry().signatures();
  return static_cast<int>(std::count_if(all.begin(), all.end(), [](const auto& signature) {
    return signature.role() == v1::SIGNER_AUTHORITY;
  }));
}

absl::StatusOr<std::string> IssueMemberCertificate(const platform::CertificateAuthority& ca,
                                                   ProvinceCode province,
                                                   absl::string_view request_pem, absl::Time now) {
  const auto request = platform::ParseCertificateRequest(request_pem, "the application");
  if (!request.ok()) return request.status();
  const std::string name = absl::StrCat("node-", province.str(), ".yizhan");
  platform::CertificateAuthority::Request wanted;
  wanted.subject = {name, "Yizhan"};
  wanted.dns_names = {name};
  wanted.client = true;
  wanted.validity = {now - absl::Hours(1), now + kCertificateLife};
  return ca.Certify(request->spki_der, wanted);
}

}  // namespace yizhan::tools
