#include "tools/demo/case_driver.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/tools/fake_desk.h"

namespace yizhan::tools {
namespace {

using contract::ProvinceCode;
using ::testing::ElementsAre;

class CaseDriverTest : public testing::Test {
 protected:
  CaseDriverTest() {
    job_.accepting = ProvinceCode(32);
    job_.home = ProvinceCode(34);
    job_.line.readable = true;
    job_.line.ref = "P1";
    job_.line.application.set_business(v1::EXPIRY_RENEWAL);
    job_.line.application.set_fee_fen(2000);
    job_.line.application.mutable_applicant()->set_home_division("340202");
    job_.line.applied_at = absl::FromUnixSeconds(1469001480);
    job_.line.old_card_surrendered = true;
  }

  // Leads the case; the line of outcomes.jsonl it ends with.
  std::string Drive() {
    CaseDriver driver(&desk_, &board_,
                      {.run_name = "t",
                       .patience = absl::Milliseconds(1),
                       .look_again = absl::Milliseconds(1),
                       .interrupted = [] { return false; }});
    driver.Drive(job_);
    EXPECT_TRUE(job_.problem.ok()) << job_.problem;
    return job_.outcome.has_value() ? OutcomeLine(*job_.outcome) : "none";
  }

  FakeDesk desk_;
  CaseBoard board_;
  CaseJob job_;
};

TEST_F(CaseDriverTest, NothingFound_CardIsHandedOver) {
  EXPECT_EQ(Drive(), R"({"ref":"P1","final_state":"HANDED_OVER","reason":"","fee_fen":2000,)"
                     R"("refund_fen":0,"validity_years":20})");
  EXPECT_TRUE(job_.ended);
  EXPECT_THAT(desk_.Log(), ElementsAre("apply", "review", "started", "made", "ready", "hand over"));
}

TEST_F(CaseDriverTest, SpoiledCards_AreMadeAgain) {
  job_.line.card_centre_failures = 2;
  Drive();
  EXPECT_EQ(job_.outcome->final_state, "HANDED_OVER");
  EXPECT_THAT(desk_.Log(), ElementsAre("apply", "review", "started", "failed", "started", "failed",
                                       "started", "made", "ready", "hand over"));
}

TEST_F(CaseDriverTest, ReviewRefuses_ApplicantIsInformedAndPaidBack) {
  job_.finding = CountyFinding::kInformationError;
  EXPECT_EQ(Drive(), R"({"ref":"P1","final_state":"CLOSED_REFUSED","reason":"INFORMATION_ERROR",)"
                     R"("fee_fen":2000,"refund_fen":2000,"validity_years":null})");
  EXPECT_THAT(desk_.Log(), ElementsAre("apply", "review", "informed", "refunded"));
}

TEST_F(CaseDriverTest, RetakeAsked_IsSentAndTheFindingCountsOnce) {
  job_.finding = CountyFinding::kRetakePortrait;
  job_.retake_portrait = "jpeg";
  Drive();
  EXPECT_EQ(job_.outcome->final_state, "HANDED_OVER");
  EXPECT_THAT(desk_.Log(), ElementsAre("apply", "feedback", "retake", "review", "started", "made",
                                       "ready", "hand over"));
}

TEST_F(CaseDriverTest, NoOtherPortrait_CaseStaysAtRecollect) {
  job_.finding = CountyFinding::kRetakePortrait;
  EXPECT_EQ(Drive(), R"({"ref":"P1","final_state":"RECOLLECT","reason":"RETAKE_PORTRAIT",)"
                     R"("fee_fen":2000,"refund_fen":0,"validity_years":null})");
  EXPECT_TRUE(job_.ended);
}

TEST_F(CaseDriverTest, OtherPortraitIsNoBetter_CaseStaysAtRecollect) {
  job_.finding = CountyFinding::kRetakePortrait;
  job_.retake_portrait = "no jpeg";
  desk_.retake_is_invalid = true;
  Drive();
  EXPECT_EQ(job_.outcome->final_state, "RECOLLECT");
  EXPECT_THAT(desk_.Log(), ElementsAre("apply", "feedback", "retake"));
}

TEST_F(CaseDriverTest, OldCardKept_CardStaysReady) {
  job_.line.old_card_surrendered = false;
  EXPECT_EQ(Drive(), R"({"ref":"P1","final_state":"READY","reason":"OLD_CARD_NOT_SURRENDERED",)"
                     R"("fee_fen":2000,"refund_fen":0,"validity_years":20})");
  EXPECT_TRUE(job_.ended);
}

TEST_F(CaseDriverTest, LostCard_NeedsNoOldOne) {
  job_.line.old_card_surrendered = false;
  job_.line.application.set_business(v1::LOSS_REPLACEMENT);
  Drive();
  EXPECT_EQ(job_.outcome->final_state, "HANDED_OVER");
}

TEST_F(CaseDriverTest, MalformedApplication_IsInvalidWithTheGatewaysReason) {
  desk_.apply_refusal = v1::PORTRAIT_INVALID;
  EXPECT_EQ(Drive(), R"({"ref":"P1","final_state":"INVALID","reason":"PORTRAIT_INVALID",)"
                     R"("fee_fen":0,"refund_fen":0,"validity_years":null})");
}

TEST_F(CaseDriverTest, DecisionByRule_EndsTheCase) {
  desk_.not_accepted = v1::LINK_NOT_OPEN;
  Drive();
  EXPECT_EQ(job_.outcome->final_state, "NOT_ACCEPTED");
  EXPECT_EQ(job_.outcome->reason, "LINK_NOT_OPEN");
}

TEST_F(CaseDriverTest, HomeIsStopped_CaseWaitsAndIsReportedSo) {
  desk_.stopped_homes = {ProvinceCode(34)};
  job_.home_stopped = true;
  EXPECT_EQ(Drive(), R"({"ref":"P1","final_state":"APPLIED","reason":"","fee_fen":0,)"
                     R"("refund_fen":0,"validity_years":null})");
  EXPECT_FALSE(job_.ended);
}

TEST_F(CaseDriverTest, RefusedForAnotherCause_IsAProblemAndNoOutcome) {
  desk_.apply_refusal = v1::CALLER_NOT_ALLOWED;
  CaseDriver driver(&desk_, &board_, {.run_name = "t", .interrupted = [] { return false; }});
  driver.Drive(job_);
  EXPECT_EQ(contract::ReasonOf(job_.problem), v1::CALLER_NOT_ALLOWED);
  EXPECT_FALSE(job_.outcome.has_value());
}

TEST(CaseBoard, OlderView_NeverReplacesANewerOne) {
  CaseBoard board;
  v1::CaseView view;
  view.set_case_handle("c");
  view.set_role(v1::CASE_ROLE_ACCEPTING);
  view.set_revision(5);
  view.set_state(v1::CASE_READY);
  board.Put(view);
  view.set_revision(4);
  view.set_state(v1::CASE_SIGNED);
  board.Put(view);
  EXPECT_EQ(board.Get("c").accepting->state(), v1::CASE_READY);
  EXPECT_EQ(board.Get("c").changes, 1u);
  EXPECT_EQ(board.total_changes(), 1u);
}

}  // namespace
}  // namespace yizhan::tools
