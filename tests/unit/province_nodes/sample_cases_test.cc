// The whole sample through case services of 16 provinces, against what each line
// must come to.
#include <gtest/gtest.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "province_nodes/cases/transitions.h"
#include "tests/support/case_network.h"
#include "tests/support/sample_folder.h"

namespace yizhan::node {
namespace {

constexpr int kPartners[] = {12, 13, 21, 22, 31, 33, 34, 35, 36, 37, 41, 43, 50, 51, 61};

class SampleCasesTest : public testing::Test {
 protected:
  SampleCasesTest() : folder_(LoadSampleFolder(YIZHAN_SOURCE_DIR "/tools/demo/sample")) {
    network_.node(32);
    for (const int partner : kPartners) {
      network_.node(partner);
      network_.OpenRoute(32, partner);
      network_.OpenRoute(partner, 32);
    }
  }

  template <typename Request, typename Method>
  v1::CaseView Do(int province, const Caller& caller, Request request, Method method,
                  std::int64_t at) {
    request = Stamped(std::move(request), at);
    const auto view = network_.Run(
        province, [&](platform::Transaction& txn, CaseService& cases, CaseEffects& effects) {
          return (cases.*method)(txn, caller, request, effects);
        });
    EXPECT_TRUE(view.ok()) << view.status();
    network_.Deliver();
    return view.value_or(v1::CaseView());
  }

  template <typename Request>
  Request Of(const std::string& handle) {
    Request request;
    request.mutable_case_()->set_case_handle(handle);
    return request;
  }

  // The county's finding counts once.
  void Review(const SampleLine& line, const std::string& handle, int home,
              const std::string& finding) {
    const std::int64_t at = line.applied_us;
    if (finding == "RETAKE_PORTRAIT" || finding == "RETAKE_FINGERPRINTS") {
      auto feedback = Of<v1::RecordQualityFeedbackRequest>(handle);
      feedback.set_reason(v1::RETAKE_PORTRAIT);
      Do(home, CountyCaller(), feedback, &CaseService::RecordQualityFeedback, at);
      if (line.portrait_retake.empty()) return;
      auto retake = Of<v1::RecordRetakeRequest>(handle);
      retake.set_portrait(line.portrait_retake);
      Do(Accepting(line), PointCaller(), retake, &CaseService::RecordRetake, at);
    }
    auto review = Of<v1::RecordReviewRequest>(handle);
    v1::ErrorReason reason = v1::ERROR_REASON_UNSPECIFIED;
    if (finding == "INFORMATION_ERROR" || finding == "IDENTITY_UNVERIFIABLE") {
      v1::ErrorReason_Parse(finding, &reason);
    }
    review.set_outcome(reason == 0 ? v1::REVIEW_SIGNED : v1::REVIEW_REFUSED);
    review.set_reason(reason);
    review.set_issuing_office("home county");
    Do(home, CountyCaller(), review, &CaseService::RecordReview, at);
  }

  void MakeCard(const SampleLine& line, const std::string& handle) {
    const int a = Accepting(line);
    auto production = Of<v1::RecordProductionRequest>(handle);
    for (int i = 0; i <= line.card_centre_failures; ++i) {
      production.set_step(v1::PRODUCTION_STARTED);
      Do(a, CentreCaller(), production, &CaseService::RecordProduction, line.applied_us);
      const bool made = i == line.card_centre_failures;
      production.set_step(made ? v1::PRODUCTION_MADE : v1::PRODUCTION_FAILED);
      production.set_card_serial("SN1");
      Do(a, CentreCaller(), production, &CaseService::RecordProduction, line.applied_us);
    }
    Do(a, CollectionCaller(), Of<v1::RecordReadyRequest>(handle), &CaseService::RecordReady,
       line.applied_us);
    auto hand_over = Of<v1::RecordHandOverRequest>(handle);
    hand_over.set_old_card_surrendered(line.old_card_surrendered);
    Do(a, CollectionCaller(), hand_over, &CaseService::RecordHandOver, line.applied_us);
  }

  static int Accepting(const SampleLine& line) {
    return std::stoi(line.application.accepting_point().substr(0, 2));
  }

  SampleOutcome Play(const SampleLine& line) {
    if (!line.readable) return {"INVALID", "LINE_UNREADABLE"};
    if (line.duplicate) return {"INVALID", "DUPLICATE_REF"};
    v1::ApplyRequest apply;
    *apply.mutable_application() = line.application;
    const int a = Accepting(line);
    apply = Stamped(std::move(apply), line.applied_us);
    const auto applied =
        network_.Run(a, [&](platform::Transaction& txn, CaseService& cases, CaseEffects& effects) {
          return cases.Apply(txn, PointCaller(), apply, effects);
        });
    if (!applied.ok()) {
      return {"INVALID", v1::ErrorReason_Name(contract::ReasonOf(applied.status()))};
    }
    network_.Deliver();
    const std::string handle = applied->case_handle();
    const int home = static_cast<int>(applied->home());
    v1::CaseView view = *network_.View(a, handle, v1::CASE_ROLE_ACCEPTING);
    if (view.state() == v1::CASE_UNDER_REVIEW) {
      Review(line, handle, home, folder_.county_findings[line.application.applicant().id_number()]);
      view = *network_.View(a, handle, v1::CASE_ROLE_ACCEPTING);
    }
    if (view.state() == v1::CASE_SIGNED) MakeCard(line, handle);
    if (view.state() == v1::CASE_REFUSED) {
      Do(a, PointCaller(), Of<v1::RecordInformedRequest>(handle), &CaseService::RecordInformed,
         line.applied_us);
      auto refund = Of<v1::RecordRefundedRequest>(handle);
      refund.set_refund_fen(view.fee_fen());
      Do(a, PointCaller(), refund, &CaseService::RecordRefunded, line.applied_us);
    }
    view = *network_.View(a, handle, v1::CASE_ROLE_ACCEPTING);
    CompareHome(view, home);
    return {std::string(StateText(view.state())),
            view.reason() == 0 ? "" : v1::ErrorReason_Name(view.reason()), view.fee_fen(),
            view.refund_fen(),
            view.validity_known() ? static_cast<int>(view.validity_years()) : -1};
  }

  // What the home province was told ends the same way, but for what happens in
  // the accepting province alone.
  void CompareHome(const v1::CaseView& view, int home) {
    const auto mirror = network_.View(home, view.case_handle(), v1::CASE_ROLE_HOME);
    if (!mirror.ok()) {
      EXPECT_EQ(view.state(), v1::CASE_NOT_ACCEPTED);
      return;
    }
    const v1::CaseState state = view.state() == v1::CASE_READY ? v1::CASE_PRODUCED : view.state();
    EXPECT_EQ(mirror->state(), state);
    EXPECT_EQ(mirror->refund_fen(), view.refund_fen());
    EXPECT_EQ(mirror->valid_until(), view.valid_until());
    EXPECT_EQ(mirror->production_failures(), view.production_failures());
  }

  CaseNetwork network_;
  SampleFolder folder_;
};

TEST_F(SampleCasesTest, EveryLine_EndsAsExpected) {
  ASSERT_GE(folder_.lines.size(), 200U);
  ASSERT_EQ(folder_.lines.size(), folder_.expected.size());
  for (std::size_t i = 0; i < folder_.lines.size(); ++i) {
    SCOPED_TRACE(absl::StrCat("line ", i + 1));
    const SampleOutcome outcome = Play(folder_.lines[i]);
    const SampleOutcome& expected = folder_.expected[i];
    EXPECT_TRUE(outcome == expected)
        << outcome.final_state << " " << outcome.reason << " for " << expected.final_state << " "
        << expected.reason << ", validity " << outcome.validity_years;
    for (const absl::Status& status : network_.refusals()) ADD_FAILURE() << status;
    network_.refusals().clear();
  }
}

}  // namespace
}  // namespace yizhan::node
