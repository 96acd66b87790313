// Keys through their lives, officers of the authority, and who may change what.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/limits.h"
#include "tests/unit/contract/directory_lab.h"

namespace yizhan::contract {
namespace {

using ::testing::HasSubstr;

constexpr ProvinceCode k32(32);
const std::vector<By> kMemberAlone = {{v1::SIGNER_MEMBER, 32}};
const std::vector<By> kAuthorityAlone = {{v1::SIGNER_AUTHORITY}};

class KeyChangesTest : public ::testing::Test {
 protected:
  KeyChangesTest() {
    lab_.Begin();
    lab_.AddMember(32);
  }
  using Alter = std::function<void(v1::Member&)>;
  absl::Status Change(const Alter& alter, const std::vector<By>& by) {
    return lab_.Apply(lab_.NextVersion(32, alter), by);
  }
  void Refused(const absl::Status& status, const std::string& why) {
    EXPECT_EQ(Reason(status), "DIRECTORY_ENTRY_REFUSED") << why;
    EXPECT_THAT(std::string(status.message()), HasSubstr(why));
  }
  // A signing key that is listed from now on and used from `from` on.
  Alter Stage(const TestKey& key, absl::Time from) {
    return [&key, from](v1::Member& m) {
      v1::PublicKey* staged = m.add_keys();
      *staged = PublicKeyOf(key, v1::KEY_USE_SIGN);
      staged->set_not_before_unix_us(absl::ToUnixMicros(from));
    };
  }
  Alter Suspect(int key, absl::Time since) {
    return [key, since](v1::Member& m) {
      m.mutable_keys(key)->set_suspect_since_unix_us(absl::ToUnixMicros(since));
    };
  }
  Alter Telephone(const std::string& number) {
    return [number](v1::Member& m) { m.set_duty_telephone(number); };
  }
  bool Signs(const TestKey& key) { return lab_.state.FindSigner(key.key.id, lab_.now).has_value(); }
  DirectoryLab lab_;
};

TEST_F(KeyChangesTest, WhatAddsPower_NeedsTheAuthority) {
  const TestKey next = MakeTestKey();
  const std::string why = "authority has not signed it: 0 of 1";
  Refused(Change(Stage(next, lab_.now), kMemberAlone), why);
  Refused(Change([](auto& m) { m.add_certificate_sha256(Fill(32, 'c')); }, kMemberAlone), why);
  Refused(Change([](auto& m) { m.set_name("another"); }, kMemberAlone), why);
  ASSERT_TRUE(Change([](auto& m) { m.mutable_capabilities()->RemoveLast(); }, kMemberAlone).ok());
  Refused(Change([](auto& m) { m.add_capabilities(v1::TEST_MESSAGE); }, kMemberAlone), why);
  ASSERT_TRUE(
      Change([](auto& m) { m.mutable_keys(1)->set_not_after_unix_us(9e15); }, kMemberAlone).ok());
  Refused(Change([](auto& m) { m.mutable_keys(1)->clear_not_after_unix_us(); }, kMemberAlone), why);
  ASSERT_TRUE(Change([](auto& m) { m.set_status(v1::MEMBER_SUSPENDED); }, kMemberAlone).ok());
  Refused(Change([](auto& m) { m.set_status(v1::MEMBER_ACTIVE); }, kMemberAlone), why);
}

TEST_F(KeyChangesTest, StagedKey_IsActivatedByTheMemberAloneAndTheOldOneRetired) {
  const TestKey next = MakeTestKey();
  ASSERT_TRUE(
      Change(Stage(next, lab_.now + absl::Hours(24 * 300)), DirectoryLab::MemberSigners(32)).ok());
  EXPECT_FALSE(Signs(next)) << "it is staged";
  Refused(Change(Telephone("1"), {{v1::SIGNER_MEMBER, 32, &next}}), "valid from");
  lab_.now += absl::Hours(1);
  const absl::Time activated = lab_.now;
  ASSERT_TRUE(Change(
                  [&](v1::Member& m) {
                    m.mutable_keys(2)->set_not_before_unix_us(absl::ToUnixMicros(activated));
                    m.mutable_keys(0)->set_not_after_unix_us(absl::ToUnixMicros(activated) + 1);
                  },
                  kMemberAlone)
                  .ok());
  lab_.now += absl::Hours(1);
  EXPECT_TRUE(Signs(next));
  EXPECT_FALSE(Signs(lab_.signing[32]));
  Refused(Change(Telephone("1"), kMemberAlone), "valid from");
  EXPECT_TRUE(Change(Telephone("1"), {{v1::SIGNER_MEMBER, 32, &next}}).ok());
  // What the old one signed while it held stays good.
  EXPECT_TRUE(lab_.state.FindSignerThen(lab_.signing[32].key.id, activated - absl::Minutes(1)));
  EXPECT_FALSE(lab_.state.FindSignerThen(lab_.signing[32].key.id, lab_.now));
}

TEST_F(KeyChangesTest, OwnersClockAhead_ItsNewKeyIsTakenWithinTheClockLimit) {
  const TestKey next = MakeTestKey();
  ASSERT_TRUE(Change(Stage(next, lab_.now + kMaxClockSkew), DirectoryLab::MemberSigners(32)).ok());
  EXPECT_TRUE(Signs(next));
}

TEST_F(KeyChangesTest, SuspectKey_CountsForWhatWasAcceptedBeforeAlone) {
  const TestKey second = MakeTestKey();
  ASSERT_TRUE(Change(Stage(second, lab_.now), DirectoryLab::MemberSigners(32)).ok());
  const absl::Time since = lab_.now + absl::Hours(2);
  lab_.now += absl::Hours(5);
  ASSERT_TRUE(Change(Suspect(0, since), {{v1::SIGNER_MEMBER, 32, &second}}).ok());
  const KeyId id = lab_.signing[32].key.id;
  EXPECT_FALSE(lab_.state.FindSigner(id, since - absl::Hours(1)));
  EXPECT_TRUE(lab_.state.FindSignerThen(id, since - absl::Seconds(1)));
  EXPECT_TRUE(lab_.state.FindSignerThen(id, since - absl::Seconds(1))->signs);
  EXPECT_FALSE(lab_.state.FindSignerThen(id, since));
}

TEST_F(KeyChangesTest, Suspicion_IsNeverTakenBack) {
  const TestKey second = MakeTestKey();
  const std::vector<By> by = {{v1::SIGNER_MEMBER, 32, &second}, {v1::SIGNER_AUTHORITY}};
  ASSERT_TRUE(Change(Stage(second, lab_.now), DirectoryLab::MemberSigners(32)).ok());
  ASSERT_TRUE(Change(Suspect(0, lab_.now), by).ok());
  Refused(Change(Suspect(0, lab_.now + absl::Hours(1)), by), "never taken back");
  Refused(Change([](auto& m) { m.mutable_keys(0)->clear_suspect_since_unix_us(); }, by),
          "never taken back");
  const v1::PublicKey old = lab_.state.FindMember(k32)->keys(0);
  ASSERT_TRUE(Change([](auto& m) { m.mutable_keys()->DeleteSubrange(0, 1); }, by).ok());
  Refused(Change(
              [&](v1::Member& m) {
                *m.add_keys() = old;
                m.mutable_keys(2)->clear_suspect_since_unix_us();
              },
              by),
          "never taken back");
}

TEST_F(KeyChangesTest, AuthorityAlone_MarksKeysSuspectAndNothingElse) {
  Refused(Change(
              [&](v1::Member& m) {
                Suspect(0, lab_.now)(m);
                m.set_duty_telephone("x");
              },
              kAuthorityAlone),
          "member has not signed");
  ASSERT_TRUE(Change(Suspect(0, lab_.now), kAuthorityAlone).ok());
  EXPECT_FALSE(Signs(lab_.signing[32]));
}

TEST_F(KeyChangesTest, LostKeys_AreReplacedByTheAuthorityWithProofOfTheNewOne) {
  const TestKey next = MakeTestKey();
  const Alter replace = [&](v1::Member& m) {
    *m.mutable_keys(0) = PublicKeyOf(next, v1::KEY_USE_SIGN);
    m.set_document_number("2016-31");
  };
  const Alter beside = [&](v1::Member& m) {
    *m.add_keys() = PublicKeyOf(next, v1::KEY_USE_SIGN);
    m.set_document_number("2016-31");
  };
  const std::vector<By> by = {{v1::SIGNER_MEMBER, 32, &next}, {v1::SIGNER_AUTHORITY}};
  Refused(Change(replace, kAuthorityAlone), "member has not signed");
  Refused(Change(replace, {{v1::SIGNER_MEMBER, 32, &next}}), "authority has not signed");
  Refused(Change(beside, by), "beside one that is said to be lost");
  Refused(Change(
              [&](v1::Member& m) {
                replace(m);
                m.clear_document_number();
              },
              by),
          "with a key of the version before");
  ASSERT_TRUE(Change(replace, by).ok());
  EXPECT_TRUE(Signs(next));
  EXPECT_FALSE(Signs(lab_.signing[32]));
}

TEST_F(KeyChangesTest, EntryDatedBack_IsRefused) {
  lab_.now += absl::Hours(24 * 31);
  ASSERT_TRUE(Change(Telephone("1"), kMemberAlone).ok());
  v1::DirectoryEntry old = lab_.NextVersion(32, Telephone("2"));
  old.set_created_unix_us(absl::ToUnixMicros(lab_.now - absl::Hours(24 * 30) - absl::Seconds(1)));
  Refused(lab_.Apply(old, kMemberAlone), "30 days older");
}

TEST_F(KeyChangesTest, BrokersKeys_AreChangedByTheAuthorityAlone) {
  const TestKey next = MakeTestKey();
  v1::DirectoryEntry entry = lab_.NewEntry();
  v1::BrokerKeys* keys = entry.mutable_broker_keys();
  keys->set_version(2);
  *keys->add_keys() = PublicKeyOf(next, v1::KEY_USE_SIGN);
  keys->add_certificate_sha256(Fill(32, 'b'));
  Refused(lab_.Apply(entry, {{v1::SIGNER_BROKER}}), "authority has not signed");
  Refused(lab_.Apply(entry, kMemberAlone), "authority has not signed");
  v1::DirectoryEntry of_member = entry;
  *of_member.mutable_broker_keys()->mutable_keys(0) =
      PublicKeyOf(lab_.signing[32], v1::KEY_USE_SIGN);
  Refused(lab_.Apply(of_member, kAuthorityAlone), "belongs to somebody else");
  ASSERT_TRUE(lab_.Apply(entry, kAuthorityAlone).ok());
  EXPECT_TRUE(lab_.state.FindSigner(next.key.id, lab_.now)->broker);
  EXPECT_FALSE(Signs(lab_.broker));
  EXPECT_TRUE(lab_.state.IsBrokerCertificate(*CertificateFingerprint::From(Fill(32, 'b'))));
  EXPECT_FALSE(lab_.state.IsBrokerCertificate(*CertificateFingerprint::From(Fill(32, '\x01'))));
  Refused(lab_.Apply(entry, kAuthorityAlone), "version 2 must be 3");
}

TEST_F(KeyChangesTest, Checkpoint_ConfirmsExactlyThisLog) {
  v1::DirectoryEntry entry = lab_.NewEntry();
  *entry.mutable_checkpoint()->mutable_head() = lab_.state.head();
  Refused(lab_.Apply(entry, {{v1::SIGNER_BROKER}}), "no officer");
  v1::DirectoryEntry other = entry;
  other.mutable_checkpoint()->mutable_head()->set_digest(Fill(32, 'x'));
  Refused(lab_.Apply(other, kAuthorityAlone), "confirms a log of 2 entries");
  EXPECT_EQ(lab_.state.confirmed(), absl::Time());
  ASSERT_TRUE(lab_.Apply(entry, kAuthorityAlone).ok());
  EXPECT_EQ(lab_.state.confirmed(), lab_.now);
  Refused(lab_.Apply(entry, kAuthorityAlone), "confirms a log of 2 entries");
}

class TwoOfficersTest : public ::testing::Test {
 protected:
  TwoOfficersTest() {
    lab_.officer = MakeTestKey();
    lab_.Begin();
  }
  DirectoryLab lab_;
};

TEST_F(TwoOfficersTest, OneOfficer_DecidesNothing) {
  const v1::DirectoryEntry entry = lab_.MemberEntry(32);
  const std::vector<By> twice_the_same = {
      {v1::SIGNER_MEMBER, 32}, {v1::SIGNER_AUTHORITY}, {v1::SIGNER_AUTHORITY}};
  EXPECT_THAT(std::string(lab_.Apply(entry, twice_the_same).message()), HasSubstr("1 of 2"));
  const std::vector<By> both = {
      {v1::SIGNER_MEMBER, 32}, {v1::SIGNER_AUTHORITY}, {v1::SIGNER_AUTHORITY, 0, &lab_.officer}};
  ASSERT_TRUE(lab_.Apply(entry, both).ok());
  const v1::DirectoryEntry revoked =
      lab_.NextVersion(32, [](v1::Member& m) { m.set_status(v1::MEMBER_REVOKED); });
  EXPECT_THAT(std::string(lab_.Apply(revoked, kAuthorityAlone).message()), HasSubstr("1 of 2"));
  EXPECT_TRUE(
      lab_.Apply(revoked, {{v1::SIGNER_AUTHORITY}, {v1::SIGNER_AUTHORITY, 0, &lab_.officer}}).ok());
}

TEST(Officers, QuorumThatCannotBeMet_IsRefused) {
  DirectoryLab lab;
  v1::DirectoryEntry genesis = lab.GenesisEntry();
  genesis.mutable_genesis()->set_authority_quorum(2);
  EXPECT_THAT(std::string(lab.Apply(genesis, kAuthorityAlone).message()),
              HasSubstr("authority_quorum is 2"));
}

}  // namespace
}  // namespace yizhan::contract
