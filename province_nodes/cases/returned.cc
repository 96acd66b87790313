#include "province_nodes/cases/returned.h"

#include <initializer_list>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "province_nodes/cases/passages.h"
#include "province_nodes/cases/request_checks.h"

namespace yizhan::node {
namespace {

// A step that no message tells, where the case still stands before it.
absl::Status Imply(CaseBook& book, OpenCase& open, std::initializer_list<v1::CaseState> from,
                   CaseAct act, const Moment& moment) {
  for (const v1::CaseState state : from) {
    if (open.now.state() == state) return book.Step(open, act, moment);
  }
  return absl::OkStatus();
}

void Drop(CaseBook& book, const OpenCase& open, SystemTask::Kind kind) {
  book.store.DeleteTask(book.txn, KeyOf(open.now).first, static_cast<std::uint32_t>(kind));
}

absl::Status SaveTaken(CaseBook& book, const OpenCase& open, const std::string& portrait,
                       const google::protobuf::RepeatedPtrField<std::string>& fingerprints) {
  auto taken = book.store.LoadBiometrics(book.txn, KeyOf(open.now));
  if (!taken.ok()) return taken.status();
  if (!portrait.empty()) taken->set_portrait(portrait);
  if (!fingerprints.empty()) *taken->mutable_fingerprints() = fingerprints;
  book.store.SaveBiometrics(book.txn, KeyOf(open.now), *taken);
  return absl::OkStatus();
}

absl::Status Accepted(const v1::Acceptance& acceptance, const Moment& moment, CaseBook& book,
                      OpenCase& open) {
  absl::Status status = Imply(book, open, {v1::CASE_APPLIED}, CaseAct::kAnswerPositive, moment);
  if (status.ok()) status = book.Step(open, CaseAct::kAccept, moment);
  if (!status.ok()) return status;
  cases::CaseRecord& record = open.now;
  v1::Application& form = *record.mutable_form();
  *form.mutable_applicant() = acceptance.person();
  form.set_accepting_point(acceptance.point());
  form.set_business(acceptance.business());
  form.set_in_person(true);
  form.set_phone(acceptance.phone());
  form.set_card_script(acceptance.card_script());
  form.set_basis(acceptance.basis());
  *form.mutable_evidence() = acceptance.evidence();
  if (acceptance.has_guardian()) *form.mutable_guardian() = acceptance.guardian();
  *form.mutable_officer_checks() = acceptance.officer_checks();
  form.set_old_card_presented(acceptance.old_card_presented());
  form.set_fee_fen(acceptance.fee_fen());
  record.set_acceptance_number(acceptance.acceptance_number());
  record.set_fee_taken_fen(acceptance.fee_fen());
  record.set_applied_unix_us(acceptance.applied_unix_us());
  return SaveTaken(book, open, acceptance.portrait(), acceptance.fingerprints());
}

absl::Status TakenAgain(const v1::Retake& retake, const Moment& moment, CaseBook& book,
                        OpenCase& open) {
  absl::Status status =
      Imply(book, open, {v1::CASE_SIGNED, v1::CASE_IN_PRODUCTION, v1::CASE_REMAKE},
            CaseAct::kCentreQualityFeedback, moment);
  if (status.ok()) status = book.Step(open, CaseAct::kRetake, moment);
  if (!status.ok()) return status;
  open.now.clear_decision();
  Drop(book, open, SystemTask::Kind::kCardCentreOrder);
  return SaveTaken(book, open, retake.portrait(), retake.fingerprints());
}

absl::Status Produced(const v1::ProductionFeedback& feedback, const Moment& moment, CaseBook& book,
                      OpenCase& open) {
  absl::Status status =
      Imply(book, open, {v1::CASE_SIGNED, v1::CASE_REMAKE}, CaseAct::kProductionStarted, moment);
  if (!status.ok()) return status;
  if (feedback.made()) {
    open.now.set_card_serial(feedback.card_serial());
    return book.Step(open, CaseAct::kProductionMade, moment);
  }
  open.now.set_production_failures(open.now.production_failures() + 1);
  return book.Step(open, CaseAct::kProductionFailed, moment, v1::CARD_FAULTY,
                   feedback.failure_detail());
}

absl::Status Closed(const v1::Closure& closure, const Moment& moment, CaseBook& book,
                    OpenCase& open) {
  cases::CaseRecord& record = open.now;
  absl::Status status;
  switch (closure.step()) {
    case v1::CLOSURE_NOT_ACCEPTED:
      book.store.DeleteBiometrics(book.txn, KeyOf(record));
      if (record.state() == v1::CASE_NOT_ACCEPTED) return absl::OkStatus();
      return book.Step(open, CaseAct::kAnswerNegative, moment, closure.reason());
    case v1::CLOSURE_INFORMED:
      status = book.StepKeepingReason(open, CaseAct::kInformed, moment);
      record.set_informed(true);
      break;
    default:
      status = book.StepKeepingReason(open, CaseAct::kRefunded, moment);
      record.set_refunded(true);
      record.set_refund_fen(closure.refund_fen());
      break;
  }
  if (!status.ok() || !record.informed() || !record.refunded()) return status;
  return book.StepKeepingReason(open, CaseAct::kClosedRefused, moment);
}

absl::Status Decided(const v1::ReviewDecision& decision, const Moment& moment, CaseBook& book,
                     OpenCase& open) {
  *open.now.mutable_decision() = decision;
  if (decision.outcome() == v1::REVIEW_SIGNED) return book.Step(open, CaseAct::kSigned, moment);
  return book.Step(open, CaseAct::kRefused, moment, decision.reason(), decision.detail());
}

absl::Status Answered(const v1::EligibilityAnswer& answer, const Moment& moment, CaseBook& book,
                      OpenCase& open) {
  Drop(book, open, SystemTask::Kind::kRegisterLookup);
  const bool positive = answer.reason() == v1::ERROR_REASON_UNSPECIFIED;
  return book.Step(open, positive ? CaseAct::kAnswerPositive : CaseAct::kAnswerNegative, moment,
                   answer.reason());
}

absl::Status Reported(const v1::SystemOutcome& outcome, const Moment& moment, CaseBook& book,
                      OpenCase& open) {
  if (absl::Status status = ReportOutcome(outcome, moment, book, open); !status.ok()) {
    return status;
  }
  return DropTasksOf(book, open.now, outcome.of_sequence());
}

absl::Status Act(const v1::Payload& payload, CaseBook& book, OpenCase& open) {
  const Moment moment = MomentOf(payload);
  switch (payload.body_case()) {
    case v1::Payload::kEligibilityQuery:
      return book.Step(open, CaseAct::kApply, moment);
    case v1::Payload::kAcceptance:
      return Accepted(payload.acceptance(), moment, book, open);
    case v1::Payload::kRetake:
      return TakenAgain(payload.retake(), moment, book, open);
    case v1::Payload::kProductionFeedback:
      return Produced(payload.production_feedback(), moment, book, open);
    case v1::Payload::kHandOver: {
      absl::Status status = Imply(book, open, {v1::CASE_PRODUCED}, CaseAct::kReady, moment);
      return status.ok() ? book.Step(open, CaseAct::kHandedOver, moment) : status;
    }
    case v1::Payload::kClosure:
      return Closed(payload.closure(), moment, book, open);
    case v1::Payload::kEligibilityAnswer:
      return Answered(payload.eligibility_answer(), moment, book, open);
    case v1::Payload::kReviewDecision:
      return Decided(payload.review_decision(), moment, book, open);
    case v1::Payload::kQualityFeedback:
      return book.Step(open, CaseAct::kQualityFeedback, moment, payload.quality_feedback().reason(),
                       payload.quality_feedback().detail());
    case v1::Payload::kSystemOutcome:
      return Reported(payload.system_outcome(), moment, book, open);
    default:
      return absl::OkStatus();
  }
}

// The view that sent the message; nothing where this store never heard of it.
absl::StatusOr<std::optional<OpenCase>> SendersView(const OutgoingMessage& message,
                                                    const CaseBook& book) {
  const v1::CaseRole role = SenderRole(message.kind);
  if (role != v1::CASE_ROLE_UNSPECIFIED) return book.Find(message.case_handle, role);
  auto open = book.Find(message.case_handle, v1::CASE_ROLE_ACCEPTING);
  if (open.ok() && !open->has_value()) {
    open = book.Find(message.case_handle, v1::CASE_ROLE_HOME);
  }
  return open;
}

}  // namespace

absl::Status ApplyReturned(const OutgoingMessage& message, CaseBook& book) {
  auto found = SendersView(message, book);
  if (!found.ok()) return found.status();
  const bool opens = message.kind == v1::ELIGIBILITY_QUERY;
  if (found->has_value() == opens) return absl::OkStatus();
  OpenCase open;
  if (opens) {
    // The folder itself was lost; the acceptance, if there was one, brings it back.
    open = CaseBook::New(message.case_handle, v1::CASE_ROLE_ACCEPTING, book.deps.province,
                         message.destination);
    const v1::EligibilityQuery& query = message.payload.eligibility_query();
    *open.now.mutable_form()->mutable_applicant() = query.person();
    open.now.mutable_form()->set_business(query.business());
    open.now.set_applied_unix_us(message.payload.case_time_unix_us());
  } else {
    open = std::move(**found);
  }
  const cases::CaseRecord before = open.now;
  const absl::Status acted = Act(message.payload, book, open);
  const v1::ErrorReason reason = contract::ReasonOf(acted);
  if (reason == v1::STORAGE_FAILED) return acted;
  if (!acted.ok()) {
    open.now = before;
    book.Note(open,
              absl::StrCat(v1::MessageKind_Name(message.kind),
                           ", sent before the node was restored, does not fit: ", acted.message()),
              MomentOf(message.payload), reason);
  }
  return book.Save(open).status();
}

}  // namespace yizhan::node
