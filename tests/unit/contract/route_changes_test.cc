// A route's life beside its first opening: requests, dates, pilots, groups,
// changed keys.
#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/limits.h"
#include "tests/unit/contract/directory_lab.h"

namespace yizhan::contract {
namespace {

using ::testing::HasSubstr;

const std::vector<By> kBoth = {{v1::SIGNER_MEMBER, 32}, {v1::SIGNER_MEMBER, 34}};
constexpr RouteKey kRoute{ProvinceCode(32), ProvinceCode(34)};

class RouteChangesTest : public ::testing::Test {
 protected:
  RouteChangesTest() {
    lab_.Begin();
    for (std::uint32_t province : {32, 34}) lab_.AddMember(province);
  }
  using Alter = std::function<void(v1::RouteChange&)>;
  absl::Status Change(v1::RouteState to, const std::vector<By>& by, const Alter& alter = nullptr) {
    v1::DirectoryEntry entry = lab_.ChangeEntry(32, 34, to);
    if (alter) alter(*entry.mutable_route_change());
    return lab_.Apply(entry, by);
  }
  absl::Status Report(const std::function<void(v1::LinkReport&)>& alter) {
    v1::DirectoryEntry entry = lab_.ReportEntry(32, 34);
    alter(*entry.mutable_link_report());
    return lab_.Apply(entry, DirectoryLab::ReportSigners(32, 34));
  }
  void Refused(const absl::Status& status, const std::string& why) {
    EXPECT_EQ(Reason(status), "DIRECTORY_ENTRY_REFUSED") << why;
    EXPECT_THAT(std::string(status.message()), HasSubstr(why));
  }
  Alter At(absl::Time when) {
    return [when](v1::RouteChange& c) { c.set_effective_unix_us(absl::ToUnixMicros(when)); };
  }
  static void Pilot(v1::RouteChange& c) {
    c.mutable_pilot()->set_daily_quota(50);
    c.mutable_pilot()->add_points("320106001");
  }
  v1::RouteState State() { return lab_.RouteState(32, 34); }
  RouteRecord Route() { return lab_.state.Route(kRoute, lab_.now); }
  // Another key of 32, used from `from` on.
  void ChangeKey(std::uint32_t province, absl::Time from) {
    const TestKey next = MakeTestKey();
    ASSERT_TRUE(lab_.Apply(lab_.NextVersion(province,
                                            [&](v1::Member& m) {
                                              v1::PublicKey* key = m.add_keys();
                                              *key = PublicKeyOf(next, v1::KEY_USE_SEAL);
                                              key->set_not_before_unix_us(absl::ToUnixMicros(from));
                                            }),
                           DirectoryLab::MemberSigners(province))
                    .ok());
  }
  DirectoryLab lab_;
};

TEST_F(RouteChangesTest, Request_IsTheAcceptingSides_Grant_TheHomeSides) {
  Refused(Change(v1::ROUTE_REQUESTED, {{v1::SIGNER_MEMBER, 34}}), "accepting province");
  ASSERT_TRUE(Change(v1::ROUTE_REQUESTED, {{v1::SIGNER_MEMBER, 32}}).ok());
  Refused(Change(v1::ROUTE_TESTING, {{v1::SIGNER_MEMBER, 32}}), "home province, which grants");
  ASSERT_TRUE(Change(v1::ROUTE_TESTING, {{v1::SIGNER_MEMBER, 34}}).ok());
  EXPECT_EQ(State(), v1::ROUTE_TESTING);
}

TEST_F(RouteChangesTest, CertifiedRoute_IsOpenedByBothAtATime) {
  ASSERT_TRUE(Report([](auto& r) { r.set_stays_certified(true); }).ok());
  EXPECT_EQ(State(), v1::ROUTE_CERTIFIED);
  const absl::Time july = lab_.now + absl::Hours(24 * 10);
  Refused(Change(v1::ROUTE_OPEN, {{v1::SIGNER_MEMBER, 34}}, At(july)), "both");
  ASSERT_TRUE(Change(v1::ROUTE_OPEN, kBoth, At(july)).ok());
  lab_.now = july - absl::Microseconds(1);
  EXPECT_EQ(State(), v1::ROUTE_CERTIFIED);
  lab_.now = july;
  EXPECT_EQ(State(), v1::ROUTE_OPEN);
  EXPECT_EQ(Route().opened, july);
  EXPECT_EQ(lab_.RouteState(34, 32), v1::ROUTE_CERTIFIED) << "the other direction was not opened";
}

TEST_F(RouteChangesTest, PlannedOpening_IsWithdrawnByEither) {
  ASSERT_TRUE(Report([](auto& r) { r.set_stays_certified(true); }).ok());
  Refused(Change(v1::ROUTE_CERTIFIED, {{v1::SIGNER_MEMBER, 34}}), "cannot go");
  const absl::Time july = lab_.now + absl::Hours(24);
  ASSERT_TRUE(Change(v1::ROUTE_OPEN, kBoth, At(july)).ok());
  ASSERT_TRUE(Change(v1::ROUTE_CERTIFIED, {{v1::SIGNER_MEMBER, 34}}).ok());
  lab_.now = july + absl::Hours(1);
  EXPECT_EQ(State(), v1::ROUTE_CERTIFIED);
  EXPECT_FALSE(Route().served);
}

TEST_F(RouteChangesTest, PlannedSuspension_TakesEffectAtItsTime_AndIsReplacedByAnEarlierOne) {
  lab_.OpenRoutes(32, 34);
  const absl::Time then = lab_.now + absl::Hours(5);
  ASSERT_TRUE(Change(v1::ROUTE_SUSPENDED, {{v1::SIGNER_MEMBER, 34}}, At(then)).ok());
  EXPECT_EQ(State(), v1::ROUTE_OPEN);
  Refused(Change(v1::ROUTE_OPEN, {{v1::SIGNER_MEMBER, 34}}), "both");
  ASSERT_TRUE(
      Change(v1::ROUTE_SUSPENDED, {{v1::SIGNER_MEMBER, 32}}, At(lab_.now + absl::Hours(1))).ok());
  lab_.now += absl::Hours(2);
  EXPECT_EQ(State(), v1::ROUTE_SUSPENDED);
  EXPECT_TRUE(Route().served);
  ASSERT_TRUE(Change(v1::ROUTE_OPEN, kBoth).ok());
  lab_.now = then + absl::Hours(1);
  EXPECT_EQ(State(), v1::ROUTE_OPEN) << "what was replaced stays replaced";
}

TEST_F(RouteChangesTest, OpeningThatWasSuspendedBefore_NeverServed) {
  const absl::Time opens = lab_.now + absl::Hours(3);
  ASSERT_TRUE(Report([&](auto& r) { r.set_open_at_unix_us(absl::ToUnixMicros(opens)); }).ok());
  ASSERT_TRUE(Change(v1::ROUTE_CUT, {{v1::SIGNER_MEMBER, 34}}).ok());
  ASSERT_TRUE(Change(v1::ROUTE_SUSPENDED, kBoth).ok());
  lab_.now = opens + absl::Hours(1);
  EXPECT_FALSE(Route().served);
  EXPECT_EQ(Reason(MaySend(lab_.state, kRoute.accepting, kRoute.home, v1::HAND_OVER, 2, lab_.now)),
            "ENVELOPE_LINK_NOT_OPEN");
}

TEST_F(RouteChangesTest, Pilot_HasItsBoundsAndBecomesOpenByBoth) {
  ASSERT_TRUE(Report([](auto& r) { r.set_stays_certified(true); }).ok());
  Refused(Change(v1::ROUTE_PILOT, kBoth), "pilot belongs to ROUTE_PILOT");
  Refused(Change(v1::ROUTE_PILOT, kBoth, [](auto& c) { c.mutable_pilot(); }), "daily_quota");
  ASSERT_TRUE(Change(v1::ROUTE_PILOT, kBoth, Pilot).ok());
  EXPECT_EQ(Route().pilot.daily_quota(), 50u);
  lab_.now += absl::Hours(24);
  lab_.OpenRoutes(32, 34);
  EXPECT_EQ(State(), v1::ROUTE_PILOT) << "certified anew, it stays a pilot";
  Refused(Change(v1::ROUTE_OPEN, {{v1::SIGNER_MEMBER, 32}}), "both");
  Refused(Change(v1::ROUTE_OPEN, kBoth, Pilot), "pilot belongs");
  ASSERT_TRUE(Change(v1::ROUTE_OPEN, kBoth).ok());
  EXPECT_EQ(Route().pilot.daily_quota(), 0u);
}

TEST_F(RouteChangesTest, MalformedFields_AreRefused) {
  lab_.OpenRoutes(32, 34);
  const std::vector<By> one = {{v1::SIGNER_MEMBER, 32}};
  Refused(Change(v1::ROUTE_SUSPENDED, one, At(lab_.now - absl::Hours(1))), "effective_unix_us");
  Refused(Change(v1::ROUTE_CUT, one, At(lab_.now + absl::Hours(1))), "a cut is effective at once");
  Refused(Change(v1::ROUTE_SUSPENDED, one, [](auto& c) { c.set_reason(std::string(1025, 'x')); }),
          "1024 bytes");
  const absl::Time late = lab_.now + absl::Hours(24 * 366);
  ASSERT_TRUE(Change(v1::ROUTE_SUSPENDED, one).ok());
  Refused(Change(v1::ROUTE_OPEN, kBoth, At(late)), "certification does not hold");
}

TEST_F(RouteChangesTest, ChangedKey_HoldsForTheGraceUnlessASmokeTestShowsItWorks) {
  lab_.OpenRoutes(32, 34);
  lab_.now += absl::Hours(24);
  const absl::Time used = lab_.now + absl::Hours(24);
  ChangeKey(34, used);
  EXPECT_EQ(Route().grace_until, used + kKeyChangeGrace);
  lab_.now = used + kKeyChangeGrace - absl::Seconds(1);
  EXPECT_EQ(State(), v1::ROUTE_OPEN);
  for (const RouteKey& direction : {kRoute, RouteKey{kRoute.home, kRoute.accepting}}) {
    EXPECT_EQ(lab_.state.Route(direction, lab_.now + absl::Seconds(1)).state, v1::ROUTE_VOID);
  }
  const absl::Time certified_until = Route().certified_until;
  ASSERT_TRUE(Report([](auto& r) {
                r.set_smoke(true);
                for (int i = r.verdicts_size() - 1; i >= 0; --i) {
                  const std::string id = r.verdicts(i).case_id();
                  if (id == "M03" || id == "L04") r.mutable_verdicts()->DeleteSubrange(i, 1);
                }
              }).ok());
  lab_.now += absl::Hours(48);
  EXPECT_EQ(State(), v1::ROUTE_OPEN);
  EXPECT_EQ(Route().certified_until, certified_until) << "a smoke test prolongs nothing";
}

TEST_F(RouteChangesTest, SmokeTest_OpensNothing) {
  const auto smoke = [](v1::LinkReport& r) { r.set_smoke(true); };
  Refused(Report(smoke), "smoke test does not change");
  lab_.OpenRoutes(32, 34);
  lab_.now += absl::Hours(24 * 365);
  Refused(Report(smoke), "smoke test does not change");
}

TEST_F(RouteChangesTest, SuspectKey_VoidsAtOnceUntilTheWholeTestPasses) {
  lab_.OpenRoutes(32, 34);
  lab_.now += absl::Hours(1);
  ASSERT_TRUE(lab_.Apply(lab_.NextVersion(34,
                                          [&](v1::Member& m) {
                                            m.mutable_keys(1)->set_suspect_since_unix_us(
                                                absl::ToUnixMicros(lab_.now));
                                            *m.add_keys() =
                                                PublicKeyOf(MakeTestKey(), v1::KEY_USE_SEAL);
                                          }),
                         DirectoryLab::MemberSigners(34))
                  .ok());
  EXPECT_EQ(State(), v1::ROUTE_VOID);
  Refused(Report([](v1::LinkReport& r) { r.set_smoke(true); }), "smoke test does not change");
  lab_.now += absl::Hours(1);
  lab_.OpenRoutes(32, 34);
  EXPECT_EQ(State(), v1::ROUTE_OPEN);
}

TEST_F(RouteChangesTest, KindThatASideIsNotRegisteredFor_IsNotSent) {
  lab_.OpenRoutes(32, 34);
  const auto send = [&] {
    return Reason(MaySend(lab_.state, kRoute.accepting, kRoute.home, v1::RETAKE, 2, lab_.now));
  };
  EXPECT_EQ(send(), "OK");
  ASSERT_TRUE(lab_.Apply(lab_.NextVersion(34,
                                          [](v1::Member& m) {
                                            auto* able = m.mutable_capabilities();
                                            able->erase(
                                                std::remove(able->begin(), able->end(), v1::RETAKE),
                                                able->end());
                                          }),
                         {{v1::SIGNER_MEMBER, 34}})
                  .ok());
  EXPECT_EQ(send(), "KIND_NOT_ALLOWED");
}

}  // namespace
}  // namespace yizhan::contract
