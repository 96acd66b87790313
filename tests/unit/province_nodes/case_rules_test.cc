// Roles of messages, access, idempotence, clocks, lists.
#include <set>

#include "tests/support/case_story.h"

namespace yizhan::node {
namespace {

using CaseRulesTest = CaseStory;

v1::Payload WithContext(v1::Payload payload) {
  payload.set_format_version(1);
  payload.set_case_time_unix_us(kCaseTime);
  payload.mutable_officer()->set_number("1");
  payload.mutable_officer()->set_unit("u");
  return payload;
}

TEST_F(CaseRulesTest, KindOfTheOtherRole_IsRefused) {
  ToReview();
  v1::Payload decision;
  decision.mutable_review_decision()->set_outcome(v1::REVIEW_REFUSED);
  decision.mutable_review_decision()->set_reason(v1::INFORMATION_ERROR);
  // The accepting side signs nothing.
  EXPECT_EQ(Reason(network_.Inject(31, 32, v1::REVIEW_DECISION, handle_, WithContext(decision))),
            v1::KIND_NOT_ALLOWED);
  // The home side hands nothing over.
  v1::Payload hand_over;
  hand_over.mutable_hand_over()->set_handed_over_unix_us(kCaseTime);
  EXPECT_EQ(Reason(network_.Inject(32, 31, v1::HAND_OVER, handle_, WithContext(hand_over))),
            v1::KIND_NOT_ALLOWED);
  // A third province has no part in the case.
  EXPECT_EQ(Reason(network_.Inject(32, 34, v1::REVIEW_DECISION, handle_, WithContext(decision))),
            v1::KIND_NOT_ALLOWED);
  EXPECT_EQ(At(kAccepting), v1::CASE_UNDER_REVIEW);
}

TEST_F(CaseRulesTest, MessagesThatDoNotFit_AreRefusedFinally) {
  ToReview();
  v1::Payload hand_over;
  hand_over.mutable_hand_over()->set_handed_over_unix_us(kCaseTime);
  EXPECT_EQ(Reason(network_.Inject(31, 32, v1::HAND_OVER, handle_, WithContext(hand_over))),
            v1::CASE_RULE_VIOLATED);
  EXPECT_EQ(Reason(network_.Inject(31, 32, v1::CLOSURE, handle_, WithContext(hand_over))),
            v1::PAYLOAD_MALFORMED);
  EXPECT_EQ(Reason(network_.Inject(31, 32, v1::HAND_OVER, handle_, hand_over)),
            v1::PAYLOAD_MALFORMED);
  EXPECT_EQ(
      Reason(network_.Inject(31, 32, v1::HAND_OVER, std::string(16, 'x'), WithContext(hand_over))),
      v1::CASE_RULE_VIOLATED);
  v1::Payload query;
  query.mutable_eligibility_query()->mutable_person()->CopyFrom(ApplicationOf(31).applicant());
  EXPECT_EQ(Reason(network_.Inject(31, 32, v1::ELIGIBILITY_QUERY, handle_, WithContext(query))),
            v1::CASE_RULE_VIOLATED);
  EXPECT_EQ(At(kHome), v1::CASE_UNDER_REVIEW);
}

TEST_F(CaseRulesTest, AcceptanceOfAnotherPerson_IsRefused) {
  v1::Payload query;
  query.mutable_eligibility_query()->mutable_person()->CopyFrom(ApplicationOf(31).applicant());
  query.mutable_eligibility_query()->set_business(v1::EXPIRY_RENEWAL);
  handle_ = std::string(16, 'q');
  ASSERT_TRUE(network_.Inject(31, 32, v1::ELIGIBILITY_QUERY, handle_, WithContext(query)).ok());
  network_.AnswerSystems();
  v1::Payload payload;
  v1::Acceptance& acceptance = *payload.mutable_acceptance();
  acceptance.set_acceptance_number("3201060012016072000001");
  acceptance.set_point("320106001");
  acceptance.set_business(v1::EXPIRY_RENEWAL);
  acceptance.mutable_person()->CopyFrom(ApplicationOf(34).applicant());
  EXPECT_EQ(Reason(network_.Inject(31, 32, v1::ACCEPTANCE, handle_, WithContext(payload))),
            v1::CASE_RULE_VIOLATED);
}

TEST_F(CaseRulesTest, CommandsInAWrongState_AreRefusedWithoutTrace) {
  ToReview();
  const std::uint64_t revision = View(kAccepting).revision();
  EXPECT_EQ(Reason(Produce(v1::PRODUCTION_STARTED)), v1::STATE_NOT_ALLOWED);
  EXPECT_EQ(Reason(Ready()), v1::STATE_NOT_ALLOWED);
  EXPECT_EQ(Reason(HandOver()), v1::STATE_NOT_ALLOWED);
  EXPECT_EQ(Reason(Retake(ApplicationOf(31).portrait())), v1::STATE_NOT_ALLOWED);
  EXPECT_EQ(Reason(Inform()), v1::STATE_NOT_ALLOWED);
  EXPECT_EQ(Reason(Refund(2000)), v1::STATE_NOT_ALLOWED);
  EXPECT_EQ(View(kAccepting).revision(), revision);
}

TEST_F(CaseRulesTest, SameRequestAgain_SameAnswerAndOneEffect) {
  v1::ApplyRequest request;
  *request.mutable_application() = ApplicationOf(31);
  request = Stamped(std::move(request), kCaseTime, "once");
  ASSERT_TRUE(Do(32, PointCaller(), request, &CaseService::Apply).ok());
  const v1::CaseView first = last_;
  ASSERT_TRUE(Do(32, PointCaller(), request, &CaseService::Apply).ok());
  EXPECT_EQ(last_.SerializeAsString(), first.SerializeAsString());
  EXPECT_EQ(network_.node(32).messages.size(), 1U);
  request.mutable_application()->set_phone("13900000000");
  EXPECT_EQ(Reason(Do(32, PointCaller(), request, &CaseService::Apply)), v1::REQUEST_ID_REUSED);
  // Another caller has ids of its own.
  Caller other = PointCaller();
  other.name = "other";
  EXPECT_TRUE(Do(32, other, request, &CaseService::Apply).ok());
}

TEST_F(CaseRulesTest, FailedRequest_MayBeTriedAgainUnderItsId) {
  v1::ApplyRequest request;
  *request.mutable_application() = ApplicationOf(31);
  request.mutable_application()->set_fee_fen(1);
  request = Stamped(std::move(request), kCaseTime, "again");
  EXPECT_EQ(Reason(Do(32, PointCaller(), request, &CaseService::Apply)), v1::FEE_MISMATCH);
  request.mutable_application()->set_fee_fen(2000);
  EXPECT_TRUE(Do(32, PointCaller(), request, &CaseService::Apply).ok());
}

TEST_F(CaseRulesTest, ContextIncomplete_IsRefusedNamingTheField) {
  const auto refused = [&](auto change, absl::string_view field) {
    v1::ApplyRequest request;
    *request.mutable_application() = ApplicationOf(31);
    request = Stamped(std::move(request));
    change(*request.mutable_context());
    const absl::Status status = Do(32, PointCaller(), request, &CaseService::Apply);
    EXPECT_EQ(Reason(status), v1::REQUEST_MALFORMED);
    EXPECT_NE(status.message().find(field), absl::string_view::npos) << status;
  };
  refused([](v1::CommandContext& c) { c.clear_request_id(); }, "request_id");
  refused([](v1::CommandContext& c) { c.set_request_id(std::string(65, 'x')); }, "request_id");
  refused([](v1::CommandContext& c) { c.mutable_officer()->clear_number(); }, "officer.number");
  refused([](v1::CommandContext& c) { c.mutable_officer()->clear_unit(); }, "officer.unit");
  refused([](v1::CommandContext& c) { c.clear_case_time_unix_us(); }, "case_time");
  refused([](v1::CommandContext& c) { c.set_case_time_unix_us(-1); }, "case_time");
}

TEST_F(CaseRulesTest, Callers_ActWithinTheirScopeOnly) {
  const v1::Application application = ApplicationOf(31);
  v1::ApplyRequest apply;
  *apply.mutable_application() = application;
  Caller point{"p", {v1::CALLER_POINT}, {"321"}, {}};
  point.points = {application.accepting_point()[2] == '0' ? "3213" : "3201"};
  if (application.accepting_point().substr(0, 4) == point.points[0]) point.points = {"3299"};
  const absl::Status refused = Do(32, point, Stamped(apply), &CaseService::Apply);
  EXPECT_EQ(Reason(refused), v1::CALLER_NOT_ALLOWED);
  EXPECT_NE(refused.message().find("POINT"), absl::string_view::npos) << refused;
  point.points = {application.accepting_point().substr(0, 4)};
  EXPECT_TRUE(Do(32, point, Stamped(apply), &CaseService::Apply).ok());
  EXPECT_EQ(Reason(Do(32, CountyCaller(), Stamped(apply), &CaseService::Apply)),
            v1::CALLER_NOT_ALLOWED);

  ToReview();
  v1::RecordReviewRequest review;
  review.set_outcome(v1::REVIEW_SIGNED);
  review.set_issuing_office("x");
  const Caller elsewhere{"c", {v1::CALLER_COUNTY}, {}, {"3201"}};
  EXPECT_EQ(Reason(Do(31, elsewhere, About(handle_, review), &CaseService::RecordReview)),
            v1::CALLER_NOT_ALLOWED);
  EXPECT_EQ(Reason(Do(31, CentreCaller(), About(handle_, review), &CaseService::RecordReview)),
            v1::CALLER_NOT_ALLOWED);
  EXPECT_EQ(At(kHome), v1::CASE_UNDER_REVIEW);
}

TEST_F(CaseRulesTest, Views_ShowWhatTheCallerNeeds) {
  ToReview();
  CaseNetwork::Node& node = network_.node(32);
  v1::GetCaseRequest request;
  request.mutable_case_()->set_acceptance_number(View(kAccepting).acceptance_number());
  const auto seen = [&](const Caller& caller) {
    const auto view = node.service->GetCase(*node.txn, caller, request);
    EXPECT_TRUE(view.ok()) << view.status();
    return view.value_or(v1::CaseView());
  };
  EXPECT_FALSE(seen(PointCaller()).applicant_name().empty());
  EXPECT_TRUE(seen(OperatorCaller()).applicant_name().empty());
  EXPECT_FALSE(seen(OperatorCaller()).id_number_masked().empty());
  const v1::CaseView citizen = seen({"weixin", {v1::CALLER_CITIZEN_PLATFORM}, {}, {}});
  EXPECT_TRUE(citizen.applicant_name().empty());
  EXPECT_TRUE(citizen.id_number_masked().empty());
  EXPECT_NE(citizen.acceptance_number(), request.case_().acceptance_number());
  const std::string id = ApplicationOf(31).applicant().id_number();
  EXPECT_EQ(seen(SystemCaller()).SerializeAsString().find(id), std::string::npos);
  const Caller stranger{"s", {v1::CALLER_POINT}, {"3299"}, {}};
  EXPECT_EQ(Reason(node.service->GetCase(*node.txn, stranger, request).status()),
            v1::CALLER_NOT_ALLOWED);
  request.mutable_case_()->set_acceptance_number("3201060012016072099999");
  EXPECT_EQ(Reason(node.service->GetCase(*node.txn, PointCaller(), request).status()),
            v1::CASE_NOT_FOUND);
}

TEST_F(CaseRulesTest, WorkLists_HoldWhatWaitsForTheCaller) {
  std::set<std::string> handles;
  for (int i = 0; i < 5; ++i) {
    ToReview();
    handles.insert(handle_);
  }
  CaseNetwork::Node& home = network_.node(31);
  v1::ListWorkRequest request;
  request.set_page_size(2);
  std::set<std::string> listed;
  int pages = 0;
  do {
    const auto page = home.service->ListWork(*home.txn, CountyCaller(), request);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const v1::CaseView& view : page->cases())
      EXPECT_TRUE(listed.insert(view.case_handle()).second);
    request.set_page_token(page->next_page_token());
    ++pages;
  } while (!request.page_token().empty() && pages < 9);
  EXPECT_EQ(listed, handles);
  EXPECT_EQ(pages, 3);
  request.set_page_token("zz");
  EXPECT_EQ(Reason(home.service->ListWork(*home.txn, CountyCaller(), request).status()),
            v1::REQUEST_MALFORMED);
  CaseNetwork::Node& accepting = network_.node(32);
  EXPECT_EQ(accepting.service->ListWork(*accepting.txn, CentreCaller(), {})->cases_size(), 0);
  ASSERT_TRUE(Sign().ok());
  network_.Deliver();
  EXPECT_EQ(accepting.service->ListWork(*accepting.txn, CentreCaller(), {})->cases_size(), 1);
  EXPECT_EQ(home.service->ListWork(*home.txn, CountyCaller(), {})->cases_size(), 4);
}

TEST_F(CaseRulesTest, Watcher_GetsEachCaseOnceAtItsLatest) {
  ToReview();
  CaseNetwork::Node& node = network_.node(32);
  const auto all = node.service->ChangesAfter(*node.txn, OperatorCaller(), 0, 10);
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().revision(), View(kAccepting).revision());
  EXPECT_TRUE(node.service->ChangesAfter(*node.txn, OperatorCaller(), all->front().revision(), 10)
                  ->empty());
}

TEST_F(CaseRulesTest, ReviewClock_WarnsBreachesAndIsMetLate) {
  ToReview();
  const auto status = [&](int days) {
    return Clock(kHome, v1::CLOCK_REVIEW, kCaseTime + days * kDayUs).status();
  };
  EXPECT_EQ(status(0), v1::CLOCK_RUNNING);
  EXPECT_EQ(status(4), v1::CLOCK_RUNNING);
  EXPECT_EQ(status(5), v1::CLOCK_WARNING);
  EXPECT_EQ(status(6), v1::CLOCK_BREACHED);
  EXPECT_EQ(status(400), v1::CLOCK_BREACHED);

  CaseNetwork::Node& home = network_.node(31);
  v1::ListCasesRequest due;
  due.set_due_only(true);
  due.set_as_of_unix_us(kCaseTime);
  EXPECT_EQ(home.service->ListCases(*home.txn, OperatorCaller(), due)->cases_size(), 0);
  due.set_as_of_unix_us(kCaseTime + 6 * kDayUs);
  EXPECT_EQ(home.service->ListCases(*home.txn, OperatorCaller(), due)->cases_size(), 1);
  const absl::Time late = absl::FromUnixMicros(due.as_of_unix_us());
  EXPECT_EQ(home.service->Collect(*home.txn, late)->clocks_breached, 1U);

  at_ = kCaseTime + 7 * kDayUs;
  ASSERT_TRUE(Sign().ok());
  network_.Deliver();
  EXPECT_EQ(Clock(kHome, v1::CLOCK_REVIEW, at_).status(), v1::CLOCK_MET_LATE);
  EXPECT_EQ(Clock(kHome, v1::CLOCK_FORWARD, at_).status(), v1::CLOCK_MET);
  EXPECT_EQ(home.service->ListCases(*home.txn, OperatorCaller(), due)->cases_size(), 0);
  EXPECT_EQ(home.service->Collect(*home.txn, late)->clocks_breached, 0U);
}

TEST_F(CaseRulesTest, ForwardClock_CountsWorkingDays) {
  at_ = kCaseTime + 2 * kDayUs;  // Friday, 2016-07-22
  ToReview();
  ASSERT_TRUE(Sign().ok());
  const v1::CaseClock clock = Clock(kHome, v1::CLOCK_FORWARD);
  // Wednesday the 27th is its last day.
  EXPECT_EQ(absl::FromUnixMicros(clock.due_unix_us()),
            absl::FromCivil(absl::CivilDay(2016, 7, 28), absl::FixedTimeZone(8 * 3600)));
}

TEST_F(CaseRulesTest, AcceptingClocks_FollowTheCard) {
  ToSigned();
  EXPECT_EQ(Clock(kAccepting, v1::CLOCK_CARD_ISSUED, kCaseTime + 44 * kDayUs).status(),
            v1::CLOCK_RUNNING);
  EXPECT_EQ(Clock(kAccepting, v1::CLOCK_CARD_ISSUED, kCaseTime + 50 * kDayUs).status(),
            v1::CLOCK_WARNING);
  ASSERT_TRUE(Produce(v1::PRODUCTION_STARTED).ok());
  ASSERT_TRUE(Produce(v1::PRODUCTION_FAILED).ok());
  EXPECT_EQ(Clock(kAccepting, v1::CLOCK_REMAKE).status(), v1::CLOCK_RUNNING);
  ASSERT_TRUE(Produce(v1::PRODUCTION_STARTED).ok());
  ASSERT_TRUE(Produce(v1::PRODUCTION_MADE).ok());
  EXPECT_EQ(Clock(kAccepting, v1::CLOCK_REMAKE).status(), v1::CLOCK_MET);
  EXPECT_EQ(Clock(kAccepting, v1::CLOCK_PRODUCTION).status(), v1::CLOCK_MET);
  ASSERT_TRUE(Ready().ok());
  EXPECT_EQ(Clock(kAccepting, v1::CLOCK_CARD_ISSUED).status(), v1::CLOCK_MET);
  EXPECT_EQ(Clock(kAccepting, v1::CLOCK_INFORM).status(), v1::CLOCK_RUNNING);
  ASSERT_TRUE(HandOver().ok());
  EXPECT_EQ(Clock(kAccepting, v1::CLOCK_INFORM).status(), v1::CLOCK_MET);
}

TEST_F(CaseRulesTest, SystemReportsARejection_SenderSeesItApartFromTheReceipt) {
  ToReview();
  v1::RecordSystemOutcomeRequest request;
  request.mutable_outcome()->set_of_sequence(2);  // the acceptance
  request.mutable_outcome()->set_system("review-desk");
  request.mutable_outcome()->set_reject_code("FORM-7");
  EXPECT_EQ(
      Reason(Do(31, CountyCaller(), About(handle_, request), &CaseService::RecordSystemOutcome)),
      v1::CALLER_NOT_ALLOWED);
  ASSERT_TRUE(
      Do(31, SystemCaller(), About(handle_, request), &CaseService::RecordSystemOutcome).ok());
  network_.Deliver();
  EXPECT_EQ(SentMessage(kAccepting, v1::ACCEPTANCE).passage(), v1::PASSAGE_REJECTED);
  EXPECT_NE(SentMessage(kAccepting, v1::ACCEPTANCE).detail().find("FORM-7"), std::string::npos);
  EXPECT_EQ(At(kAccepting), v1::CASE_UNDER_REVIEW);
  request.mutable_outcome()->set_of_sequence(99);
  EXPECT_EQ(
      Reason(Do(31, SystemCaller(), About(handle_, request), &CaseService::RecordSystemOutcome)),
      v1::CASE_RULE_VIOLATED);
}

TEST_F(CaseRulesTest, Statistics_CountCasesByViewAndState) {
  ToReview();
  ToSigned();
  CaseNetwork::Node& node = network_.node(32);
  const auto statistics = node.service->Collect(*node.txn, absl::FromUnixMicros(kCaseTime));
  std::uint64_t total = 0;
  for (const auto& [key, count] : statistics->cases) {
    total += count;
    EXPECT_LE(count, 1U);
  }
  EXPECT_EQ(total, 2U);
}

}  // namespace
}  // namespace yizhan::node
