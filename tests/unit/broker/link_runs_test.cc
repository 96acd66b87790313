#include "gmock/gmock.h"
#include "protos/contract/limits.h"
#include "tests/unit/broker/link_runs_fixture.h"

namespace yizhan::broker {
namespace {

using contract::ReasonOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(LinkRunsTest, PeerHasNotArmed_RunIsRefusedWithTheCommandToAskFor) {
  const absl::Status refused = Start(32, 34).status();
  EXPECT_EQ(ReasonOf(refused), v1::LINK_NOT_ARMED);
  EXPECT_THAT(contract::DetailOf(refused).next_step(), HasSubstr("yizhan link arm --peer 32"));
}

TEST_F(LinkRunsTest, PeerArmedForAnother_RunIsRefused) {
  ASSERT_TRUE(Arm(34, 41).ok());
  EXPECT_EQ(ReasonOf(Start(32, 34).status()), v1::LINK_NOT_ARMED);
}

TEST_F(LinkRunsTest, ArmingIsOver_RunIsRefused) {
  ASSERT_TRUE(Arm(34, 32, absl::Minutes(5)).ok());
  now_ += absl::Minutes(5);
  EXPECT_EQ(ReasonOf(Start(32, 34).status()), v1::LINK_NOT_ARMED);
}

TEST_F(LinkRunsTest, Armed_RunStartsInTheSmallerWindowAndBothLearnOfIt) {
  ASSERT_TRUE(Arm(34, 32, absl::Minutes(30)).ok());
  absl::StatusOr<v1::LinkRun> run = Start(32, 34);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->run_id().size(), 16u);
  EXPECT_EQ(run->expected_verdicts(), 10u);
  EXPECT_EQ(run->window_until_unix_us(), absl::ToUnixMicros(now_ + absl::Minutes(30)));
  EXPECT_EQ(host_.pushed[32].size(), 1u);
  EXPECT_EQ(host_.pushed[34].size(), 1u);
  EXPECT_EQ(runs_->ListRuns(ProvinceCode(34))->runs_size(), 1);
  EXPECT_EQ(runs_->ListRuns(ProvinceCode(41))->runs_size(), 0);
}

TEST_F(LinkRunsTest, ArmingOfAWrongSignerWindowOrPeer_IsRefused) {
  v1::ArmRequest request;
  *request.mutable_arming() = Statement(34, 32, absl::Hours(1), &lab_.signer(41));
  EXPECT_EQ(ReasonOf(runs_->Arm(ProvinceCode(34), request, now_).status()), v1::SIGNER_NOT_SOURCE);
  *request.mutable_arming() = Statement(34, 32, absl::Hours(1), &lab_.stranger());
  EXPECT_EQ(ReasonOf(runs_->Arm(ProvinceCode(34), request, now_).status()), v1::SIGNER_UNKNOWN);
  *request.mutable_arming() = Statement(34, 32, absl::Hours(1));
  request.mutable_arming()->mutable_statement()->back() ^= 1;
  EXPECT_FALSE(runs_->Arm(ProvinceCode(34), request, now_).ok());
  *request.mutable_arming() = Statement(34, 32, absl::Hours(1));
  EXPECT_FALSE(runs_->Arm(ProvinceCode(41), request, now_).ok());  // another's statement
  EXPECT_EQ(ReasonOf(Arm(34, 32, absl::Seconds(59))), v1::REQUEST_MALFORMED);
  EXPECT_EQ(ReasonOf(Arm(34, 32, absl::Hours(25))), v1::REQUEST_MALFORMED);
  EXPECT_EQ(ReasonOf(Arm(34, 51)), v1::DESTINATION_UNKNOWN);
  EXPECT_EQ(ReasonOf(Arm(34, 34)), v1::DESTINATION_UNKNOWN);
}

TEST_F(LinkRunsTest, RunOfThePairIsOpen_SecondIsAConflictInEitherDirection) {
  ArmedRun();
  EXPECT_EQ(ReasonOf(Start(32, 34).status()), v1::LINK_RUN_CONFLICT);
  ASSERT_TRUE(Arm(32, 34).ok());
  EXPECT_EQ(ReasonOf(Start(34, 32).status()), v1::LINK_RUN_CONFLICT);
  ASSERT_TRUE(Arm(41, 32).ok());
  EXPECT_TRUE(Start(32, 41).ok());  // another pair goes on
}

TEST_F(LinkRunsTest, ThirdProvinceAsks_RunReadsAsUnknown) {
  v1::GetRunRequest request;
  request.set_run_id(ArmedRun().run_id());
  EXPECT_EQ(ReasonOf(runs_->GetRun(ProvinceCode(41), request).status()), v1::TEST_RUN_UNKNOWN);
}

TEST_F(LinkRunsTest, AllPassedAndBothSigned_BothRoutesOpenForAYear) {
  EXPECT_EQ(OpenRoutes(), 0);
  const v1::LinkRun run = RunInSigning();
  EXPECT_EQ(OpenRoutes(), 0);
  ASSERT_TRUE(Sign(32, run).ok());
  EXPECT_EQ(OpenRoutes(), 0);
  absl::StatusOr<v1::LinkRun> certified = Sign(34, run);
  ASSERT_TRUE(certified.ok()) << certified.status();
  EXPECT_EQ(certified->state(), v1::RUN_CERTIFIED) << certified->failure();
  EXPECT_THAT(certified->signed_by(), ElementsAre(32, 34));
  EXPECT_EQ(OpenRoutes(), 2);
  const contract::RouteRecord route =
      host_.state_.Route({ProvinceCode(34), ProvinceCode(32)}, now_);
  EXPECT_EQ(route.certified_until, now_ + contract::kCertificationLife);
  EXPECT_EQ(host_.closed.size(), 1u);
  EXPECT_EQ(host_.pushed[34].back().state(), v1::RUN_CERTIFIED);
}

TEST_F(LinkRunsTest, Report_SaysWhatBothSaidAndWhatOneSideAloneAttests) {
  v1::LinkRun run = ArmedRun();
  v1::PostVerdictsRequest of_32 = AllPassed(run, 32, 34);
  of_32.set_clock_offset_us(1500);
  ASSERT_TRUE(Post(32, of_32).ok());
  v1::PostVerdictsRequest of_34 = AllPassed(run, 34, 32);
  of_34.set_doubles(true);
  of_34.set_build("test 2");
  absl::StatusOr<v1::LinkRun> complete = Post(34, of_34);
  ASSERT_TRUE(complete.ok()) << complete.status();
  v1::DirectoryEntry entry;
  ASSERT_TRUE(entry.ParseFromString(complete->report_entry()));
  const v1::LinkReport& report = entry.link_report();
  EXPECT_EQ(entry.network_genesis(), lab_.genesis_digest().str());
  EXPECT_EQ(report.initiator_build(), "test 1");
  EXPECT_EQ(report.counterpart_build(), "test 2");
  EXPECT_EQ(report.clock_offset_initiator_us(), 1500);
  EXPECT_TRUE(report.doubles());
  EXPECT_EQ(report.verdicts_size(), 10);
  for (const v1::CaseVerdict& verdict : report.verdicts()) {
    const bool node_alone = verdict.case_id() == "M01" || verdict.case_id() == "M03";
    EXPECT_EQ(verdict.attested_by_one_side(), node_alone) << verdict.case_id();
  }
}

TEST_F(LinkRunsTest, VerdictsOfOneSideMissing_NoReport) {
  v1::LinkRun run = ArmedRun();
  absl::StatusOr<v1::LinkRun> half = Post(32, AllPassed(run, 32, 34));
  ASSERT_TRUE(half.ok()) << half.status();
  EXPECT_EQ(half->state(), v1::RUN_OPEN);
  EXPECT_TRUE(half->report_entry().empty());
  EXPECT_EQ(ReasonOf(Sign(32, *half).status()), v1::STATE_NOT_ALLOWED);
}

TEST_F(LinkRunsTest, SameVerdictsPostedAgain_NothingChanges_OtherContentIsRefused) {
  v1::LinkRun run = ArmedRun();
  const v1::PostVerdictsRequest posted = AllPassed(run, 32, 34);
  ASSERT_TRUE(Post(32, posted).ok());
  absl::StatusOr<v1::LinkRun> again = Post(32, posted);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->verdicts_size(), 5);
  EXPECT_EQ(ReasonOf(Post(32, AllPassed(run, 32, 34)).status()), v1::REPORT_REFUSED);
}

TEST_F(LinkRunsTest, VerdictsOfTheOtherSidesDirection_AreRefused) {
  v1::LinkRun run = ArmedRun();
  EXPECT_EQ(ReasonOf(Post(34, AllPassed(run, 32, 34)).status()), v1::REPORT_REFUSED);
}

TEST_F(LinkRunsTest, OneCaseFailed_RunFailsNamingIt) {
  v1::LinkRun run = ArmedRun();
  v1::PostVerdictsRequest of_32 = AllPassed(run, 32, 34);
  of_32.mutable_verdicts(1)->set_verdict(v1::VERDICT_FAIL);
  of_32.mutable_verdicts(1)->set_cause("portrait differs");
  ASSERT_TRUE(Post(32, of_32).ok());
  absl::StatusOr<v1::LinkRun> failed = Post(34, AllPassed(run, 34, 32));
  ASSERT_TRUE(failed.ok()) << failed.status();
  EXPECT_EQ(failed->state(), v1::RUN_FAILED);
  EXPECT_THAT(failed->failure(), HasSubstr("M03 32->34 FAIL: portrait differs"));
  EXPECT_EQ(ReasonOf(Sign(32, *failed).status()), v1::STATE_NOT_ALLOWED);
  EXPECT_TRUE(Start(32, 34).ok());  // the pair may try again
}

TEST_F(LinkRunsTest, TheWindowIsOver_RunIsAbandonedAndTakesNothingMore) {
  v1::LinkRun run = ArmedRun();
  const v1::PostVerdictsRequest late = AllPassed(run, 32, 34);
  now_ += absl::Hours(1);
  EXPECT_FALSE(runs_->Find(*contract::RunId::From(run.run_id()), now_)->open);
  ASSERT_TRUE(runs_->OnTick(now_).ok());
  EXPECT_EQ(Now(run).state(), v1::RUN_ABANDONED);
  EXPECT_THAT(Now(run).failure(), HasSubstr("0 of 10 verdicts"));
  EXPECT_EQ(ReasonOf(Post(32, late).status()), v1::STATE_NOT_ALLOWED);
  EXPECT_EQ(runs_->ListRuns(ProvinceCode(32))->runs_size(), 0);
}

TEST_F(LinkRunsTest, OneDirectionFailedAndTheOtherStaysAway_RunFailsAfterAWhile) {
  v1::LinkRun run = ArmedRun();
  v1::PostVerdictsRequest of_32 = AllPassed(run, 32, 34);
  of_32.mutable_verdicts(0)->set_verdict(v1::VERDICT_FAIL);
  of_32.mutable_verdicts(0)->set_cause("no receipt");
  ASSERT_TRUE(Post(32, of_32).ok());
  now_ += absl::Seconds(29);
  ASSERT_TRUE(runs_->OnTick(now_).ok());
  EXPECT_EQ(Now(run).state(), v1::RUN_OPEN);
  now_ += absl::Seconds(2);
  ASSERT_TRUE(runs_->OnTick(now_).ok());
  EXPECT_EQ(Now(run).state(), v1::RUN_FAILED);
  EXPECT_THAT(Now(run).failure(), HasSubstr("M01 32->34 FAIL: no receipt"));
}

TEST_F(LinkRunsTest, NothingHappensForTenMinutes_RunMakesRoomForAnother) {
  const v1::LinkRun run = RunInSigning();
  now_ += absl::Minutes(11);
  ASSERT_TRUE(runs_->OnTick(now_).ok());
  EXPECT_EQ(Now(run).state(), v1::RUN_ABANDONED);
  EXPECT_TRUE(Start(32, 34).ok());
}

TEST_F(LinkRunsTest, OneSignatureOnly_RouteStaysClosedUntilTheWindowEndsTheRun) {
  const v1::LinkRun run = RunInSigning();
  ASSERT_TRUE(Sign(34, run).ok());
  ASSERT_TRUE(Sign(34, run).ok());  // its answer was lost
  EXPECT_EQ(OpenRoutes(), 0);
  now_ += absl::Hours(1);
  ASSERT_TRUE(runs_->OnTick(now_).ok());
  EXPECT_EQ(Now(run).state(), v1::RUN_ABANDONED);
  EXPECT_EQ(ReasonOf(Sign(32, run).status()), v1::STATE_NOT_ALLOWED);
  EXPECT_EQ(OpenRoutes(), 0);
}

TEST_F(LinkRunsTest, ReportSignedByWrongKeyOrOverOtherBytes_IsRefused) {
  const v1::LinkRun run = RunInSigning();
  EXPECT_EQ(ReasonOf(Sign(32, run, &lab_.signer(34)).status()), v1::SIGNER_NOT_SOURCE);
  EXPECT_EQ(ReasonOf(Sign(32, run, &lab_.broker_signer()).status()), v1::SIGNER_NOT_SOURCE);
  EXPECT_EQ(ReasonOf(Sign(32, run, &lab_.stranger()).status()), v1::SIGNER_UNKNOWN);
  std::string tampered = run.report_entry();
  tampered.back() ^= 1;
  EXPECT_EQ(ReasonOf(Sign(32, run, nullptr, &tampered).status()), v1::SIGNATURE_INVALID);
  EXPECT_FALSE(Sign(41, run).ok());
  EXPECT_EQ(OpenRoutes(), 0);
}

TEST_F(LinkRunsTest, DirectoryMovedOnWhileSigning_RunFailsAndNothingOpens) {
  const v1::LinkRun run = RunInSigning();
  ASSERT_TRUE(Sign(32, run).ok());
  // Another report of the pair got in: the versions no longer follow.
  lab_.OpenRoutes(32, 34);
  ASSERT_TRUE(host_.AppendReport(lab_.entries().back(), Moment{now_, {}}).ok());
  absl::StatusOr<v1::LinkRun> late = Sign(34, run);
  ASSERT_TRUE(late.ok()) << late.status();
  EXPECT_EQ(late->state(), v1::RUN_FAILED);
  EXPECT_FALSE(late->failure().empty());
}

TEST_F(LinkRunsTest, BrokerRestartsInMidRun_RunGoesOnToItsReport) {
  v1::LinkRun run = ArmedRun();
  const v1::PostVerdictsRequest of_32 = AllPassed(run, 32, 34);
  ASSERT_TRUE(Post(32, of_32).ok());
  Commit();
  RestartBroker();
  EXPECT_TRUE(runs_->Find(*contract::RunId::From(run.run_id()), now_)->open);
  EXPECT_EQ(Now(run).verdicts_size(), 5);
  ASSERT_TRUE(Post(34, AllPassed(run, 34, 32)).ok());
  run = Now(run);
  ASSERT_TRUE(Sign(34, run).ok());
  Commit();
  RestartBroker();
  ASSERT_TRUE(Sign(32, run).ok());
  EXPECT_EQ(Now(run).state(), v1::RUN_CERTIFIED);
  EXPECT_EQ(OpenRoutes(), 2);
}

TEST_F(LinkRunsTest, UncommittedRunIsLostInARestart_PairMayStartAgain) {
  ASSERT_TRUE(Arm(34, 32).ok());
  Commit();
  ASSERT_TRUE(Start(32, 34).ok());
  RestartBroker();
  EXPECT_TRUE(Start(32, 34).ok());
}

TEST_F(LinkRunsTest, RouteIsCut_NoRunStarts) {
  lab_.OpenRoutes(32, 34);
  lab_.ChangeRoute(32, 34, v1::ROUTE_CUT);
  host_.state_ = lab_.state();
  ASSERT_TRUE(Arm(34, 32).ok());
  EXPECT_EQ(ReasonOf(Start(32, 34).status()), v1::LINK_CUT);
}

TEST_F(LinkRunsTest, Admission_SeesTheRunOfThePairAndItsBudgetEnds) {
  const v1::LinkRun run = ArmedRun();
  const contract::RunId id = *contract::RunId::From(run.run_id());
  ASSERT_TRUE(runs_->FindBetween(ProvinceCode(34), ProvinceCode(32), now_).has_value());
  EXPECT_FALSE(runs_->FindBetween(ProvinceCode(34), ProvinceCode(41), now_).has_value());
  EXPECT_TRUE(runs_->FindOf(ProvinceCode(34), now_).has_value());
  EXPECT_FALSE(runs_->FindOf(ProvinceCode(41), now_).has_value());
  EXPECT_FALSE(runs_->Find(contract::RunId(), now_).has_value());
  EXPECT_TRUE(runs_->Charge(id, 1999, 1000).ok());
  EXPECT_EQ(runs_->Find(id, now_)->messages_left, 1u);
  EXPECT_TRUE(runs_->Charge(id, 1, 1000).ok());
  EXPECT_EQ(ReasonOf(runs_->Charge(id, 1, 1)), v1::QUOTA_EXCEEDED);
}

}  // namespace
}  // namespace yizhan::broker
