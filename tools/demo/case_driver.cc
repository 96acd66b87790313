#include "tools/demo/case_driver.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "protos/contract/errors.h"

namespace yizhan::tools {
namespace {

// Commands of one case that may fail before it is given up.
constexpr int kMaxErrors = 5;

bool IsFinal(v1::CaseState state) {
  return state == v1::CASE_HANDED_OVER || state == v1::CASE_CLOSED_REFUSED ||
         state == v1::CASE_NOT_ACCEPTED;
}

// Malformed input is answered with these; nothing is stored then.
bool IsInvalidReason(v1::ErrorReason reason) {
  return reason >= v1::FIELD_INVALID && reason <= v1::FEE_MISMATCH;
}

std::int64_t CaseTime(const CaseJob& job) {
  // A line without a readable time is refused for its field, not for its clock.
  return absl::ToUnixMicros(job.line.applied_at.value_or(absl::Now()));
}

}  // namespace

template <typename Request>
Request CaseDriver::NewCommand(CaseJob& job, v1::CaseRole view, contract::ProvinceCode province,
                               const char* unit) {
  Request request;
  v1::CommandContext& context = *request.mutable_context();
  context.set_request_id(absl::StrCat(options_.run_name, "-", job.index, "-", ++job.commands));
  context.mutable_officer()->set_number(absl::StrCat(province.str(), "0001"));
  context.mutable_officer()->set_unit(absl::StrCat("demo ", unit, " ", province.str()));
  context.set_case_time_unix_us(CaseTime(job));
  if constexpr (!std::is_same_v<Request, v1::ApplyRequest>) {
    request.mutable_case_()->set_case_handle(job.case_handle);
    request.mutable_case_()->set_role(view);
  }
  return request;
}

void CaseDriver::Drive(CaseJob& job) {
  if (job.began == absl::Time()) job.began = absl::Now();
  if (job.case_handle.empty() && !job.ended) Apply(job);
  std::uint64_t seen = 0;
  absl::Time last_change = absl::Now();
  while (!job.ended && !options_.interrupted()) {
    const CaseSides sides = board_->Get(job.case_handle);
    if (sides.changes != seen) last_change = absl::Now();
    seen = sides.changes;
    const Step step = Act(job, sides);
    if (step == Step::kEnded) {
      job.ended = true;
      break;
    }
    if (step == Step::kActed) continue;
    const bool only_home_can_act = job.home_stopped;
    if (only_home_can_act || absl::Now() - last_change > options_.patience) break;
    if (board_->Await(job.case_handle, seen, options_.look_again).changes == seen) Look(job);
  }
  job.last = absl::Now();
  const CaseSides sides = board_->Get(job.case_handle);
  if (sides.accepting.has_value()) job.outcome = OutcomeOf(job.line.ref, *sides.accepting);
}

void CaseDriver::Apply(CaseJob& job) {
  auto request = NewCommand<v1::ApplyRequest>(job, v1::CASE_ROLE_ACCEPTING, job.accepting, "point");
  *request.mutable_application() = job.line.application;
  const absl::StatusOr<v1::CaseView> view = desk_->Apply(job.accepting, request);
  if (view.ok()) {
    job.case_handle = view->case_handle();
    board_->Put(*view);
    return;
  }
  job.ended = true;
  const v1::ErrorReason reason = contract::ReasonOf(view.status());
  if (IsInvalidReason(reason)) {
    job.outcome = InvalidOutcome(job.line.ref, reason);
  } else {
    job.problem = view.status();
  }
}

void CaseDriver::Look(CaseJob& job) {
  const auto accepting = desk_->Get(job.accepting, v1::CASE_ROLE_ACCEPTING, job.case_handle);
  if (accepting.ok()) board_->Put(*accepting);
  if (job.home_stopped) return;
  // Not there yet: the acceptance is still on its way.
  const auto home = desk_->Get(job.home, v1::CASE_ROLE_HOME, job.case_handle);
  if (home.ok()) board_->Put(*home);
}

void CaseDriver::Refresh(CaseJob& job) {
  if (job.case_handle.empty()) return;
  const auto view = desk_->Get(job.accepting, v1::CASE_ROLE_ACCEPTING, job.case_handle);
  if (!view.ok()) {
    job.problem.Update(view.status());
    return;
  }
  board_->Put(*view);
  job.outcome = OutcomeOf(job.line.ref, *view);
}

CaseDriver::Step CaseDriver::Took(CaseJob& job, const absl::StatusOr<v1::CaseView>& answer) {
  if (answer.ok()) {
    board_->Put(*answer);
    return Step::kActed;
  }
  // Somebody was faster, or what we know is old: look again, a few times.
  if (++job.errors > kMaxErrors) {
    job.problem = answer.status();
    return Step::kEnded;
  }
  Look(job);
  return Step::kWait;
}

CaseDriver::Step CaseDriver::Act(CaseJob& job, const CaseSides& sides) {
  if (!sides.accepting.has_value()) return Step::kWait;
  const v1::CaseView& view = *sides.accepting;
  switch (view.state()) {
    case v1::CASE_RECOLLECT:
      return Recollect(job);
    case v1::CASE_SIGNED:
    case v1::CASE_REMAKE:
      return Produce(job, v1::PRODUCTION_STARTED);
    case v1::CASE_IN_PRODUCTION:
      return Produce(job, job.cards_spoiled < job.line.card_centre_failures ? v1::PRODUCTION_FAILED
                                                                            : v1::PRODUCTION_MADE);
    case v1::CASE_PRODUCED: {
      const auto request = NewCommand<v1::RecordReadyRequest>(job, v1::CASE_ROLE_ACCEPTING,
                                                              job.accepting, "collection");
      return Took(job, desk_->Ready(job.accepting, request));
    }
    case v1::CASE_READY:
      return HandOver(job);
    case v1::CASE_REFUSED:
      return Refuse(job, view);
    default:
      break;
  }
  if (IsFinal(view.state())) return Step::kEnded;
  if (sides.home.has_value()) return ActAtHome(job, *sides.home);
  return Step::kWait;
}

CaseDriver::Step CaseDriver::ActAtHome(CaseJob& job, const v1::CaseView& home) {
  if (home.state() != v1::CASE_UNDER_REVIEW) return Step::kWait;
  if (job.finding == CountyFinding::kRetakePortrait && !job.finding_told) {
    auto request =
        NewCommand<v1::RecordQualityFeedbackRequest>(job, v1::CASE_ROLE_HOME, job.home, "county");
    request.set_reason(v1::RETAKE_PORTRAIT);
    request.set_detail("The portrait must be taken again.");
    const Step step = Took(job, desk_->QualityFeedback(job.home, request));
    job.finding_told = step == Step::kActed;
    return step;
  }
  auto request = NewCommand<v1::RecordReviewRequest>(job, v1::CASE_ROLE_HOME, job.home, "county");
  const bool refused = job.finding == CountyFinding::kInformationError ||
                       job.finding == CountyFinding::kIdentityUnverifiable;
  if (refused) {
    const bool data = job.finding == CountyFinding::kInformationError;
    request.set_outcome(v1::REVIEW_REFUSED);
    request.set_reason(data ? v1::INFORMATION_ERROR : v1::IDENTITY_UNVERIFIABLE);
    request.set_detail(data ? "The data on file are wrong and must be corrected first."
                            : "The identity cannot be verified from the file.");
    request.set_contact(absl::StrCat("Household office of ", home.home_division()));
  } else {
    request.set_outcome(v1::REVIEW_SIGNED);
    request.set_issuing_office(absl::StrCat("Public security bureau of ", home.home_division()));
  }
  return Took(job, desk_->Review(job.home, request));
}

CaseDriver::Step CaseDriver::Recollect(CaseJob& job) {
  if (job.retake_portrait.empty()) return Step::kEnded;
  if (job.retake_tried) return Step::kWait;  // it is on its way
  auto request =
      NewCommand<v1::RecordRetakeRequest>(job, v1::CASE_ROLE_ACCEPTING, job.accepting, "point");
  request.set_portrait(job.retake_portrait);
  const absl::StatusOr<v1::CaseView> answer = desk_->Retake(job.accepting, request);
  if (answer.ok()) {
    job.retake_tried = true;
  } else if (IsInvalidReason(contract::ReasonOf(answer.status()))) {
    return Step::kEnded;  // the new portrait is no better; the case waits for another
  }
  return Took(job, answer);
}

CaseDriver::Step CaseDriver::Produce(CaseJob& job, v1::ProductionStep step) {
  auto request = NewCommand<v1::RecordProductionRequest>(job, v1::CASE_ROLE_ACCEPTING,
                                                         job.accepting, "card centre");
  request.set_step(step);
  if (step == v1::PRODUCTION_MADE) {
    request.set_card_serial(absl::StrCat("C", job.accepting.str(), options_.run_name, job.index));
  }
  if (step == v1::PRODUCTION_FAILED) request.set_failure_detail("The card did not pass the check.");
  const Step took = Took(job, desk_->Production(job.accepting, request));
  if (step == v1::PRODUCTION_FAILED && took == Step::kActed) ++job.cards_spoiled;
  return took;
}

CaseDriver::Step CaseDriver::HandOver(CaseJob& job) {
  // Still READY after a hand-over: the old card was not surrendered.
  if (job.hand_over_tried) return Step::kEnded;
  auto request = NewCommand<v1::RecordHandOverRequest>(job, v1::CASE_ROLE_ACCEPTING, job.accepting,
                                                       "collection");
  request.set_old_card_surrendered(job.line.old_card_surrendered);
  request.set_receipt_number(absl::StrCat("R", job.accepting.str(), options_.run_name, job.index));
  const absl::StatusOr<v1::CaseView> answer = desk_->HandOver(job.accepting, request);
  job.hand_over_tried =
      answer.ok() || contract::ReasonOf(answer.status()) == v1::OLD_CARD_NOT_SURRENDERED;
  return Took(job, answer);
}

CaseDriver::Step CaseDriver::Refuse(CaseJob& job, const v1::CaseView& view) {
  if (!view.informed()) {
    const auto request =
        NewCommand<v1::RecordInformedRequest>(job, v1::CASE_ROLE_ACCEPTING, job.accepting, "point");
    return Took(job, desk_->Informed(job.accepting, request));
  }
  auto request =
      NewCommand<v1::RecordRefundedRequest>(job, v1::CASE_ROLE_ACCEPTING, job.accepting, "point");
  request.set_refund_fen(view.fee_fen());
  return Took(job, desk_->Refunded(job.accepting, request));
}

}  // namespace yizhan::tools
