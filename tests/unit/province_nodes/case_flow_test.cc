// The way of a case, and what is refused on it.
#include "tests/support/case_story.h"

namespace yizhan::node {
namespace {

using CaseFlowTest = CaseStory;

TEST_F(CaseFlowTest, ReceiptOutstanding_CaseStaysAcceptedUntilItComes) {
  ASSERT_TRUE(Apply().ok());
  network_.DeliverMessages();
  network_.AnswerSystems();
  network_.DeliverMessages();  // answer to 32, acceptance to 31
  network_.DeliverMessages();
  EXPECT_EQ(At(kAccepting), v1::CASE_ACCEPTED);
  EXPECT_EQ(View(kAccepting).fee_fen(), 2000);
  EXPECT_EQ(View(kAccepting).acceptance_number().size(), 22U);
  EXPECT_EQ(At(kHome), v1::CASE_UNDER_REVIEW);
  network_.DeliverReceipts();
  EXPECT_EQ(At(kAccepting), v1::CASE_UNDER_REVIEW);
}

TEST_F(CaseFlowTest, DecisionBeforeTheReceipt_CaseIsSignedAllTheSame) {
  ASSERT_TRUE(Apply().ok());
  network_.DeliverMessages();
  network_.AnswerSystems();
  network_.DeliverMessages();
  network_.DeliverMessages();
  ASSERT_TRUE(Sign().ok());
  network_.DeliverMessages();
  EXPECT_EQ(At(kAccepting), v1::CASE_SIGNED);
  network_.DeliverReceipts();
  EXPECT_EQ(At(kAccepting), v1::CASE_SIGNED);
}

TEST_F(CaseFlowTest, WholeWay_BothViewsEndHandedOverAndSystemsApplied) {
  ToReady();
  ASSERT_TRUE(HandOver().ok());
  network_.Deliver();
  EXPECT_EQ(At(kAccepting), v1::CASE_HANDED_OVER);
  EXPECT_EQ(At(kHome), v1::CASE_HANDED_OVER);
  EXPECT_TRUE(network_.refusals().empty());
  // What the systems did reaches the sender, apart from the receipt.
  EXPECT_EQ(SentMessage(kAccepting, v1::PRODUCTION_FEEDBACK).passage(), v1::PASSAGE_APPLIED);
  EXPECT_EQ(SentMessage(kAccepting, v1::HAND_OVER).passage(), v1::PASSAGE_RECEIVED);
  EXPECT_EQ(SentMessage(kHome, v1::REVIEW_DECISION).passage(), v1::PASSAGE_APPLIED);
}

TEST_F(CaseFlowTest, HomeIsAccepting_BothViewsEndInOneStore) {
  ToReady(32);
  ASSERT_TRUE(HandOver().ok());
  network_.Deliver();
  EXPECT_EQ(At(kAccepting), v1::CASE_HANDED_OVER);
  EXPECT_EQ(At(kHome), v1::CASE_HANDED_OVER);
  EXPECT_EQ(View(kAccepting).acceptance_number(), View(kHome).acceptance_number());
  EXPECT_TRUE(network_.refusals().empty());
}

TEST_F(CaseFlowTest, AcceptanceNumbers_CountByPointAndDay) {
  v1::Application application = ApplicationOf(31);
  ASSERT_TRUE(ApplyWith(application).ok());
  network_.Deliver();
  EXPECT_EQ(View(kAccepting).acceptance_number(), application.accepting_point() + "2016072000001");
  ASSERT_TRUE(ApplyWith(application).ok());
  network_.Deliver();
  EXPECT_EQ(View(kAccepting).acceptance_number(), application.accepting_point() + "2016072000002");
  at_ += kDayUs;
  ASSERT_TRUE(ApplyWith(application).ok());
  network_.Deliver();
  EXPECT_EQ(View(kAccepting).acceptance_number(), application.accepting_point() + "2016072100001");
}

TEST_F(CaseFlowTest, ReviewSentBackTwice_EachRetakeBringsItBack) {
  const std::string portrait = ApplicationOf(31).portrait();
  ToReview();
  for (const v1::ErrorReason reason : {v1::RETAKE_PORTRAIT, v1::RETAKE_FINGERPRINTS}) {
    ASSERT_TRUE(AskRetake(reason).ok());
    EXPECT_EQ(Reason(AskRetake(reason)), v1::STATE_NOT_ALLOWED);
    network_.Deliver();
    EXPECT_EQ(At(kAccepting), v1::CASE_RECOLLECT);
    EXPECT_EQ(View(kAccepting).reason(), reason);
    ASSERT_TRUE(Retake(portrait, reason == v1::RETAKE_FINGERPRINTS).ok());
    network_.Deliver();
    EXPECT_EQ(At(kAccepting), v1::CASE_UNDER_REVIEW);
    EXPECT_EQ(At(kHome), v1::CASE_UNDER_REVIEW);
    EXPECT_EQ(View(kAccepting).reason(), v1::ERROR_REASON_UNSPECIFIED);
    EXPECT_EQ(View(kHome).reason(), v1::ERROR_REASON_UNSPECIFIED);
  }
  EXPECT_TRUE(Sign().ok());
}

TEST_F(CaseFlowTest, RetakeUnusable_StateAndReasonStay) {
  ToReview();
  ASSERT_TRUE(AskRetake(v1::RETAKE_PORTRAIT).ok());
  network_.Deliver();
  EXPECT_EQ(Reason(Retake("no portrait")), v1::PORTRAIT_INVALID);
  EXPECT_EQ(Reason(Retake("", true)), v1::PORTRAIT_INVALID);
  EXPECT_EQ(At(kAccepting), v1::CASE_RECOLLECT);
  EXPECT_EQ(View(kAccepting).reason(), v1::RETAKE_PORTRAIT);
  EXPECT_EQ(At(kHome), v1::CASE_RECOLLECT);
}

TEST_F(CaseFlowTest, CardCentreSendsBack_HomeReviewsAnew) {
  ToSigned();
  ASSERT_TRUE(AskRetake(v1::RETAKE_PORTRAIT, true).ok());
  EXPECT_EQ(At(kAccepting), v1::CASE_RECOLLECT);
  EXPECT_FALSE(View(kAccepting).validity_known());
  ASSERT_TRUE(Retake(ApplicationOf(31).portrait()).ok());
  network_.Deliver();
  EXPECT_EQ(At(kHome), v1::CASE_UNDER_REVIEW);
  ASSERT_TRUE(Sign().ok());
  network_.Deliver();
  EXPECT_EQ(At(kAccepting), v1::CASE_SIGNED);
  EXPECT_TRUE(View(kAccepting).validity_known());
}

TEST_F(CaseFlowTest, CardSpoiltTwice_IsRemadeAndCounted) {
  ToSigned();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Produce(v1::PRODUCTION_STARTED).ok());
    EXPECT_EQ(Reason(Produce(v1::PRODUCTION_STARTED)), v1::STATE_NOT_ALLOWED);
    ASSERT_TRUE(Produce(v1::PRODUCTION_FAILED).ok());
    network_.Deliver();
    EXPECT_EQ(At(kAccepting), v1::CASE_REMAKE);
    EXPECT_EQ(At(kHome), v1::CASE_REMAKE);
    EXPECT_EQ(View(kAccepting).reason(), v1::CARD_FAULTY);
  }
  ASSERT_TRUE(Produce(v1::PRODUCTION_STARTED).ok());
  ASSERT_TRUE(Produce(v1::PRODUCTION_MADE).ok());
  network_.Deliver();
  EXPECT_EQ(View(kAccepting).production_failures(), 2U);
  EXPECT_EQ(View(kHome).card_serial(), "SN-7");
}

TEST_F(CaseFlowTest, OldCardKept_StaysReadyUntilItIsSurrendered) {
  ToReady();
  ASSERT_TRUE(HandOver(false).ok());
  network_.Deliver();
  EXPECT_EQ(last_.state(), v1::CASE_READY);
  EXPECT_EQ(last_.reason(), v1::OLD_CARD_NOT_SURRENDERED);
  EXPECT_EQ(At(kHome), v1::CASE_PRODUCED);
  ASSERT_TRUE(HandOver(true).ok());
  EXPECT_EQ(last_.state(), v1::CASE_HANDED_OVER);
  EXPECT_EQ(last_.reason(), v1::ERROR_REASON_UNSPECIFIED);
}

class RefusedCaseTest : public CaseStory, public testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(EitherOrder, RefusedCaseTest, testing::Bool());

TEST_P(RefusedCaseTest, ClosesWhenInformedAndRefunded) {
  ToReview();
  ASSERT_TRUE(Refuse(v1::IDENTITY_UNVERIFIABLE).ok());
  network_.Deliver();
  EXPECT_EQ(At(kAccepting), v1::CASE_REFUSED);
  EXPECT_EQ(Reason(Refund(1999)), v1::FEE_MISMATCH);
  ASSERT_TRUE((GetParam() ? Inform() : Refund(2000)).ok());
  network_.Deliver();
  EXPECT_EQ(At(kAccepting), v1::CASE_REFUSED);
  EXPECT_EQ(Reason(GetParam() ? Inform() : Refund(2000)), v1::STATE_NOT_ALLOWED);
  ASSERT_TRUE((GetParam() ? Refund(2000) : Inform()).ok());
  network_.Deliver();
  for (const v1::CaseRole role : {kAccepting, kHome}) {
    EXPECT_EQ(At(role), v1::CASE_CLOSED_REFUSED);
    EXPECT_EQ(View(role).reason(), v1::IDENTITY_UNVERIFIABLE);
    EXPECT_EQ(View(role).refund_fen(), 2000);
  }
}

TEST_F(CaseFlowTest, NotEligible_BothViewsEndAndPortraitIsGone) {
  v1::Application application = ApplicationOf(31);
  application.mutable_applicant()->set_home_address("elsewhere");
  ASSERT_TRUE(ApplyWith(application).ok());
  network_.Deliver();
  for (const v1::CaseRole role : {kAccepting, kHome}) {
    EXPECT_EQ(At(role), v1::CASE_NOT_ACCEPTED);
    EXPECT_EQ(View(role).reason(), v1::REGISTER_MISMATCH);
  }
  EXPECT_EQ(View(kAccepting).fee_fen(), 0);
  EXPECT_NE(View(kAccepting).reason_detail().find("home_address"), std::string::npos);
  bool kept = false;
  ASSERT_TRUE(network_.node(32)
                  .txn
                  ->Scan("cases/b", "cases/c",
                         [&](absl::string_view, absl::string_view) { return kept = true; })
                  .ok());
  EXPECT_FALSE(kept);
}

TEST_F(CaseFlowTest, MalformedApplication_NothingIsStoredOrSent) {
  v1::Application application = ApplicationOf(31);
  application.mutable_applicant()->set_id_number("110105194912310021");
  EXPECT_EQ(Reason(ApplyWith(application)), v1::ID_NUMBER_INVALID);
  bool stored = false;
  ASSERT_TRUE(
      network_.node(32)
          .txn->Scan("", "", [&](absl::string_view, absl::string_view) { return stored = true; })
          .ok());
  EXPECT_FALSE(stored);
  EXPECT_TRUE(network_.node(32).messages.empty());
}

TEST_F(CaseFlowTest, RouteClosed_NotAcceptedAndNothingSent) {
  ASSERT_TRUE(Apply(34).ok());
  EXPECT_EQ(last_.state(), v1::CASE_NOT_ACCEPTED);
  EXPECT_EQ(last_.reason(), v1::LINK_NOT_OPEN);
  EXPECT_TRUE(network_.node(32).messages.empty());
}

TEST_F(CaseFlowTest, QueryRefusedByTheBroker_NotAcceptedAndALateAnswerClosesTheHomeView) {
  ASSERT_TRUE(Apply().ok());
  v1::CaseMessage news;
  news.set_kind(v1::ELIGIBILITY_QUERY);
  news.set_sequence(1);
  news.set_passage(v1::PASSAGE_REFUSED);
  news.set_reason(v1::ENVELOPE_LINK_NOT_OPEN);
  ASSERT_TRUE(network_.Passage(32, handle_, news).ok());
  EXPECT_EQ(At(kAccepting), v1::CASE_NOT_ACCEPTED);
  EXPECT_EQ(View(kAccepting).reason(), v1::LINK_NOT_OPEN);
  network_.Deliver();  // it had come through after all
  EXPECT_EQ(At(kAccepting), v1::CASE_NOT_ACCEPTED);
  EXPECT_EQ(At(kHome), v1::CASE_NOT_ACCEPTED);
}

TEST_F(CaseFlowTest, LaterMessageNotDelivered_CaseStaysAndShowsIt) {
  ToSigned();
  ASSERT_TRUE(Produce(v1::PRODUCTION_STARTED).ok());
  ASSERT_TRUE(Produce(v1::PRODUCTION_MADE).ok());
  v1::CaseMessage news;
  news.set_kind(v1::PRODUCTION_FEEDBACK);
  news.set_sequence(9);
  news.set_passage(v1::PASSAGE_NOT_DELIVERED);
  news.set_reason(v1::MESSAGE_EXPIRED);
  news.set_detail("expired at the broker");
  ASSERT_TRUE(network_.Passage(32, handle_, news).ok());
  const v1::CaseView view = View(kAccepting);
  EXPECT_EQ(view.state(), v1::CASE_PRODUCED);
  EXPECT_EQ(view.reason(), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(view.events().rbegin()->reason(), v1::MESSAGE_EXPIRED);
  EXPECT_EQ(view.messages().rbegin()->passage(), v1::PASSAGE_NOT_DELIVERED);
}

TEST_F(CaseFlowTest, RegisterSilent_CaseWaitsAndTheTaskIsFoundAgain) {
  network_.registers_answer = false;
  ASSERT_TRUE(Apply().ok());
  network_.Deliver();
  EXPECT_EQ(At(kAccepting), v1::CASE_APPLIED);
  CaseNetwork::Node& home = network_.node(31);
  const auto pending = home.service->PendingSystemTasks(*home.txn);
  ASSERT_TRUE(pending.ok());
  ASSERT_EQ(pending->size(), 1U);
  EXPECT_EQ(pending->front().person.id_number(), ApplicationOf(31).applicant().id_number());
  network_.registers_answer = true;
  home.tasks.push_back(pending->front());  // as after a restart: asked twice
  network_.Deliver();
  EXPECT_EQ(At(kAccepting), v1::CASE_UNDER_REVIEW);
  EXPECT_TRUE(home.service->PendingSystemTasks(*home.txn)->empty());
}

TEST_F(CaseFlowTest, ValidityOnABirthday_CountsTheNewAge) {
  v1::Application application = ApplicationOf(31);
  ASSERT_TRUE(ApplyWith(application).ok());
  network_.Deliver();
  absl::CivilDay birth;
  ASSERT_TRUE(absl::ParseCivilTime(application.applicant().birth_date(), &birth));
  // 23:59 on the day before the 46th birthday in Shanghai, and a minute later.
  const absl::Time birthday = absl::FromCivil(
      absl::CivilDay(birth.year() + 46, birth.month(), birth.day()), absl::FixedTimeZone(8 * 3600));
  at_ = absl::ToUnixMicros(birthday - absl::Minutes(1));
  ASSERT_TRUE(Sign().ok());
  EXPECT_EQ(last_.validity_years(), 20U);
  EXPECT_EQ(last_.valid_until().substr(0, 4), std::to_string(birth.year() + 66));

  at_ = kCaseTime;
  ASSERT_TRUE(ApplyWith(application).ok());
  network_.Deliver();
  at_ = absl::ToUnixMicros(birthday);
  ASSERT_TRUE(Sign().ok());
  EXPECT_TRUE(last_.validity_known());
  EXPECT_EQ(last_.validity_years(), 0U);
  EXPECT_EQ(last_.valid_until(), "");
}

}  // namespace
}  // namespace yizhan::node
