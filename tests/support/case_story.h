// One case from Nanjing to Shanghai, told step by step.
#ifndef YIZHAN_TESTS_SUPPORT_CASE_STORY_H_
#define YIZHAN_TESTS_SUPPORT_CASE_STORY_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "protos/contract/errors.h"
#include "tests/support/case_network.h"
#include "tests/support/sample_folder.h"

namespace yizhan::node {

inline constexpr v1::CaseRole kAccepting = v1::CASE_ROLE_ACCEPTING;
inline constexpr v1::CaseRole kHome = v1::CASE_ROLE_HOME;

// Steps return the status, so that a test says what it expects of each. `home`
// may be 32 itself: A = H.
class CaseStory : public testing::Test {
 protected:
  CaseStory() {
    network_.node(32);
    network_.node(31);
    network_.node(34);
    network_.OpenRoute(32, 31);
    static const SampleFolder* const kFolder =
        new SampleFolder(LoadSampleFolder(YIZHAN_SOURCE_DIR "/tools/demo/sample"));
    folder_ = kFolder;
  }

  // The first application of the sample with this home that is handed over.
  v1::Application ApplicationOf(int home) const {
    for (std::size_t i = 0; i < folder_->lines.size(); ++i) {
      const v1::Application& application = folder_->lines[i].application;
      if (folder_->expected[i].final_state == "HANDED_OVER" &&
          application.business() == v1::EXPIRY_RENEWAL &&
          application.accepting_point().substr(0, 2) == "32" &&
          application.applicant().home_division().substr(0, 2) == std::to_string(home)) {
        return application;
      }
    }
    ADD_FAILURE() << "no such line";
    return {};
  }

  template <typename Request, typename Method>
  absl::Status Do(int province, const Caller& caller, const Request& request, Method method) {
    const auto view = network_.Run(
        province, [&](platform::Transaction& txn, CaseService& cases, CaseEffects& effects) {
          return (cases.*method)(txn, caller, request, effects);
        });
    if (view.ok()) last_ = *view;
    return view.status();
  }

  absl::Status Apply(int home = 31) { return ApplyWith(ApplicationOf(home)); }
  absl::Status ApplyWith(v1::Application application) {
    v1::ApplyRequest request;
    *request.mutable_application() = std::move(application);
    const absl::Status status =
        Do(32, PointCaller(), Stamped(std::move(request), at_), &CaseService::Apply);
    if (status.ok()) {
      handle_ = last_.case_handle();
      home_ = static_cast<int>(last_.home());
    }
    return status;
  }
  absl::Status Sign() {
    v1::RecordReviewRequest request;
    request.set_outcome(v1::REVIEW_SIGNED);
    request.set_issuing_office("home county");
    return Do(home_, CountyCaller(), About(handle_, request, at_), &CaseService::RecordReview);
  }
  absl::Status Refuse(v1::ErrorReason reason = v1::INFORMATION_ERROR) {
    v1::RecordReviewRequest request;
    request.set_outcome(v1::REVIEW_REFUSED);
    request.set_reason(reason);
    request.set_detail("see the county");
    return Do(home_, CountyCaller(), About(handle_, request, at_), &CaseService::RecordReview);
  }
  absl::Status AskRetake(v1::ErrorReason reason, bool by_centre = false) {
    v1::RecordQualityFeedbackRequest request;
    request.set_reason(reason);
    return Do(by_centre ? 32 : home_, by_centre ? CentreCaller() : CountyCaller(),
              About(handle_, request, at_), &CaseService::RecordQualityFeedback);
  }
  absl::Status Retake(std::string portrait, bool with_prints = false) {
    v1::RecordRetakeRequest request;
    request.set_portrait(std::move(portrait));
    if (with_prints) {
      *request.mutable_fingerprints() = ApplicationOf(home_).fingerprints();
    }
    return Do(32, PointCaller(), About(handle_, request, at_), &CaseService::RecordRetake);
  }
  absl::Status Produce(v1::ProductionStep step) {
    v1::RecordProductionRequest request;
    request.set_step(step);
    request.set_card_serial("SN-7");
    return Do(32, CentreCaller(), About(handle_, request, at_), &CaseService::RecordProduction);
  }
  absl::Status Ready() {
    return Do(32, CollectionCaller(), About(handle_, v1::RecordReadyRequest(), at_),
              &CaseService::RecordReady);
  }
  absl::Status HandOver(bool old_card = true) {
    v1::RecordHandOverRequest request;
    request.set_old_card_surrendered(old_card);
    return Do(32, CollectionCaller(), About(handle_, request, at_), &CaseService::RecordHandOver);
  }
  absl::Status Inform() {
    return Do(32, PointCaller(), About(handle_, v1::RecordInformedRequest(), at_),
              &CaseService::RecordInformed);
  }
  absl::Status Refund(std::int64_t fen) {
    v1::RecordRefundedRequest request;
    request.set_refund_fen(fen);
    return Do(32, PointCaller(), About(handle_, request, at_), &CaseService::RecordRefunded);
  }

  // Up to a state of the accepting view, everything delivered.
  void ToReview(int home = 31) {
    ASSERT_TRUE(Apply(home).ok());
    network_.Deliver();
    ASSERT_EQ(At(kAccepting), v1::CASE_UNDER_REVIEW);
  }
  void ToSigned(int home = 31) {
    ToReview(home);
    ASSERT_TRUE(Sign().ok());
    network_.Deliver();
    ASSERT_EQ(At(kAccepting), v1::CASE_SIGNED);
  }
  void ToReady(int home = 31) {
    ToSigned(home);
    ASSERT_TRUE(Produce(v1::PRODUCTION_STARTED).ok());
    ASSERT_TRUE(Produce(v1::PRODUCTION_MADE).ok());
    ASSERT_TRUE(Ready().ok());
    network_.Deliver();
  }

  v1::CaseView View(v1::CaseRole role, std::int64_t as_of_us = 0) {
    const auto view = network_.View(role == kAccepting ? 32 : home_, handle_, role, as_of_us);
    EXPECT_TRUE(view.ok()) << view.status();
    return view.value_or(v1::CaseView());
  }
  v1::CaseState At(v1::CaseRole role) { return View(role).state(); }
  v1::CaseClock Clock(v1::CaseRole role, v1::ClockKind kind, std::int64_t as_of_us = 0) {
    const v1::CaseView view = View(role, as_of_us);
    for (auto clock = view.clocks().rbegin(); clock != view.clocks().rend(); ++clock) {
      if (clock->kind() == kind) return *clock;
    }
    return {};
  }
  // How far the view's latest message of a kind has come.
  v1::CaseMessage SentMessage(v1::CaseRole role, v1::MessageKind kind) {
    const v1::CaseView view = View(role);
    v1::CaseMessage found;
    for (const v1::CaseMessage& message : view.messages()) {
      if (message.outgoing() && message.kind() == kind) found = message;
    }
    return found;
  }
  static v1::ErrorReason Reason(const absl::Status& status) { return contract::ReasonOf(status); }

  CaseNetwork network_;
  const SampleFolder* folder_ = nullptr;
  std::string handle_;
  int home_ = 31;
  std::int64_t at_ = kCaseTime;
  v1::CaseView last_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_TESTS_SUPPORT_CASE_STORY_H_
