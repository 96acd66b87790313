#include "protos/contract/directory.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/contract/directory_lab.h"

namespace yizhan::contract {
namespace {

using ::testing::HasSubstr;

// Refused for this cause, and nothing changed.
void ExpectRefused(DirectoryLab& lab, const v1::SignedEntry& entry, const std::string& why) {
  const std::string before = lab.state.head().SerializeAsString();
  const absl::Status status = lab.Apply(entry);
  EXPECT_EQ(Reason(status), "DIRECTORY_ENTRY_REFUSED") << why;
  EXPECT_THAT(std::string(status.message()), HasSubstr(why));
  EXPECT_EQ(lab.state.head().SerializeAsString(), before);
}

TEST(Genesis, ComesFirstSignedAndPinned) {
  DirectoryLab lab;
  const v1::SignedEntry genesis = lab.Sign(lab.GenesisEntry(), {{v1::SIGNER_AUTHORITY}});
  ExpectRefused(lab, lab.Sign(lab.MemberEntry(32), {{v1::SIGNER_AUTHORITY}}),
                "first entry must be genesis");
  EXPECT_EQ(Reason(lab.state.Apply(TestHasher(), lab.checker, genesis, *Digest::From(Fill(32, 'x')),
                                   lab.now)),
            "DIRECTORY_ENTRY_REFUSED");
  const Digest digest = TestHasher().Hash(absl::string_view(genesis.entry()));
  EXPECT_TRUE(lab.state.Apply(TestHasher(), lab.checker, genesis, digest, lab.now).ok());
  EXPECT_EQ(lab.state.genesis_digest(), digest);
  EXPECT_EQ(lab.state.head().size(), 1u);
  EXPECT_EQ(lab.state.head().digest(), ChainDigest(TestHasher(), Digest(), genesis.entry()).view());
  ExpectRefused(lab, genesis, "genesis is the first entry alone");
}

TEST(Genesis, SignedByAKeyThatItDoesNotName_IsRefused) {
  DirectoryLab lab;
  const TestKey stranger = MakeTestKey();
  ExpectRefused(lab, lab.Sign(lab.GenesisEntry(), {{v1::SIGNER_AUTHORITY, 0, &stranger}}),
                "key that it does not have");
  ExpectRefused(lab, lab.Sign(lab.GenesisEntry(), {}), "signatures");
}

TEST(Genesis, KeyWhoseIdIsNotItsDigest_IsRefused) {
  DirectoryLab lab;
  v1::DirectoryEntry entry = lab.GenesisEntry();
  entry.mutable_genesis()->mutable_broker_keys(0)->set_key_id(Fill(32, 'x'));
  ExpectRefused(lab, lab.Sign(entry, {{v1::SIGNER_AUTHORITY}}), "broker_keys[0] is malformed");
}

class MemberTest : public ::testing::Test {
 protected:
  MemberTest() {
    lab_.Begin();
    lab_.AddMember(32);
  }
  void Refused(const v1::DirectoryEntry& entry, const std::vector<By>& by, const std::string& why) {
    ExpectRefused(lab_, lab_.Sign(entry, by), why);
  }
  void RefusedMember(const std::function<void(v1::Member&)>& alter, const std::string& why) {
    v1::DirectoryEntry entry = lab_.MemberEntry(34);
    alter(*entry.mutable_member());
    Refused(entry, DirectoryLab::MemberSigners(34), why);
  }
  DirectoryLab lab_;
};

TEST_F(MemberTest, Registered_IsFoundByProvinceKeyAndCertificate) {
  const KeyId id = lab_.signing[32].key.id;
  EXPECT_EQ(lab_.state.Members(), std::vector<ProvinceCode>{ProvinceCode(32)});
  ASSERT_TRUE(lab_.state.FindKey(id).has_value());
  EXPECT_EQ(lab_.state.FindKey(id)->province, ProvinceCode(32));
  EXPECT_TRUE(lab_.state.FindKey(id)->signs);
  EXPECT_FALSE(lab_.state.FindKey(lab_.sealing[32].key.id)->signs);
  EXPECT_TRUE(lab_.state.FindKey(lab_.broker.key.id)->broker);
  EXPECT_TRUE(lab_.state.FindKey(lab_.authority.key.id)->authority);
  EXPECT_FALSE(lab_.state.FindKey(KeyId()).has_value());
  EXPECT_EQ(lab_.state.ProvinceOfCertificate(*CertificateFingerprint::From(Fill(32, 32))),
            ProvinceCode(32));
  EXPECT_FALSE(lab_.state.ProvinceOfCertificate(CertificateFingerprint()).has_value());
}

TEST_F(MemberTest, NeedsMemberAndAuthority) {
  const v1::DirectoryEntry entry = lab_.MemberEntry(34);
  Refused(entry, {{v1::SIGNER_AUTHORITY}}, "member has not signed");
  Refused(entry, {{v1::SIGNER_MEMBER, 34}}, "authority has not signed");
  Refused(entry, {{v1::SIGNER_AUTHORITY}, {v1::SIGNER_MEMBER, 32}}, "member has not signed");
  Refused(entry, {{v1::SIGNER_AUTHORITY}, {v1::SIGNER_MEMBER, 34, &lab_.sealing[34]}},
          "not for signing");
  Refused(entry, {{v1::SIGNER_BROKER}, {v1::SIGNER_MEMBER, 34}}, "authority has not signed");
  Refused(entry, {{v1::SIGNER_AUTHORITY, 0, &lab_.broker}, {v1::SIGNER_MEMBER, 34}},
          "key that it does not have");
  v1::SignedEntry altered = lab_.Sign(entry, DirectoryLab::MemberSigners(34));
  altered.mutable_signatures(0)->mutable_signature()->mutable_root_signature()->back() ^= 1;
  ExpectRefused(lab_, altered, "is wrong");
  EXPECT_TRUE(lab_.Apply(entry, DirectoryLab::MemberSigners(34)).ok());
}

TEST_F(MemberTest, EachMalformedField_IsRefusedAndNamed) {
  RefusedMember([](auto& m) { m.set_version(2); }, "version 2 must be 1");
  RefusedMember([](auto& m) { m.clear_name(); }, "name");
  RefusedMember([](auto& m) { m.clear_status(); }, "status");
  RefusedMember([](auto& m) { m.add_capabilities(static_cast<v1::MessageKind>(99)); },
                "capabilities");
  RefusedMember([](auto& m) { m.mutable_keys()->RemoveLast(); }, "no sealing key");
  RefusedMember([](auto& m) { *m.add_keys() = m.keys(0); }, "listed twice");
  RefusedMember([](auto& m) { m.mutable_keys(1)->set_suite(v1::SUITE_UNSPECIFIED); }, "keys[1]");
  RefusedMember([](auto& m) { m.mutable_keys(1)->set_key_id(Fill(32, 'x')); }, "keys[1]");
  RefusedMember([](auto& m) { m.add_certificate_sha256("x"); }, "certificate_sha256");
  RefusedMember([](auto& m) { m.add_certificate_sha256(m.certificate_sha256(0)); },
                "certificate_sha256");
}

TEST_F(MemberTest, KeysAndCertificatesOfOthers_AreRefused) {
  RefusedMember([&](auto& m) { *m.add_keys() = PublicKeyOf(lab_.sealing[32], v1::KEY_USE_SEAL); },
                "belongs to somebody else");
  RefusedMember([&](auto& m) { *m.add_keys() = PublicKeyOf(lab_.broker, v1::KEY_USE_SEAL); },
                "belongs to somebody else");
  RefusedMember([](auto& m) { m.add_certificate_sha256(Fill(32, 32)); },
                "belongs to somebody else");
  RefusedMember([](auto& m) { m.add_certificate_sha256(Fill(32, '\x01')); },
                "belongs to somebody else");
}

TEST_F(MemberTest, KeyIdOfAnother_DoesNotPoisonTheCacheOfSignatures) {
  // The stranger's key under an id that is not its own: a root verified with it
  // must not be remembered for that id.
  const TestKey stranger = MakeTestKey();
  v1::DirectoryEntry entry = lab_.MemberEntry(34);
  entry.mutable_member()->mutable_keys(0)->set_spki_der(stranger.key.spki_der);
  v1::SignedEntry forged =
      lab_.Sign(entry, {{v1::SIGNER_MEMBER, 34, &stranger}, {v1::SIGNER_AUTHORITY}});
  v1::Signature* signature = forged.mutable_signatures(0)->mutable_signature();
  signature->set_key_id(lab_.signing[34].key.id.str());
  ExpectRefused(lab_, forged, "key that it does not have");
  EXPECT_FALSE(lab_.checker.IsCached(*signature));
}

TEST_F(MemberTest, NextVersion_IsSignedByAKeyOfTheOneBefore) {
  const TestKey next = MakeTestKey();
  const v1::DirectoryEntry entry = lab_.NextVersion(
      32, [&](v1::Member& m) { *m.mutable_keys(0) = PublicKeyOf(next, v1::KEY_USE_SIGN); });
  Refused(entry, {{v1::SIGNER_MEMBER, 32, &next}, {v1::SIGNER_AUTHORITY}},
          "member has not signed it with a key of the version before");
  ASSERT_TRUE(lab_.Apply(entry, DirectoryLab::MemberSigners(32)).ok());
  EXPECT_FALSE(lab_.state.FindKey(lab_.signing[32].key.id).has_value());
  EXPECT_TRUE(lab_.state.FindKey(next.key.id).has_value());
  // The retired key stays 32's for ever.
  RefusedMember([&](auto& m) { *m.add_keys() = PublicKeyOf(lab_.signing[32], v1::KEY_USE_SIGN); },
                "belongs to somebody else");
  Refused(lab_.NextVersion(32, [](v1::Member& m) { m.set_name("x"); }),
          DirectoryLab::MemberSigners(32), "key that it does not have");
}

TEST_F(MemberTest, SuspectKey_SignsNothingMore) {
  const TestKey second = MakeTestKey();
  ASSERT_TRUE(lab_.Apply(lab_.NextVersion(32,
                                          [&](v1::Member& m) {
                                            *m.add_keys() = PublicKeyOf(second, v1::KEY_USE_SIGN);
                                            m.mutable_keys(0)->set_suspect_since_unix_us(5);
                                          }),
                         DirectoryLab::MemberSigners(32))
                  .ok());
  const v1::DirectoryEntry entry = lab_.NextVersion(32, [](v1::Member& m) { m.set_name("x"); });
  Refused(entry, DirectoryLab::MemberSigners(32), "suspect");
  EXPECT_TRUE(lab_.Apply(entry, {{v1::SIGNER_MEMBER, 32, &second}, {v1::SIGNER_AUTHORITY}}).ok());
}

TEST_F(MemberTest, Authority_SuspendsAndRevokesAloneButChangesNothingElse) {
  Refused(lab_.NextVersion(32,
                           [](v1::Member& m) {
                             m.set_status(v1::MEMBER_SUSPENDED);
                             m.set_name("other");
                           }),
          {{v1::SIGNER_AUTHORITY}}, "member has not signed");
  ASSERT_TRUE(
      lab_.Apply(lab_.NextVersion(32, [](v1::Member& m) { m.set_status(v1::MEMBER_SUSPENDED); }),
                 {{v1::SIGNER_AUTHORITY}})
          .ok());
  EXPECT_FALSE(
      lab_.state.ProvinceOfCertificate(*CertificateFingerprint::From(Fill(32, 32))).has_value());
  Refused(lab_.NextVersion(32, [](v1::Member& m) { m.set_status(v1::MEMBER_ACTIVE); }),
          {{v1::SIGNER_AUTHORITY}}, "member has not signed");
  ASSERT_TRUE(
      lab_.Apply(lab_.NextVersion(32, [](v1::Member& m) { m.set_status(v1::MEMBER_REVOKED); }),
                 {{v1::SIGNER_AUTHORITY}})
          .ok());
  EXPECT_FALSE(lab_.state.FindKey(lab_.signing[32].key.id).has_value());
  Refused(lab_.NextVersion(32, [](v1::Member& m) { m.set_status(v1::MEMBER_ACTIVE); }),
          {{v1::SIGNER_AUTHORITY}}, "revoked");
}

TEST_F(MemberTest, SealingKey_IsTheLastThatHolds) {
  const TestKey staged = MakeTestKey();
  const absl::Time from = lab_.now + absl::Hours(1);
  ASSERT_TRUE(lab_.Apply(lab_.NextVersion(32,
                                          [&](v1::Member& m) {
                                            v1::PublicKey* key = m.add_keys();
                                            *key = PublicKeyOf(staged, v1::KEY_USE_SEAL);
                                            key->set_not_before_unix_us(absl::ToUnixMicros(from));
                                          }),
                         DirectoryLab::MemberSigners(32))
                  .ok());
  EXPECT_EQ(lab_.state.SealingKey(ProvinceCode(32), lab_.now)->key_id(),
            lab_.sealing[32].key.id.view());
  EXPECT_EQ(lab_.state.SealingKey(ProvinceCode(32), from)->key_id(), staged.key.id.view());
  EXPECT_EQ(lab_.state.SealingKey(ProvinceCode(34), from), nullptr);
}

TEST_F(MemberTest, Frame_OfOtherNetworkVersionFeatureOrTime_IsRefused) {
  v1::DirectoryEntry entry = lab_.MemberEntry(34);
  const auto refused = [&](const std::function<void(v1::DirectoryEntry&)>& alter,
                           const std::string& why) {
    v1::DirectoryEntry altered = entry;
    alter(altered);
    Refused(altered, DirectoryLab::MemberSigners(34), why);
  };
  refused([](auto& e) { e.set_network_genesis(Fill(32, 'x')); }, "another network");
  refused([](auto& e) { e.clear_network_genesis(); }, "another network");
  refused([](auto& e) { e.set_format_version(2); }, "format_version 2");
  refused([](auto& e) { e.add_critical_features(4); }, "critical_features");
  refused([](auto& e) { e.clear_kind(); }, "no kind");
  refused([&](auto& e) { e.set_created_unix_us(absl::ToUnixMicros(lab_.now + absl::Minutes(6))); },
          "created_unix_us");
  v1::SignedEntry garbage;
  garbage.set_entry("\xff\xff");
  ExpectRefused(lab_, garbage, "not a serialized");
  ExpectRefused(lab_, v1::SignedEntry(), "bytes");
}

TEST_F(MemberTest, Head_ChainsEveryEntry) {
  const Digest before = *Digest::From(lab_.state.head().digest());
  const v1::SignedEntry entry = lab_.Sign(lab_.MemberEntry(34), DirectoryLab::MemberSigners(34));
  ASSERT_TRUE(lab_.Apply(entry).ok());
  EXPECT_EQ(lab_.state.head().size(), 3u);
  EXPECT_EQ(lab_.state.head().digest(), ChainDigest(TestHasher(), before, entry.entry()).view());
  ExpectRefused(lab_, entry, "version 1 must be 2");
}

}  // namespace
}  // namespace yizhan::contract
