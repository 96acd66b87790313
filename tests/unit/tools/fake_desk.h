// A pair of nodes in memory, as far as the people at their gateways see them:
// messages arrive at once.
#ifndef YIZHAN_TESTS_UNIT_TOOLS_FAKE_DESK_H_
#define YIZHAN_TESTS_UNIT_TOOLS_FAKE_DESK_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "adapters/platform/mutex/mutex.h"
#include "protos/contract/errors.h"
#include "tools/demo/desk.h"

namespace yizhan::tools {

// Thread-safe. Refuses a command that does not fit the state, as a node would.
class FakeDesk : public Desk {
 public:
  // Set before use.
  std::set<contract::ProvinceCode> stopped_homes;
  v1::ErrorReason apply_refusal = v1::ERROR_REASON_UNSPECIFIED;  // of an application
  v1::ErrorReason not_accepted = v1::ERROR_REASON_UNSPECIFIED;   // decision by rule
  bool retake_is_invalid = false;

  std::vector<std::string> Log() const {
    const platform::MutexLock lock(&mutex_);
    return log_;
  }

  absl::StatusOr<v1::CaseView> Apply(Node node, const v1::ApplyRequest& request) override {
    const platform::MutexLock lock(&mutex_);
    log_.push_back("apply");
    if (apply_refusal != 0) return Refusal(apply_refusal);
    const std::string handle = absl::StrCat("case-", request.context().request_id());
    Pair& pair = cases_[handle];
    v1::CaseView& view = pair.accepting;
    view.set_case_handle(handle);
    view.set_role(v1::CASE_ROLE_ACCEPTING);
    view.set_accepting(node.value());
    view.set_fee_fen(0);
    pair.home = view;
    pair.home.set_role(v1::CASE_ROLE_HOME);
    pair.business = request.application().business();
    if (not_accepted != 0) {
      Move(view, v1::CASE_NOT_ACCEPTED, not_accepted);
    } else if (stopped_homes.contains(contract::ProvinceCode::OfDivision(
                   request.application().applicant().home_division()))) {
      Move(view, v1::CASE_APPLIED);
    } else {
      view.set_fee_fen(request.application().fee_fen());
      Move(view, v1::CASE_ACCEPTED);
      Move(pair.home, v1::CASE_UNDER_REVIEW);
    }
    return view;
  }
  absl::StatusOr<v1::CaseView> Get(Node, v1::CaseRole role, const std::string& handle) override {
    const platform::MutexLock lock(&mutex_);
    const Pair& pair = cases_.at(handle);
    const v1::CaseView& view = role == v1::CASE_ROLE_HOME ? pair.home : pair.accepting;
    if (view.revision() == 0) return Refusal(v1::CASE_NOT_FOUND);
    return view;
  }
  absl::StatusOr<v1::CaseView> Review(Node, const v1::RecordReviewRequest& request) override {
    const platform::MutexLock lock(&mutex_);
    Pair& pair = Find("review", request);
    if (pair.home.state() != v1::CASE_UNDER_REVIEW) return Refusal(v1::STATE_NOT_ALLOWED);
    const bool is_signed = request.outcome() == v1::REVIEW_SIGNED;
    const v1::CaseState state = is_signed ? v1::CASE_SIGNED : v1::CASE_REFUSED;
    pair.accepting.set_validity_known(is_signed);
    pair.accepting.set_validity_years(is_signed ? 20 : 0);
    Move(pair.accepting, state, request.reason());
    return Move(pair.home, state, request.reason());
  }
  absl::StatusOr<v1::CaseView> QualityFeedback(
      Node, const v1::RecordQualityFeedbackRequest& request) override {
    const platform::MutexLock lock(&mutex_);
    Pair& pair = Find("feedback", request);
    Move(pair.accepting, v1::CASE_RECOLLECT, request.reason());
    return Move(pair.home, v1::CASE_RECOLLECT, request.reason());
  }
  absl::StatusOr<v1::CaseView> Retake(Node, const v1::RecordRetakeRequest& request) override {
    const platform::MutexLock lock(&mutex_);
    Pair& pair = Find("retake", request);
    if (retake_is_invalid) return Refusal(v1::PORTRAIT_INVALID);
    Move(pair.home, v1::CASE_UNDER_REVIEW);
    return Move(pair.accepting, v1::CASE_UNDER_REVIEW);
  }
  absl::StatusOr<v1::CaseView> Production(Node,
                                          const v1::RecordProductionRequest& request) override {
    const platform::MutexLock lock(&mutex_);
    switch (request.step()) {
      case v1::PRODUCTION_STARTED:
        return Step("started", request, {v1::CASE_SIGNED, v1::CASE_REMAKE}, v1::CASE_IN_PRODUCTION);
      case v1::PRODUCTION_FAILED:
        return Step("failed", request, {v1::CASE_IN_PRODUCTION}, v1::CASE_REMAKE);
      default:
        return Step("made", request, {v1::CASE_IN_PRODUCTION}, v1::CASE_PRODUCED);
    }
  }
  absl::StatusOr<v1::CaseView> Ready(Node, const v1::RecordReadyRequest& request) override {
    const platform::MutexLock lock(&mutex_);
    return Step("ready", request, {v1::CASE_PRODUCED}, v1::CASE_READY);
  }
  absl::StatusOr<v1::CaseView> HandOver(Node, const v1::RecordHandOverRequest& request) override {
    const platform::MutexLock lock(&mutex_);
    Pair& pair = Find("hand over", request);
    if (pair.business != v1::LOSS_REPLACEMENT && !request.old_card_surrendered()) {
      return Move(pair.accepting, v1::CASE_READY, v1::OLD_CARD_NOT_SURRENDERED);
    }
    return Move(pair.accepting, v1::CASE_HANDED_OVER);
  }
  absl::StatusOr<v1::CaseView> Informed(Node, const v1::RecordInformedRequest& request) override {
    const platform::MutexLock lock(&mutex_);
    Pair& pair = Find("informed", request);
    pair.accepting.set_informed(true);
    return Move(pair.accepting, pair.accepting.state(), pair.accepting.reason());
  }
  absl::StatusOr<v1::CaseView> Refunded(Node, const v1::RecordRefundedRequest& request) override {
    const platform::MutexLock lock(&mutex_);
    Pair& pair = Find("refunded", request);
    if (!pair.accepting.informed()) return Refusal(v1::STATE_NOT_ALLOWED);
    pair.accepting.set_refund_fen(request.refund_fen());
    return Move(pair.accepting, v1::CASE_CLOSED_REFUSED, pair.accepting.reason());
  }

 private:
  struct Pair {
    v1::CaseView accepting;
    v1::CaseView home;
    v1::Business business = v1::BUSINESS_UNSPECIFIED;
  };

  static absl::Status Refusal(v1::ErrorReason reason) {
    return contract::MakeError(reason, v1::SIDE_MINE, "refused by the fake", "");
  }
  v1::CaseView Move(v1::CaseView& view, v1::CaseState state,
                    v1::ErrorReason reason = v1::ERROR_REASON_UNSPECIFIED)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    view.set_state(state);
    view.set_reason(reason);
    view.set_revision(++revision_);
    return view;
  }
  template <typename Request>
  Pair& Find(const char* what, const Request& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    log_.push_back(what);
    return cases_.at(request.case_().case_handle());
  }
  template <typename Request>
  absl::StatusOr<v1::CaseView> Step(const char* what, const Request& request,
                                    std::set<v1::CaseState> from, v1::CaseState to)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Pair& pair = Find(what, request);
    if (!from.contains(pair.accepting.state())) return Refusal(v1::STATE_NOT_ALLOWED);
    return Move(pair.accepting, to);
  }

  mutable platform::Mutex mutex_;
  std::map<std::string, Pair> cases_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> log_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace yizhan::tools

#endif  // YIZHAN_TESTS_UNIT_TOOLS_FAKE_DESK_H_
