// What the broker's own log says against a verdict.
#include "broker/service/link_report.h"

#include "gmock/gmock.h"
#include "tests/unit/broker/link_runs_fixture.h"

namespace yizhan::broker {
namespace {

using contract::ReasonOf;
using ::testing::HasSubstr;

class LinkReportTest : public LinkRunsTest {
 protected:
  // Posts one verdict of 32->34 that rests on these messages.
  absl::Status PostOne(const std::string& case_id, const std::vector<Digest>& headers) {
    v1::PostVerdictsRequest request = PartyOf(run_);
    AddVerdict(request, *lab_.algorithms().hasher, case_id, 32, 34, headers);
    return Post(32, request).status();
  }
  const v1::LinkRun run_ = ArmedRun();
};

TEST_F(LinkReportTest, MessageNeverFlowed_VerdictIsRefusedNamingTheCase) {
  const absl::Status refused = PostOne("M01", {contract::RandomFixed<Digest>(random_)});
  EXPECT_EQ(ReasonOf(refused), v1::REPORT_REFUSED);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("M01 32->34"));
  EXPECT_EQ(Now(run_).verdicts_size(), 0);
}

TEST_F(LinkReportTest, NoMessageNamed_VerdictIsRefused) {
  EXPECT_EQ(ReasonOf(PostOne("M01", {})), v1::REPORT_REFUSED);
}

TEST_F(LinkReportTest, MessageOfAnotherRun_VerdictIsRefused) {
  v1::LinkRun other = run_;
  other.set_run_id(std::string(16, 'x'));
  EXPECT_EQ(ReasonOf(PostOne("M01", {Flow(other, v1::TEST_MESSAGE, 32, 34)})), v1::REPORT_REFUSED);
}

TEST_F(LinkReportTest, MessageOfAnotherPair_VerdictIsRefused) {
  EXPECT_EQ(ReasonOf(PostOne("M01", {Flow(run_, v1::TEST_MESSAGE, 32, 41)})), v1::REPORT_REFUSED);
}

TEST_F(LinkReportTest, MessageAcceptedButNotReceipted_VerdictIsRefused) {
  const Digest header = Flow(run_, v1::TEST_MESSAGE, 32, 34);
  host_.log[header].pop_back();
  EXPECT_EQ(ReasonOf(PostOne("R01", {header})), v1::REPORT_REFUSED);
}

TEST_F(LinkReportTest, MessageAcceptedTwice_RepeatIsRefused) {
  const Digest header = Flow(run_, v1::TEST_MESSAGE, 32, 34);
  host_.log[header].push_back(host_.log[header].front());
  EXPECT_EQ(ReasonOf(PostOne("R01", {header})), v1::REPORT_REFUSED);
}

TEST_F(LinkReportTest, NoRefusalOfAlteredBodyLogged_S01IsRefused) {
  EXPECT_EQ(ReasonOf(PostOne("S01", {Flow(run_, v1::TEST_MESSAGE, 32, 34)})), v1::REPORT_REFUSED);
  EXPECT_TRUE(PostOne("S01", {FlowAfterAlteredBody(run_, 32, 34)}).ok());
}

TEST_F(LinkReportTest, CaseWithoutItsReview_M03IsRefused) {
  const absl::Status refused = PostOne(
      "M03", {Flow(run_, v1::ELIGIBILITY_QUERY, 32, 34), Flow(run_, v1::ELIGIBILITY_ANSWER, 34, 32),
              Flow(run_, v1::ACCEPTANCE, 32, 34)});
  EXPECT_EQ(ReasonOf(refused), v1::REPORT_REFUSED);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("REVIEW_DECISION"));
}

TEST_F(LinkReportTest, OneMessageForTwoCases_SecondIsRefused) {
  const Digest header = Flow(run_, v1::TEST_MESSAGE, 32, 34);
  ASSERT_TRUE(PostOne("M01", {header}).ok());
  const absl::Status refused = PostOne("R01", {header});
  EXPECT_EQ(ReasonOf(refused), v1::REPORT_REFUSED);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("already proves M01 32->34"));
}

TEST_F(LinkReportTest, ClosedLinkRefusalOfBeforeTheRunOrOfNobody_L04IsRefused) {
  EXPECT_EQ(ReasonOf(PostOne("L04", {contract::RandomFixed<Digest>(random_)})), v1::REPORT_REFUSED);
  const Digest old = RefusedForLink(run_, 32, 34);
  host_.log[old].front().set_at_unix_us(run_.started_unix_us() - 1);
  EXPECT_EQ(ReasonOf(PostOne("L04", {old})), v1::REPORT_REFUSED);
  EXPECT_TRUE(PostOne("L04", {RefusedForLink(run_, 32, 34)}).ok());
}

TEST_F(LinkReportTest, ClosedPairShownAtAnotherDestination_CountsOnlyWhenTheRouteIsOpen) {
  EXPECT_EQ(ReasonOf(PostOne("L04", {RefusedForLink(run_, 32, 41)})), v1::REPORT_REFUSED);
  lab_.OpenRoutes(32, 34);
  host_.state_ = lab_.state();
  EXPECT_TRUE(PostOne("L04", {RefusedForLink(run_, 32, 41)}).ok());
}

TEST_F(LinkReportTest, EvidenceDoesNotHaveTheDigestOfItsVerdict_IsRefused) {
  v1::PostVerdictsRequest request = PartyOf(run_);
  AddVerdict(request, *lab_.algorithms().hasher, "M01", 32, 34,
             {Flow(run_, v1::TEST_MESSAGE, 32, 34)});
  request.mutable_evidence(0)->back() ^= 1;
  EXPECT_EQ(ReasonOf(Post(32, request).status()), v1::REPORT_REFUSED);
}

TEST_F(LinkReportTest, MandatoryCaseSkippedOrUnknown_IsRefused) {
  v1::PostVerdictsRequest request = PartyOf(run_);
  AddVerdict(request, *lab_.algorithms().hasher, "M01", 32, 34,
             {Flow(run_, v1::TEST_MESSAGE, 32, 34)});
  request.mutable_verdicts(0)->set_verdict(v1::VERDICT_SKIPPED);
  EXPECT_EQ(ReasonOf(Post(32, request).status()), v1::REPORT_REFUSED);
  EXPECT_EQ(ReasonOf(PostOne("Z99", {Flow(run_, v1::TEST_MESSAGE, 32, 34)})), v1::REPORT_REFUSED);
}

TEST_F(LinkReportTest, ClockOfAPartyIsOff_VerdictsAreRefused) {
  v1::PostVerdictsRequest request = AllPassed(run_, 32, 34);
  request.set_clock_offset_us(absl::ToInt64Microseconds(absl::Minutes(6)));
  EXPECT_EQ(ReasonOf(Post(32, request).status()), v1::CLOCK_SKEW);
}

TEST_F(LinkReportTest, PoliciesOfDifferentSchemas_RunFails) {
  v1::PostVerdictsRequest of_32 = AllPassed(run_, 32, 34);
  of_32.set_policy_schema("yizhan-policy-2");
  ASSERT_TRUE(Post(32, of_32).ok());
  absl::StatusOr<v1::LinkRun> failed = Post(34, AllPassed(run_, 34, 32));
  ASSERT_TRUE(failed.ok()) << failed.status();
  EXPECT_EQ(failed->state(), v1::RUN_FAILED);
  EXPECT_THAT(failed->failure(), HasSubstr("policy"));
}

TEST_F(LinkReportTest, DoublesInAProductionNetwork_NoReport) {
  v1::LinkRun run = run_;
  v1::PostVerdictsRequest of_32 = PartyOf(run_);
  v1::PostVerdictsRequest of_34 = PartyOf(run_);
  of_34.set_doubles(true);
  const ReportParts parts{&run, &of_32, &of_34};
  EXPECT_EQ(WhyNoReport(parts, /*lab=*/true), "");
  EXPECT_THAT(WhyNoReport(parts, /*lab=*/false), HasSubstr("production network refuses"));
}

}  // namespace
}  // namespace yizhan::broker
