// Papers between a province and the authority, judged by the contract's own
// replay of the directory.
#include <memory>
#include <string>
#include <vector>

#include "adapters/platform/crypto/certificate_authority.h"
#include "adapters/platform/crypto/certificate_request.h"
#include "adapters/platform/crypto/certificates.h"
#include "adapters/platform/crypto/key_files.h"
#include "adapters/platform/crypto/suite.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/directory.h"
#include "protos/contract/errors.h"
#include "tools/membership/entry_building.h"
#include "tools/membership/member_changes.h"
#include "tools/membership/member_paper.h"

namespace yizhan::tools {
namespace {

using contract::ProvinceCode;
using ::testing::HasSubstr;

constexpr ProvinceCode kAnhui(34);
const absl::Time kNow = absl::FromUnixSeconds(1772400000);

struct KeyPair {
  platform::Sm2Key key = *platform::GenerateSm2Key();
  std::unique_ptr<contract::Signer> signer = *platform::MakeSigner(key.private_pem, "test");
  v1::PublicKey Public(v1::KeyUse use, absl::Time from = kNow - absl::Hours(1)) const {
    return NewPublicKey(key.spki_der, use, from);
  }
};

class MembershipTest : public ::testing::Test {
 protected:
  MembershipTest() {
    v1::DirectoryEntry first = NewEntry(contract::Digest(), kNow);
    v1::Genesis& genesis = *first.mutable_genesis();
    genesis.set_network("test");
    genesis.set_authority_quorum(2);
    for (const KeyPair& officer : officers_) {
      *genesis.add_authority_keys() = officer.Public(v1::KEY_USE_SIGN);
    }
    *genesis.add_broker_keys() = broker_.Public(v1::KEY_USE_SIGN);
    v1::SignedEntry entry;
    entry.set_entry(first.SerializeAsString());
    for (const KeyPair& officer : officers_) {
      EXPECT_TRUE(AddSignature(*officer.signer, v1::SIGNER_AUTHORITY, ProvinceCode(), entry).ok());
    }
    EXPECT_TRUE(Append(entry).ok());
    authority_ = {state_.genesis(), state_.genesis_digest(), ca_.get()};
  }

  absl::Status Append(const v1::SignedEntry& entry, absl::Time now = kNow) {
    return state_.Apply(*platform::SmSuite().hasher, checker_, entry, contract::Digest(), now);
  }
  v1::Member NewMember() const {
    v1::Member member;
    member.set_province(34);
    member.set_version(1);
    member.set_name("安徽");
    member.set_status(v1::MEMBER_ACTIVE);
    *member.add_keys() = sign_.Public(v1::KEY_USE_SIGN);
    *member.add_keys() = seal_.Public(v1::KEY_USE_SEAL);
    return member;
  }
  v1::MemberPaper Application() const {
    auto paper =
        Apply(NewMember(), *platform::MakeCertificateRequest(tls_, "node-34"), *sign_.signer);
    EXPECT_TRUE(paper.ok()) << paper.status();
    return *std::move(paper);
  }
  absl::Status ApproveBy(int officer, v1::MemberPaper& paper, const std::string& number = "NO 1") {
    return Approve(authority_, *officers_[officer].signer, number, kNow, paper);
  }
  v1::MemberPaper Approved(v1::MemberPaper paper) {
    EXPECT_TRUE(ApproveBy(0, paper).ok()) << ApproveBy(0, paper);
    EXPECT_TRUE(ApproveBy(1, paper).ok());
    return paper;
  }
  absl::Status SignedBy(const KeyPair& key, v1::MemberPaper& paper) {
    return SignAsMember(*key.signer, state_.genesis_digest(), paper);
  }
  void Join() {
    v1::MemberPaper paper = Approved(Application());
    ASSERT_TRUE(SignedBy(sign_, paper).ok());
    const absl::Status appended = Append(paper.entry());
    ASSERT_TRUE(appended.ok()) << appended;
  }
  const v1::Member& Anhui() const { return *state_.FindMember(kAnhui); }
  // A change that the member may make alone.
  absl::Status Alone(const absl::StatusOr<v1::Member>& next, absl::Time now) {
    if (!next.ok()) return next.status();
    v1::MemberPaper paper = Propose(*next, state_.genesis_digest(), now);
    if (absl::Status s = SignedBy(sign_, paper); !s.ok()) return s;
    return Append(paper.entry(), now);
  }
  static void ExpectRefused(const absl::Status& status, const std::string& what) {
    EXPECT_EQ(contract::ReasonOf(status), v1::CONFIG_INVALID) << status;
    EXPECT_THAT(contract::DetailOf(status).what(), HasSubstr(what));
    EXPECT_FALSE(contract::DetailOf(status).next_step().empty());
  }

  const KeyPair officers_[2];
  const KeyPair broker_, sign_, seal_;
  const contract::SecretBytes tls_ = *platform::GenerateTlsKey();
  const std::unique_ptr<platform::CertificateAuthority> ca_ =
      *platform::CertificateAuthority::Make({"authority", ""}, {kNow, kNow + absl::Hours(90000)});
  contract::SignatureChecker checker_{platform::SmSuite().hasher, platform::SmSuite().verifier};
  contract::DirectoryState state_;
  Authority authority_;
};

TEST_F(MembershipTest, ProvinceApplies_IsAMemberAfterOneRoundTrip) {
  v1::MemberPaper paper = Application();
  EXPECT_EQ(OfficersOf(paper), 0);
  paper = Approved(paper);
  EXPECT_EQ(OfficersOf(paper), 2);
  ASSERT_TRUE(SignedBy(sign_, paper).ok());
  ASSERT_TRUE(Append(paper.entry()).ok());
  EXPECT_EQ(Anhui().document_number(), "NO 1");
  EXPECT_EQ(state_.SealingKey(kAnhui, kNow)->key_id(), seal_.key.id.view());
  const auto chain = platform::ParseCertificates(paper.certificate_chain_pem(), "paper");
  EXPECT_EQ(chain->front().common_name, "node-34.yizhan");
  EXPECT_EQ(state_.ProvinceOfCertificate(chain->front().sha256), kAnhui);
  EXPECT_EQ(Anhui().certificates(0).serial_hex(), chain->front().serial_hex);
  EXPECT_TRUE(platform::CheckTlsIdentity(paper.certificate_chain_pem(), "chain", tls_, "key",
                                         kNow + absl::Hours(1))
                  .ok());
}

TEST_F(MembershipTest, OneOfficerAlone_MakesNoMember) {
  v1::MemberPaper paper = Application();
  ASSERT_TRUE(ApproveBy(0, paper).ok());
  ExpectRefused(ApproveBy(0, paper), "has signed already");
  ASSERT_TRUE(SignedBy(sign_, paper).ok());
  EXPECT_THAT(std::string(Append(paper.entry()).message()), HasSubstr("1 of 2 officers"));
  EXPECT_EQ(state_.FindMember(kAnhui), nullptr);
}

TEST_F(MembershipTest, OfficersOfTwoDecisionsOrAStranger_AreRefused) {
  v1::MemberPaper paper = Application();
  ExpectRefused(ApproveBy(0, paper, ""), "no document number");
  ASSERT_TRUE(ApproveBy(0, paper).ok());
  ExpectRefused(ApproveBy(1, paper, "NO 2"), "names the document 'NO 1', not 'NO 2'");
  ExpectRefused(Approve(authority_, *broker_.signer, "NO 1", kNow, paper), "none of the authority");
  EXPECT_EQ(OfficersOf(paper), 1);
}

TEST_F(MembershipTest, AuthorityPutsAnotherKeyIntoTheEntry_MemberDoesNotSign) {
  const KeyPair other;
  v1::MemberPaper paper = Approved(Application());
  v1::DirectoryEntry entry;
  ASSERT_TRUE(entry.ParseFromString(paper.entry().entry()));
  *entry.mutable_member()->mutable_keys(1) = other.Public(v1::KEY_USE_SEAL);
  v1::MemberPaper forged = paper;
  forged.mutable_entry()->set_entry(entry.SerializeAsString());
  ExpectRefused(SignedBy(sign_, forged), "says something else than the application");
  entry.mutable_member()->set_name("安");
  forged.mutable_entry()->set_entry(entry.SerializeAsString());
  ExpectRefused(SignedBy(sign_, forged), "says something else");
  // And the second officer does not either.
  forged.mutable_entry()->mutable_signatures()->RemoveLast();
  ExpectRefused(ApproveBy(1, forged), "says something else");
}

TEST_F(MembershipTest, CertificateForAnotherKey_MemberDoesNotSign) {
  v1::MemberPaper paper = Application();
  const std::string request =
      *platform::MakeCertificateRequest(*platform::GenerateTlsKey(), "node-34");
  const std::string chain = *IssueMemberCertificate(*ca_, kAnhui, request, kNow);
  v1::MemberPaper of_other = *Apply(NewMember(), request, *sign_.signer);
  ASSERT_TRUE(ApproveBy(0, of_other).ok());
  v1::MemberPaper forged = of_other;
  forged.set_application(paper.application());
  *forged.mutable_applicant() = paper.applicant();
  ExpectRefused(SignedBy(sign_, forged), "the certificate is for another key");
  forged.clear_certificate_chain_pem();
  ExpectRefused(SignedBy(sign_, forged), "certificate that was applied for is missing");
}

TEST_F(MembershipTest, ApplicationAlteredUnsignedOrCut_IsRefused) {
  v1::MemberPaper paper = Application();
  v1::MemberPaper altered = paper;
  altered.mutable_application()->back() ^= 1;
  EXPECT_FALSE(ApproveBy(0, altered).ok());
  altered = paper;
  altered.set_application(paper.application().substr(0, 100));
  EXPECT_FALSE(ApproveBy(0, altered).ok());
  altered = paper;
  altered.clear_applicant();
  ExpectRefused(ApproveBy(0, altered), "no signing key of the application has signed");
  ExpectRefused(ApproveBy(0, *std::make_unique<v1::MemberPaper>()), "holds no application");
  EXPECT_EQ(OfficersOf(altered), 0);
  // Applied for with a key that the application does not list.
  EXPECT_FALSE(Apply(NewMember(), "", *broker_.signer).ok());
}

TEST_F(MembershipTest, PaperOfAnotherNetworkOrUnapproved_MemberDoesNotSign) {
  v1::MemberPaper paper = Application();
  ExpectRefused(SignedBy(sign_, paper), "no officer has approved");
  paper = Approved(paper);
  contract::Digest other = state_.genesis_digest();
  other.data()[0] ^= 1;
  ExpectRefused(SignAsMember(*sign_.signer, other, paper), "another network");
}

TEST_F(MembershipTest, SealingKey_IsStagedActivatedRetired) {
  Join();
  const KeyPair next;
  const absl::Time later = kNow + absl::Hours(24 * 30);
  auto staged = StageKey(Anhui(), next.Public(v1::KEY_USE_SEAL, later), kNow);
  ASSERT_TRUE(staged.ok()) << staged.status();
  // A key adds power: the member alone may not.
  EXPECT_FALSE(Alone(staged, kNow).ok());
  v1::MemberPaper paper = Approved(*Apply(*staged, "", *sign_.signer));
  ASSERT_TRUE(SignedBy(sign_, paper).ok());
  ASSERT_TRUE(Append(paper.entry()).ok());
  EXPECT_EQ(state_.SealingKey(kAnhui, kNow)->key_id(), seal_.key.id.view());
  EXPECT_EQ(StateOf(Anhui(), Anhui().keys(2), kNow), KeyState::kStaged);

  const absl::Time soon = kNow + absl::Hours(1);
  const auto picked = PickKey(Anhui(), "", v1::KEY_USE_SEAL, KeyState::kStaged, soon);
  ASSERT_TRUE(picked.ok()) << picked.status();
  ASSERT_TRUE(Alone(ActivateKey(Anhui(), *picked, soon), soon).ok());
  EXPECT_EQ(state_.SealingKey(kAnhui, soon)->key_id(), next.key.id.view());
  EXPECT_EQ(StateOf(Anhui(), Anhui().keys(1), soon), KeyState::kValid);
  ExpectRefused(ActivateKey(Anhui(), *picked, soon).status(), "is not staged");

  const absl::Time end = soon + absl::Hours(1);
  ASSERT_TRUE(Alone(RetireKey(Anhui(), Anhui().keys(1), end), end).ok());
  EXPECT_EQ(StateOf(Anhui(), Anhui().keys(1), end), KeyState::kRetired);
  ExpectRefused(RetireKey(Anhui(), *picked, end).status(), "the only one of its use");
}

TEST_F(MembershipTest, SigningKey_IsRotatedAndTheOldOneSuspect) {
  Join();
  const KeyPair next;
  auto staged = StageKey(Anhui(), next.Public(v1::KEY_USE_SIGN, kNow + absl::Hours(10)), kNow);
  v1::MemberPaper paper = Approved(*Apply(*staged, "", *sign_.signer));
  ASSERT_TRUE(SignedBy(sign_, paper).ok());
  ASSERT_TRUE(Append(paper.entry()).ok());
  const absl::Time soon = kNow + absl::Hours(1);
  EXPECT_FALSE(state_.FindSigner(next.key.id, soon).has_value());
  ASSERT_TRUE(Alone(ActivateKey(Anhui(), Anhui().keys(2), soon), soon).ok());
  EXPECT_TRUE(state_.FindSigner(next.key.id, soon).has_value());

  auto suspect = SuspectKey(Anhui(), Anhui().keys(0), kNow, soon);
  ASSERT_TRUE(suspect.ok());
  v1::MemberPaper change = Propose(*suspect, state_.genesis_digest(), soon);
  ASSERT_TRUE(SignedBy(next, change).ok());
  ASSERT_TRUE(Append(change.entry(), soon).ok());
  EXPECT_FALSE(state_.FindSigner(sign_.key.id, soon).has_value());
  EXPECT_EQ(StateOf(Anhui(), Anhui().keys(0), soon), KeyState::kSuspect);
  ExpectRefused(SuspectKey(Anhui(), Anhui().keys(0), kNow, soon).status(), "then or earlier");
}

TEST_F(MembershipTest, Certificate_IsRotatedBesideTheActiveOne) {
  Join();
  const std::string old = Anhui().certificate_sha256(0);
  ExpectRefused(DropCertificate(Anhui(), old).status(), "only certificate");
  v1::Member next = Anhui();
  next.set_version(2);
  next.clear_document_number();
  const contract::SecretBytes key = *platform::GenerateTlsKey();
  v1::MemberPaper paper =
      Approved(*Apply(next, *platform::MakeCertificateRequest(key, "node-34"), *sign_.signer));
  ASSERT_TRUE(SignedBy(sign_, paper).ok());
  ASSERT_TRUE(Append(paper.entry()).ok());
  ASSERT_EQ(Anhui().certificate_sha256_size(), 2);
  ASSERT_TRUE(Alone(DropCertificate(Anhui(), old), kNow).ok());
  EXPECT_FALSE(
      state_.ProvinceOfCertificate(*contract::CertificateFingerprint::From(old)).has_value());
  EXPECT_EQ(Anhui().certificates_size(), 1);
}

TEST_F(MembershipTest, TwoOfficers_SuspendAndRevokeWithoutTheMember) {
  Join();
  const auto suspended = WithStatus(Anhui(), v1::MEMBER_SUSPENDED, "NO 7");
  ASSERT_TRUE(suspended.ok());
  v1::MemberPaper paper = Propose(*suspended, state_.genesis_digest(), kNow);
  ASSERT_TRUE(ApproveBy(0, paper, "NO 7").ok());
  EXPECT_FALSE(Append(paper.entry()).ok());
  ASSERT_TRUE(ApproveBy(1, paper, "NO 7").ok());
  ASSERT_TRUE(Append(paper.entry()).ok());
  EXPECT_EQ(Anhui().status(), v1::MEMBER_SUSPENDED);
  ExpectRefused(WithStatus(Anhui(), v1::MEMBER_SUSPENDED, "NO 8").status(), "that status already");
  ExpectRefused(WithStatus(Anhui(), v1::MEMBER_REVOKED, "").status(), "no document number");

  paper = Approved(
      Propose(*WithStatus(Anhui(), v1::MEMBER_REVOKED, "NO 1"), state_.genesis_digest(), kNow));
  ASSERT_TRUE(Append(paper.entry()).ok());
  EXPECT_FALSE(state_.FindKey(sign_.key.id).has_value());
  ExpectRefused(WithStatus(Anhui(), v1::MEMBER_SUSPENDED, "NO 9").status(), "final");
}

TEST_F(MembershipTest, KeyNamedBadly_ErrorListsThoseThereAre) {
  Join();
  const std::string id = sign_.key.id.hex();
  EXPECT_EQ(PickKey(Anhui(), id.substr(0, 8), {}, {}, kNow)->key_id(), sign_.key.id.view());
  ExpectRefused(PickKey(Anhui(), id.substr(0, 7), {}, {}, kNow).status(), "too short");
  const auto absent = PickKey(Anhui(), "", v1::KEY_USE_SEAL, KeyState::kStaged, kNow);
  EXPECT_EQ(contract::ReasonOf(absent.status()), v1::NOT_FOUND);
  EXPECT_THAT(contract::DetailOf(absent.status()).next_step(),
              HasSubstr(id.substr(0, 8) + " sign active"));
}

TEST(FingerprintTextTest, Digest_ReadsInGroupsOfFour) {
  EXPECT_EQ(FingerprintText(std::string("\x01\x23\x45\x67\x89", 5)), "0123 4567 89");
  EXPECT_EQ(FingerprintText(std::string(32, '\xab')),
            "abab abab abab abab abab abab abab abab  abab abab abab abab abab abab abab abab");
}

}  // namespace
}  // namespace yizhan::tools
