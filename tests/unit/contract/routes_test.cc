#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/link_suite.h"
#include "tests/unit/contract/directory_lab.h"

namespace yizhan::contract {
namespace {

using ::testing::HasSubstr;

constexpr ProvinceCode k32(32), k34(34), k51(51);

class RouteTest : public ::testing::Test {
 protected:
  explicit RouteTest(bool is_lab = true) : lab_(is_lab) {
    lab_.Begin();
    for (std::uint32_t province : {32, 34, 51}) lab_.AddMember(province);
  }
  void Refused(const v1::DirectoryEntry& entry, const std::vector<By>& by, const std::string& why) {
    const absl::Status status = lab_.Apply(entry, by);
    EXPECT_EQ(Reason(status), "DIRECTORY_ENTRY_REFUSED") << why;
    EXPECT_THAT(std::string(status.message()), HasSubstr(why));
  }
  void RefusedReport(const std::function<void(v1::LinkReport&)>& alter, const std::string& why) {
    v1::DirectoryEntry entry = lab_.ReportEntry(32, 34);
    alter(*entry.mutable_link_report());
    Refused(entry, DirectoryLab::ReportSigners(32, 34), why);
  }
  std::string Send(ProvinceCode from, ProvinceCode to, v1::MessageKind kind,
                   std::uint64_t sequence = 2) {
    return Reason(MaySend(lab_.state, from, to, kind, sequence, lab_.now));
  }
  DirectoryLab lab_;
  const std::vector<By> both_ = {{v1::SIGNER_MEMBER, 32}, {v1::SIGNER_MEMBER, 34}};
};

TEST_F(RouteTest, FreshNetwork_HasNoOpenRoute) {
  EXPECT_TRUE(lab_.state.routes().empty());
  EXPECT_EQ(lab_.RouteState(32, 34), v1::ROUTE_STATE_UNSPECIFIED);
  EXPECT_EQ(Send(k32, k34, v1::ELIGIBILITY_QUERY, 1), "ENVELOPE_LINK_NOT_OPEN");
}

TEST_F(RouteTest, Report_OpensBothDirectionsOfItsPairAlone) {
  lab_.OpenRoutes(32, 34);
  EXPECT_EQ(lab_.RouteState(32, 34), v1::ROUTE_OPEN);
  EXPECT_EQ(lab_.RouteState(34, 32), v1::ROUTE_OPEN);
  EXPECT_EQ(lab_.RouteState(32, 51), v1::ROUTE_STATE_UNSPECIFIED);
}

TEST_F(RouteTest, ReportOfOneDirection_OpensThatAlone) {
  v1::DirectoryEntry entry = lab_.ReportEntry(32, 34);
  entry.mutable_link_report()->mutable_routes()->RemoveLast();
  ASSERT_TRUE(lab_.Apply(entry, DirectoryLab::ReportSigners(32, 34)).ok());
  EXPECT_EQ(lab_.RouteState(32, 34), v1::ROUTE_OPEN);
  EXPECT_EQ(lab_.RouteState(34, 32), v1::ROUTE_STATE_UNSPECIFIED);
  EXPECT_EQ(Send(k34, k32, v1::REVIEW_DECISION), "OK");
  EXPECT_EQ(Send(k34, k32, v1::ELIGIBILITY_QUERY, 1), "ENVELOPE_LINK_NOT_OPEN");
  EXPECT_EQ(Send(k34, k32, v1::SYSTEM_OUTCOME), "OK");
}

TEST_F(RouteTest, ReportThatASideHasNotSigned_IsRefused) {
  const v1::DirectoryEntry entry = lab_.ReportEntry(32, 34);
  Refused(entry, {{v1::SIGNER_MEMBER, 32}, {v1::SIGNER_BROKER}}, "member 34 has not signed");
  Refused(entry, {{v1::SIGNER_MEMBER, 34}, {v1::SIGNER_BROKER}}, "member 32 has not signed");
  Refused(entry, both_, "broker has not countersigned");
  Refused(entry, {{v1::SIGNER_MEMBER, 32}, {v1::SIGNER_MEMBER, 51}, {v1::SIGNER_BROKER}},
          "member 34 has not signed");
  Refused(entry, {{v1::SIGNER_AUTHORITY}, {v1::SIGNER_BROKER}}, "member 32 has not signed");
}

TEST_F(RouteTest, EachUnfitVerdict_IsRefusedNamingCaseAndDirection) {
  for (int i = 0; i < 10; ++i) {
    const v1::DirectoryEntry whole = lab_.ReportEntry(32, 34);
    const v1::CaseVerdict& verdict = whole.link_report().verdicts(i);
    const std::string name = "case " + verdict.case_id() + " from " +
                             std::to_string(verdict.from()) + " to " + std::to_string(verdict.to());
    RefusedReport([i](auto& r) { r.mutable_verdicts()->DeleteSubrange(i, 1); },
                  name + " is missing");
    RefusedReport([i](auto& r) { *r.add_verdicts() = r.verdicts(i); }, name + " is reported twice");
    for (v1::Verdict bad : {v1::VERDICT_UNSPECIFIED, v1::VERDICT_FAIL, v1::VERDICT_BLOCKED,
                            v1::VERDICT_SKIPPED, static_cast<v1::Verdict>(9)}) {
      RefusedReport([&](auto& r) { r.mutable_verdicts(i)->set_verdict(bad); },
                    name + " has not passed");
    }
  }
}

TEST(LinkSuite, EveryCaseOfTheSuite_IsMandatoryInItsReport) {
  std::vector<absl::string_view> ids;
  for (const LinkCase& one : kLinkSuite) ids.push_back(one.id);
  EXPECT_EQ(MandatoryCases(kLinkSuiteVersion), ids);
}

TEST_F(RouteTest, OptionalCase_MayBeSkippedButNotFail) {
  v1::DirectoryEntry entry = lab_.ReportEntry(32, 34);
  v1::CaseVerdict* verdict = entry.mutable_link_report()->add_verdicts();
  verdict->set_case_id("O03");
  verdict->set_from(32);
  verdict->set_to(34);
  verdict->set_verdict(v1::VERDICT_FAIL);
  Refused(entry, DirectoryLab::ReportSigners(32, 34), "O03");
  verdict->set_verdict(v1::VERDICT_SKIPPED);
  EXPECT_TRUE(lab_.Apply(entry, DirectoryLab::ReportSigners(32, 34)).ok());
}

TEST_F(RouteTest, EachMalformedReportField_IsRefused) {
  RefusedReport([](auto& r) { r.set_run_id(Fill(16, '\0')); }, "run_id");
  RefusedReport([](auto& r) { r.set_suite_version(2); }, "suite_version");
  RefusedReport([](auto& r) { r.set_counterpart(51); }, "member 51 has not signed");
  RefusedReport([](auto& r) { r.clear_routes(); }, "no route");
  RefusedReport([](auto& r) { *r.add_routes() = r.routes(0); }, "at most once");
  RefusedReport([](auto& r) { r.mutable_routes(0)->set_home(51); }, "two directions of the pair");
  RefusedReport([](auto& r) { r.mutable_routes(0)->set_version(2); }, "version 2 must be 1");
  RefusedReport([](auto& r) { r.mutable_verdicts(0)->set_to(51); }, "not of this pair");
  RefusedReport([](auto& r) { r.set_ended_unix_us(r.started_unix_us() - 1); }, "ended_unix_us");
  RefusedReport([](auto& r) { r.set_ended_unix_us(r.ended_unix_us() + 301'000'000); }, "future");
  RefusedReport([](auto& r) { r.set_certified_until_unix_us(r.certified_until_unix_us() + 1); },
                "certified_until_unix_us");
  RefusedReport([](auto& r) { r.set_open_at_unix_us(r.certified_until_unix_us()); },
                "open_at_unix_us");
}

TEST_F(RouteTest, SameRunTwice_IsRefused) {
  v1::DirectoryEntry first = lab_.ReportEntry(32, 34);
  ASSERT_TRUE(lab_.Apply(first, DirectoryLab::ReportSigners(32, 34)).ok());
  EXPECT_TRUE(lab_.state.HasReport(*RunId::From(first.link_report().run_id())));
  v1::DirectoryEntry second = lab_.ReportEntry(32, 34);
  second.mutable_link_report()->set_run_id(first.link_report().run_id());
  Refused(second, DirectoryLab::ReportSigners(32, 34), "run_id");
}

class ProductionRouteTest : public RouteTest {
 protected:
  ProductionRouteTest() : RouteTest(false) {}
};

TEST_F(ProductionRouteTest, Doubles_AreRefused) {
  RefusedReport([](auto& r) { r.set_doubles(true); }, "doubles");
  lab_.OpenRoutes(32, 34);
}

TEST_F(RouteTest, OpeningTimeAndCertificationEnd_AreRead) {
  v1::DirectoryEntry entry = lab_.ReportEntry(32, 34);
  const absl::Time opens = lab_.now + absl::Hours(3);
  entry.mutable_link_report()->set_open_at_unix_us(absl::ToUnixMicros(opens));
  ASSERT_TRUE(lab_.Apply(entry, DirectoryLab::ReportSigners(32, 34)).ok());
  EXPECT_EQ(lab_.RouteState(32, 34), v1::ROUTE_CERTIFIED);
  EXPECT_EQ(Send(k32, k34, v1::ACCEPTANCE), "ENVELOPE_LINK_NOT_OPEN");
  lab_.now = opens;
  EXPECT_EQ(lab_.RouteState(32, 34), v1::ROUTE_OPEN);
  lab_.now = TestNow() + absl::Hours(24 * 365);
  EXPECT_EQ(lab_.RouteState(32, 34), v1::ROUTE_EXPIRED);
  EXPECT_EQ(Send(k32, k34, v1::ELIGIBILITY_QUERY, 1), "NEW_CASE_ON_SUSPENDED_ROUTE");
  EXPECT_EQ(Send(k32, k34, v1::HAND_OVER), "OK");
  lab_.OpenRoutes(32, 34);
  EXPECT_EQ(lab_.RouteState(32, 34), v1::ROUTE_OPEN);
}

TEST_F(RouteTest, CertifiedAnewWithALaterOpening_StaysOpen) {
  lab_.OpenRoutes(32, 34);
  lab_.now += absl::Hours(1);
  v1::DirectoryEntry entry = lab_.ReportEntry(32, 34);
  entry.mutable_link_report()->set_open_at_unix_us(absl::ToUnixMicros(lab_.now + absl::Hours(9)));
  ASSERT_TRUE(lab_.Apply(entry, DirectoryLab::ReportSigners(32, 34)).ok());
  EXPECT_EQ(lab_.RouteState(32, 34), v1::ROUTE_OPEN);
}

TEST_F(RouteTest, EitherSideSuspendsAlone_ResumptionTakesBoth) {
  for (std::uint32_t one : {32, 34}) {
    if (lab_.RouteState(32, 34) != v1::ROUTE_OPEN) lab_.OpenRoutes(32, 34);
    lab_.Change(32, 34, v1::ROUTE_SUSPENDED, {{v1::SIGNER_MEMBER, one}});
    Refused(lab_.ChangeEntry(32, 34, v1::ROUTE_OPEN), {{v1::SIGNER_MEMBER, one}}, "both");
    lab_.Change(32, 34, v1::ROUTE_OPEN, both_);
  }
  Refused(lab_.ChangeEntry(32, 34, v1::ROUTE_SUSPENDED), {{v1::SIGNER_MEMBER, 51}}, "signature");
  Refused(lab_.ChangeEntry(32, 34, v1::ROUTE_SUSPENDED), {{v1::SIGNER_AUTHORITY}}, "signature");
  Refused(lab_.ChangeEntry(32, 34, v1::ROUTE_SUSPENDED), {{v1::SIGNER_BROKER}}, "signature");
}

TEST_F(RouteTest, SuspendedRoute_ServesRunningCasesAlone) {
  lab_.OpenRoutes(32, 34);
  lab_.Change(32, 34, v1::ROUTE_SUSPENDED, {{v1::SIGNER_MEMBER, 34}});
  EXPECT_EQ(Send(k32, k34, v1::ELIGIBILITY_QUERY, 1), "NEW_CASE_ON_SUSPENDED_ROUTE");
  EXPECT_EQ(Send(k32, k34, v1::ELIGIBILITY_QUERY, 3), "NEW_CASE_ON_SUSPENDED_ROUTE");
  EXPECT_EQ(Send(k32, k34, v1::ACCEPTANCE, 1), "NEW_CASE_ON_SUSPENDED_ROUTE");
  EXPECT_EQ(Send(k32, k34, v1::ACCEPTANCE, 2), "OK");
  EXPECT_EQ(Send(k34, k32, v1::ELIGIBILITY_ANSWER, 1), "OK");
  EXPECT_EQ(Send(k34, k32, v1::ELIGIBILITY_QUERY, 1), "OK");  // the other route
}

TEST_F(RouteTest, CutRouteOfASuspendedMember_IsStillCut) {
  lab_.OpenRoutes(32, 34);
  lab_.Change(32, 34, v1::ROUTE_CUT, {{v1::SIGNER_MEMBER, 32}});
  ASSERT_TRUE(
      lab_.Apply(lab_.NextVersion(34, [](v1::Member& m) { m.set_status(v1::MEMBER_SUSPENDED); }),
                 {{v1::SIGNER_AUTHORITY}})
          .ok());
  // Nothing that waits for the cut to be lifted is judged in another way.
  EXPECT_EQ(Send(k32, k34, v1::HAND_OVER), "LINK_CUT");
  EXPECT_EQ(Send(k34, k32, v1::REVIEW_DECISION), "LINK_CUT");
}

TEST_F(RouteTest, CutRoute_StopsAllUntilBothLiftIt) {
  lab_.OpenRoutes(32, 34);
  lab_.Change(32, 34, v1::ROUTE_CUT, {{v1::SIGNER_MEMBER, 32}});
  EXPECT_EQ(Send(k32, k34, v1::HAND_OVER), "LINK_CUT");
  EXPECT_EQ(Send(k34, k32, v1::REVIEW_DECISION), "LINK_CUT");
  Refused(lab_.ReportEntry(32, 34), DirectoryLab::ReportSigners(32, 34), "does not lift");
  Refused(lab_.ChangeEntry(32, 34, v1::ROUTE_OPEN), both_, "cannot go");
  Refused(lab_.ChangeEntry(32, 34, v1::ROUTE_SUSPENDED), {{v1::SIGNER_MEMBER, 32}}, "both");
  lab_.Change(32, 34, v1::ROUTE_SUSPENDED, both_);
  EXPECT_EQ(Send(k32, k34, v1::HAND_OVER), "OK");
  lab_.Change(32, 34, v1::ROUTE_OPEN, both_);
}

TEST_F(RouteTest, WayRoundThroughACut_OpensNothingWithoutAReport) {
  lab_.Change(32, 34, v1::ROUTE_CUT, {{v1::SIGNER_MEMBER, 32}});
  lab_.Change(32, 34, v1::ROUTE_SUSPENDED, both_);
  Refused(lab_.ChangeEntry(32, 34, v1::ROUTE_OPEN), both_, "certification does not hold");
  EXPECT_EQ(Send(k32, k34, v1::HAND_OVER), "ENVELOPE_LINK_NOT_OPEN");
}

TEST_F(RouteTest, VoidedCertificate_IsNotResumedByDetours) {
  lab_.OpenRoutes(32, 34);
  lab_.Change(32, 34, v1::ROUTE_VOID, {{v1::SIGNER_AUTHORITY}});
  EXPECT_EQ(Send(k32, k34, v1::ELIGIBILITY_QUERY, 1), "NEW_CASE_ON_SUSPENDED_ROUTE");
  EXPECT_EQ(Send(k32, k34, v1::HAND_OVER), "OK");
  lab_.Change(32, 34, v1::ROUTE_CUT, {{v1::SIGNER_MEMBER, 32}});
  lab_.Change(32, 34, v1::ROUTE_SUSPENDED, both_);
  Refused(lab_.ChangeEntry(32, 34, v1::ROUTE_OPEN), both_, "certification does not hold");
  lab_.OpenRoutes(32, 34);
  EXPECT_EQ(lab_.RouteState(32, 34), v1::ROUTE_OPEN);
}

TEST_F(RouteTest, LaterTesting_StopsNewCasesAlone_FirstTestingAll) {
  lab_.OpenRoutes(32, 34);
  lab_.Change(32, 34, v1::ROUTE_EXPIRED, {{v1::SIGNER_MEMBER, 34}});
  lab_.Change(32, 34, v1::ROUTE_TESTING, both_);
  EXPECT_EQ(Send(k32, k34, v1::HAND_OVER), "OK");
  EXPECT_EQ(Send(k32, k34, v1::ELIGIBILITY_QUERY, 1), "NEW_CASE_ON_SUSPENDED_ROUTE");
  const std::vector<By> others = {{v1::SIGNER_MEMBER, 32}, {v1::SIGNER_MEMBER, 51}};
  lab_.Change(32, 51, v1::ROUTE_REQUESTED, {{v1::SIGNER_MEMBER, 32}});
  lab_.Change(32, 51, v1::ROUTE_TESTING, others);
  EXPECT_EQ(Send(k32, k51, v1::HAND_OVER), "ENVELOPE_LINK_NOT_OPEN");
  lab_.Change(32, 51, v1::ROUTE_FAILED, {{v1::SIGNER_MEMBER, 51}});
  lab_.OpenRoutes(32, 51);
}

TEST_F(RouteTest, UnlistedTransitions_AreRefused) {
  const std::vector<By> all = {{v1::SIGNER_MEMBER, 32},
                               {v1::SIGNER_MEMBER, 34},
                               {v1::SIGNER_BROKER},
                               {v1::SIGNER_AUTHORITY}};
  for (v1::RouteState to : {v1::ROUTE_STATE_UNSPECIFIED, v1::ROUTE_TESTING, v1::ROUTE_CERTIFIED,
                            v1::ROUTE_OPEN, v1::ROUTE_PILOT, v1::ROUTE_SUSPENDED, v1::ROUTE_EXPIRED,
                            v1::ROUTE_VOID, v1::ROUTE_FAILED, static_cast<v1::RouteState>(77)}) {
    Refused(lab_.ChangeEntry(32, 34, to), all, "cannot go");
  }
  lab_.OpenRoutes(32, 34);
  for (v1::RouteState to : {v1::ROUTE_REQUESTED, v1::ROUTE_TESTING, v1::ROUTE_CERTIFIED,
                            v1::ROUTE_OPEN, v1::ROUTE_FAILED}) {
    Refused(lab_.ChangeEntry(32, 34, to), all, "cannot go");
  }
  v1::DirectoryEntry stale = lab_.ChangeEntry(32, 34, v1::ROUTE_SUSPENDED);
  stale.mutable_route_change()->set_version(1);
  Refused(stale, all, "version 1 must be 2");
  Refused(lab_.ChangeEntry(32, 11, v1::ROUTE_REQUESTED), {{v1::SIGNER_MEMBER, 32}}, "two members");
}

TEST_F(RouteTest, SuspendedMember_NeitherSendsNorReceives) {
  lab_.OpenRoutes(32, 34);
  ASSERT_TRUE(
      lab_.Apply(lab_.NextVersion(34, [](v1::Member& m) { m.set_status(v1::MEMBER_SUSPENDED); }),
                 {{v1::SIGNER_AUTHORITY}})
          .ok());
  EXPECT_EQ(Send(k32, k34, v1::HAND_OVER), "DESTINATION_UNKNOWN");
  EXPECT_EQ(Send(k34, k32, v1::REVIEW_DECISION), "ENVELOPE_LINK_NOT_OPEN");
  EXPECT_EQ(Send(k32, ProvinceCode(65), v1::HAND_OVER), "DESTINATION_UNKNOWN");
}

TEST_F(RouteTest, TestMessagesAndUnknownKinds_AreNotForBusiness) {
  lab_.OpenRoutes(32, 34);
  EXPECT_EQ(Send(k32, k34, v1::TEST_MESSAGE), "KIND_NOT_ALLOWED");
  EXPECT_EQ(Send(k32, k34, static_cast<v1::MessageKind>(77)), "KIND_NOT_ALLOWED");
}

TEST_F(RouteTest, SystemOutcome_RidesOnEitherRouteAndOpensNoCase) {
  lab_.OpenRoutes(32, 34);
  EXPECT_EQ(Send(k32, k34, v1::SYSTEM_OUTCOME, 1), "OK");
  lab_.Change(32, 34, v1::ROUTE_CUT, {{v1::SIGNER_MEMBER, 32}});
  EXPECT_EQ(Send(k32, k34, v1::SYSTEM_OUTCOME, 1), "OK");
  lab_.Change(34, 32, v1::ROUTE_CUT, {{v1::SIGNER_MEMBER, 32}});
  EXPECT_EQ(Send(k32, k34, v1::SYSTEM_OUTCOME, 1), "LINK_CUT");
}

}  // namespace
}  // namespace yizhan::contract
