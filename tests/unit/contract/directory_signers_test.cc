// Line by line, the tables of ARCHITECTURE.md section 5: whose signatures an
// entry needs, and what somebody with one stolen key can do.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/contract/directory_lab.h"

namespace yizhan::contract {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using ::testing::UnorderedElementsAreArray;

// Two officers, both of whom must sign. Members 13, 32, 34, 51; routes between 32
// and 34 are open, that from 51 to 34 certified; 34 has a staged signing key,
// and 51 is suspended.
class SignersTest : public ::testing::Test {
 protected:
  using Entry = v1::DirectoryEntry;
  using Make = std::function<Entry()>;

  SignersTest() {
    lab_.officer = MakeTestKey();
    lab_.Begin();
    for (const std::uint32_t province : {13, 32, 34, 51}) {
      Must(lab_.Apply(lab_.MemberEntry(province), With({Member(province)}, officers_)));
    }
    lab_.OpenRoutes(32, 34);
    Entry certified = lab_.ReportEntry(51, 34);
    for (v1::RouteCertification& route : *certified.mutable_link_report()->mutable_routes()) {
      route.set_version(1);
    }
    certified.mutable_link_report()->set_stays_certified(true);
    Must(lab_.Apply(certified, DirectoryLab::ReportSigners(51, 34)));
    Must(lab_.Apply(Change34([&](v1::Member& m) {
                      *m.add_keys() = PublicKeyOf(staged_, v1::KEY_USE_SIGN);
                      m.mutable_keys(2)->set_not_before_unix_us(
                          absl::ToUnixMicros(lab_.now + absl::Hours(24)));
                    })(),
                    With({Member(34)}, officers_)));
    Must(lab_.Apply(lab_.NextVersion(51, [](v1::Member& m) { m.set_status(v1::MEMBER_SUSPENDED); }),
                    officers_));
  }

  static void Must(const absl::Status& status) { ASSERT_TRUE(status.ok()) << status; }
  static By Member(std::uint32_t province) { return {v1::SIGNER_MEMBER, province}; }
  By Member(std::uint32_t province, const TestKey& key) {
    return {v1::SIGNER_MEMBER, province, &key};
  }
  static std::vector<By> With(std::vector<By> some, const std::vector<By>& more) {
    some.insert(some.end(), more.begin(), more.end());
    return some;
  }
  Make Change34(const std::function<void(v1::Member&)>& alter) {
    return [this, alter] { return lab_.NextVersion(34, alter); };
  }
  Make Route(std::uint32_t accepting, std::uint32_t home, v1::RouteState to) {
    return [this, accepting, home, to] { return lab_.ChangeEntry(accepting, home, to); };
  }
  Make Suspect() {
    return Change34([this](v1::Member& m) {
      m.mutable_keys(0)->set_suspect_since_unix_us(absl::ToUnixMicros(lab_.now));
    });
  }
  Make NewMember() {
    return [this] {
      Entry entry = lab_.MemberEntry(61);
      *entry.mutable_member()->mutable_keys(0) = PublicKeyOf(own_, v1::KEY_USE_SIGN);
      return entry;
    };
  }
  Make LostKeys() {
    return Change34([this](v1::Member& m) {
      *m.mutable_keys(0) = PublicKeyOf(own_, v1::KEY_USE_SIGN);
      m.mutable_keys()->DeleteSubrange(2, 1);
      m.set_document_number("2016-31");
    });
  }
  Make BrokerKeys() {
    return [this] {
      Entry entry = lab_.NewEntry();
      entry.mutable_broker_keys()->set_version(2);
      *entry.mutable_broker_keys()->add_keys() = PublicKeyOf(own_, v1::KEY_USE_SIGN);
      return entry;
    };
  }
  // The one takes the place of the second officer.
  Make Officers() {
    return [this] {
      Entry entry = lab_.NewEntry();
      v1::AuthorityKeys* next = entry.mutable_authority_change();
      next->set_version(2);
      next->set_quorum(2);
      next->set_document_number("2016-32");
      *next->add_keys() = PublicKeyOf(lab_.authority, v1::KEY_USE_SIGN);
      *next->add_keys() = PublicKeyOf(own_, v1::KEY_USE_SIGN);
      return entry;
    };
  }
  Make Checkpoint() {
    return [this] {
      Entry entry = lab_.NewEntry();
      *entry.mutable_checkpoint()->mutable_head() = lab_.state.head();
      return entry;
    };
  }
  Make Report() {
    return [this] { return lab_.ReportEntry(32, 34); };
  }

  // Accepted in the state that there is, which then is as it was.
  bool Accepted(const Entry& entry, const std::vector<By>& by) {
    const DirectoryState before = lab_.state;
    const absl::Status status = lab_.Apply(entry, by);
    if (!status.ok()) {
      EXPECT_EQ(Reason(status), "DIRECTORY_ENTRY_REFUSED");
      EXPECT_THAT(std::string(status.message()),
                  HasSubstr(absl::StrCat("directory entry ", before.head().size(), " (")));
      EXPECT_EQ(lab_.state.head().SerializeAsString(), before.head().SerializeAsString());
    }
    lab_.state = before;
    return status.ok();
  }

  const TestKey own_ = MakeTestKey();  // of whoever acts
  const TestKey staged_ = MakeTestKey();
  DirectoryLab lab_;
  const By officer_1_ = {v1::SIGNER_AUTHORITY};
  const By officer_2_ = {v1::SIGNER_AUTHORITY, 0, &lab_.officer};
  const By broker_ = {v1::SIGNER_BROKER};
  const std::vector<By> officers_ = {officer_1_, officer_2_};
};

// Accepted with these signatures, and refused where any one of them is missing.
#define EXPECT_NEEDS(make, ...)                                        \
  do {                                                                 \
    const std::vector<By> all = __VA_ARGS__;                           \
    EXPECT_TRUE(Accepted((make)(), all));                              \
    for (std::size_t without = 0; without < all.size(); ++without) {   \
      std::vector<By> some = all;                                      \
      some.erase(some.begin() + static_cast<std::ptrdiff_t>(without)); \
      EXPECT_FALSE(Accepted((make)(), some)) << "without " << without; \
    }                                                                  \
  } while (false)

TEST_F(SignersTest, LineGenesis_TheQuorumOfItsOfficers) {
  lab_.state = DirectoryState();
  EXPECT_NEEDS(([this] { return lab_.GenesisEntry(); }), officers_);
}

TEST_F(SignersTest, LineMemberFirstVersion_ItsNewKeyAndTheQuorum) {
  EXPECT_NEEDS(NewMember(), With({Member(61, own_)}, officers_));
}

TEST_F(SignersTest, LineMemberAddingPower_AKeyOfTheVersionBeforeAndTheQuorum) {
  const std::vector<std::function<void(v1::Member&)>> additions = {
      [&](auto& m) { *m.add_keys() = PublicKeyOf(own_, v1::KEY_USE_SIGN); },
      [&](auto& m) { *m.add_keys() = PublicKeyOf(own_, v1::KEY_USE_SEAL); },
      [](auto& m) { m.add_certificate_sha256(Fill(32, 'c')); },
      [](auto& m) { m.set_name("another"); },
  };
  for (const auto& add : additions) {
    EXPECT_NEEDS(Change34(add), With({Member(34)}, officers_));
    EXPECT_FALSE(Accepted(Change34(add)(), With({Member(34, own_)}, officers_)));
    EXPECT_FALSE(Accepted(Change34(add)(), With({Member(32)}, officers_)));
  }
  const Make back = [this] {
    return lab_.NextVersion(51, [](v1::Member& m) { m.set_status(v1::MEMBER_ACTIVE); });
  };
  EXPECT_NEEDS(back, With({Member(51)}, officers_));
  Must(lab_.Apply(Change34([](auto& m) { m.mutable_capabilities()->RemoveLast(); })(),
                  {Member(34)}));
  EXPECT_NEEDS(Change34([](auto& m) { m.add_capabilities(v1::TEST_MESSAGE); }),
               With({Member(34)}, officers_));
}

TEST_F(SignersTest, LineMemberDatingOrRemoving_AKeyOfTheVersionBefore) {
  const std::int64_t now = absl::ToUnixMicros(lab_.now);
  const std::vector<std::function<void(v1::Member&)>> changes = {
      [&](auto& m) { m.mutable_keys(2)->set_not_before_unix_us(now); },
      [&](auto& m) { m.mutable_keys(0)->set_not_after_unix_us(now + 1); },
      [&](auto& m) { m.mutable_keys(1)->set_suspect_since_unix_us(now); },
      [](auto& m) { m.mutable_keys()->DeleteSubrange(2, 1); },
      [](auto& m) { m.clear_certificate_sha256(); },
      [](auto& m) { m.set_status(v1::MEMBER_SUSPENDED); },
  };
  for (const auto& change : changes) {
    EXPECT_NEEDS(Change34(change), {Member(34)});
    EXPECT_FALSE(Accepted(Change34(change)(), {Member(32)}));
    EXPECT_FALSE(Accepted(Change34(change)(), {broker_}));
  }
}

TEST_F(SignersTest, LineMemberTakingAway_TheQuorumAlone) {
  EXPECT_NEEDS(Change34([](auto& m) { m.set_status(v1::MEMBER_SUSPENDED); }), officers_);
  EXPECT_NEEDS(Change34([](auto& m) { m.set_status(v1::MEMBER_REVOKED); }), officers_);
  EXPECT_NEEDS(Suspect(), officers_);
}

TEST_F(SignersTest, LineMemberLostKeys_TheNewKeyTheQuorumAndADocument) {
  EXPECT_NEEDS(LostKeys(), With({Member(34, own_)}, officers_));
  Entry without = LostKeys()();
  without.mutable_member()->clear_document_number();
  EXPECT_FALSE(Accepted(without, With({Member(34, own_)}, officers_)));
}

TEST_F(SignersTest, LineBrokerKeys_TheQuorum) {
  EXPECT_NEEDS(BrokerKeys(), officers_);
  EXPECT_FALSE(Accepted(BrokerKeys()(), {broker_, Member(32), Member(34)}));
}

TEST_F(SignersTest, LineAuthorityKeys_TheQuorumInOfficeAndOneOfThoseToCome) {
  EXPECT_NEEDS(Officers(), With({{v1::SIGNER_AUTHORITY, 0, &own_}}, officers_));
  EXPECT_FALSE(Accepted(Officers()(), {{v1::SIGNER_AUTHORITY, 0, &own_}}));
  EXPECT_FALSE(Accepted(Officers()(), {broker_, Member(32), Member(34)}));
}

TEST_F(SignersTest, LineCheckpoint_OneOfficer) {
  EXPECT_NEEDS(Checkpoint(), {officer_1_});
  EXPECT_NEEDS(Checkpoint(), {officer_2_});
  EXPECT_FALSE(Accepted(Checkpoint()(), {broker_, Member(32)}));
}

TEST_F(SignersTest, LineLinkReport_BothNodesAndTheBroker) {
  EXPECT_NEEDS(Report(), {Member(32), Member(34), broker_});
  EXPECT_FALSE(Accepted(Report()(), With({Member(32), broker_}, officers_)));
}

TEST_F(SignersTest, LineRouteChange_EachStateByWhomItBinds) {
  const By a = Member(32), h = Member(34);
  EXPECT_NEEDS(Route(32, 51, v1::ROUTE_REQUESTED), {a});
  EXPECT_FALSE(Accepted(Route(32, 51, v1::ROUTE_REQUESTED)(), {Member(51)}));
  EXPECT_NEEDS(Route(51, 34, v1::ROUTE_OPEN), {Member(51), h});
  for (const auto state : {v1::ROUTE_SUSPENDED, v1::ROUTE_CUT}) {
    EXPECT_NEEDS(Route(32, 34, state), {a});
    EXPECT_NEEDS(Route(32, 34, state), {h});
    EXPECT_FALSE(Accepted(Route(32, 34, state)(), With({broker_, Member(51)}, officers_)));
  }
  for (const auto state : {v1::ROUTE_EXPIRED, v1::ROUTE_VOID}) {
    EXPECT_NEEDS(Route(32, 34, state), {a});
    EXPECT_NEEDS(Route(32, 34, state), {h});
    EXPECT_NEEDS(Route(32, 34, state), officers_);
    EXPECT_FALSE(Accepted(Route(32, 34, state)(), {broker_}));
  }
  lab_.Change(32, 34, v1::ROUTE_SUSPENDED, {a});
  EXPECT_NEEDS(Route(32, 34, v1::ROUTE_OPEN), {a, h});
  lab_.Change(32, 34, v1::ROUTE_CUT, {h});
  EXPECT_NEEDS(Route(32, 34, v1::ROUTE_SUSPENDED), {a, h});
}

// --- one stolen key ---

// Everything that one might want to write into the directory.
class ThiefTest : public SignersTest {
 protected:
  struct Act {
    std::string name;
    Make make;
    std::vector<By> own;  // signatures by keys that anybody can make
  };
  std::vector<Act> Acts() {
    const std::int64_t now = absl::ToUnixMicros(lab_.now);
    return {
        {"new member", NewMember(), {Member(61, own_)}},
        {"add signing key",
         Change34([this](auto& m) { *m.add_keys() = PublicKeyOf(own_, v1::KEY_USE_SIGN); }),
         {}},
        {"add sealing key",
         Change34([this](auto& m) { *m.add_keys() = PublicKeyOf(own_, v1::KEY_USE_SEAL); }),
         {}},
        {"add key, signed by itself",
         Change34([this](auto& m) { *m.add_keys() = PublicKeyOf(own_, v1::KEY_USE_SIGN); }),
         {Member(34, own_)}},
        {"add certificate", Change34([](auto& m) { m.add_certificate_sha256(Fill(32, 'c')); }), {}},
        {"rename", Change34([](auto& m) { m.set_name("another"); }), {}},
        {"telephone", Change34([](auto& m) { m.set_duty_telephone("1"); }), {}},
        {"activate",
         Change34([now](auto& m) { m.mutable_keys(2)->set_not_before_unix_us(now); }),
         {}},
        {"retire",
         Change34([now](auto& m) { m.mutable_keys(0)->set_not_after_unix_us(now + 1); }),
         {}},
        {"mark suspect", Suspect(), {}},
        {"drop key", Change34([](auto& m) { m.mutable_keys()->DeleteSubrange(2, 1); }), {}},
        {"suspend member", Change34([](auto& m) { m.set_status(v1::MEMBER_SUSPENDED); }), {}},
        {"revoke member", Change34([](auto& m) { m.set_status(v1::MEMBER_REVOKED); }), {}},
        {"lift suspension",
         [this] {
           return lab_.NextVersion(51, [](v1::Member& m) { m.set_status(v1::MEMBER_ACTIVE); });
         },
         {}},
        {"replace lost keys", LostKeys(), {Member(34, own_)}},
        {"broker keys", BrokerKeys(), {}},
        {"officers", Officers(), {{v1::SIGNER_AUTHORITY, 0, &own_}}},
        {"checkpoint", Checkpoint(), {}},
        {"report", Report(), {}},
        {"request route", Route(34, 13, v1::ROUTE_REQUESTED), {}},
        {"open route", Route(51, 34, v1::ROUTE_OPEN), {}},
        {"suspend route", Route(32, 34, v1::ROUTE_SUSPENDED), {}},
        {"cut route", Route(32, 34, v1::ROUTE_CUT), {}},
        {"void route", Route(32, 34, v1::ROUTE_VOID), {}},
        {"cut a route of others", Route(32, 13, v1::ROUTE_CUT), {}},
    };
  }
  // Names of the acts that succeed with the stolen keys.
  std::vector<std::string> Can(const std::vector<By>& stolen) {
    std::vector<std::string> can;
    for (const Act& act : Acts()) {
      if (Accepted(act.make(), With(stolen, act.own))) can.push_back(act.name);
    }
    return can;
  }
  // What the key may write depends on the role that the signature claims too.
  std::vector<std::string> CanInAnyRole(const TestKey& key) {
    std::vector<std::string> can;
    for (const By& by : std::vector<By>{{v1::SIGNER_AUTHORITY, 0, &key},
                                        {v1::SIGNER_BROKER, 0, &key},
                                        {v1::SIGNER_MEMBER, 32, &key},
                                        {v1::SIGNER_MEMBER, 34, &key},
                                        {v1::SIGNER_MEMBER, 51, &key}}) {
      for (std::string& act : Can({by})) can.push_back(std::move(act));
    }
    return can;
  }
};

TEST_F(ThiefTest, LineProvincesSigningKey_ShutsButOpensNothing) {
  EXPECT_THAT(CanInAnyRole(lab_.signing[34]),
              UnorderedElementsAre("telephone", "activate", "retire", "mark suspect", "drop key",
                                   "suspend member", "request route", "suspend route", "cut route",
                                   "void route"))
      << "it must not revoke the province, which is for ever";
}

TEST_F(ThiefTest, LineProvincesSigningKey_OnceSuspectSignsNothingAlsoDatedBefore) {
  Must(lab_.Apply(Suspect()(), officers_));
  EXPECT_THAT(CanInAnyRole(lab_.signing[34]), UnorderedElementsAre());
  lab_.now -= absl::Hours(24 * 7);
  EXPECT_THAT(CanInAnyRole(lab_.signing[34]), UnorderedElementsAre());
}

TEST_F(ThiefTest, LineProvincesSigningKey_NothingIsDatedBackByMoreThan30Days) {
  lab_.now += absl::Hours(24 * 60);
  Must(lab_.Apply(Checkpoint()(), {officer_1_}));
  Entry entry = Change34([](auto& m) { m.set_duty_telephone("1"); })();
  entry.set_created_unix_us(absl::ToUnixMicros(lab_.now - absl::Hours(24 * 30 + 1)));
  EXPECT_FALSE(Accepted(entry, {Member(34)}));
  entry.set_created_unix_us(absl::ToUnixMicros(lab_.now - absl::Hours(24 * 30)));
  EXPECT_TRUE(Accepted(entry, {Member(34)}));
}

TEST_F(ThiefTest, LineProvincesSealingKey_SignsNothing) {
  EXPECT_THAT(CanInAnyRole(lab_.sealing[34]), UnorderedElementsAre());
}

TEST_F(ThiefTest, StagedKey_SignsNothingYet) {
  EXPECT_THAT(CanInAnyRole(staged_), UnorderedElementsAre());
}

TEST_F(ThiefTest, LineOneOfficersKey_ConfirmsTheLogAlone) {
  EXPECT_THAT(CanInAnyRole(lab_.authority), UnorderedElementsAre("checkpoint"));
  EXPECT_THAT(CanInAnyRole(lab_.officer), UnorderedElementsAre("checkpoint"));
  EXPECT_THAT(Can({officer_1_, officer_1_}), UnorderedElementsAre("checkpoint"));
}

TEST_F(ThiefTest, LineQuorumsKeys_OpenNoRouteAndAddNoKeyBesideAProvincesOwn) {
  EXPECT_THAT(Can(officers_),
              UnorderedElementsAre("new member", "suspend member", "revoke member", "mark suspect",
                                   "replace lost keys", "broker keys", "officers", "checkpoint",
                                   "void route"));
}

TEST_F(ThiefTest, LineBrokersKey_WritesNothing) {
  EXPECT_THAT(CanInAnyRole(lab_.broker), UnorderedElementsAre());
  EXPECT_THAT(Can({broker_, Member(34)}), UnorderedElementsAreArray(Can({Member(34)})))
      << "a province with the broker on its side";
}

TEST_F(ThiefTest, OfficerWhoLeft_ConfirmsNothingMore) {
  Must(lab_.Apply(Officers()(), With({{v1::SIGNER_AUTHORITY, 0, &own_}}, officers_)));
  EXPECT_THAT(CanInAnyRole(lab_.officer), UnorderedElementsAre());
  EXPECT_THAT(Can({officer_1_, {v1::SIGNER_AUTHORITY, 0, &own_}}),
              ::testing::Contains("suspend member"));
}

}  // namespace
}  // namespace yizhan::contract
