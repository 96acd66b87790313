// From the signature to the hand-over, and the way out after a refusal.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "protos/contract/resident.h"
#include "province_nodes/cases/accepting_side.h"
#include "province_nodes/cases/access.h"
#include "province_nodes/policy/eligibility.h"

namespace yizhan::node {
namespace {

using Roles = std::vector<v1::CallerRole>;

CaseScope AcceptingScope(const cases::CaseRecord& record) {
  return {v1::CASE_ROLE_ACCEPTING, record.form().accepting_point(), ""};
}

// The case of a command, if the caller may give it.
template <typename Request>
absl::StatusOr<OpenCase> OpenFor(CaseBook& book, const Caller& caller, absl::string_view call,
                                 const Roles& roles, const Request& request) {
  auto open = book.Open(request.case_(), v1::CASE_ROLE_ACCEPTING);
  if (!open.ok()) return open;
  if (absl::Status status = Require(caller, call, roles, AcceptingScope(open->now)); !status.ok()) {
    return status;
  }
  return open;
}

absl::Status Already(absl::string_view what) {
  return contract::MakeError(v1::STATE_NOT_ALLOWED, v1::SIDE_MINE,
                             absl::StrCat("the case is ", what, " already"),
                             "Nothing is left to do for this step.");
}

// The closing step goes out; with both done the case ends.
absl::StatusOr<v1::CaseView> Close(v1::ClosureStep step, const Moment& moment, CaseBook& book,
                                   OpenCase& open) {
  v1::Payload payload;
  payload.mutable_closure()->set_step(step);
  payload.mutable_closure()->set_at_unix_us(moment.at_us);
  if (step == v1::CLOSURE_REFUNDED) {
    payload.mutable_closure()->set_refund_fen(open.now.refund_fen());
  }
  book.Send(open, v1::CLOSURE, std::move(payload), moment);
  if (open.now.informed() && open.now.refunded()) {
    if (absl::Status status = book.StepKeepingReason(open, CaseAct::kClosedRefused, moment);
        !status.ok()) {
      return status;
    }
  }
  return book.Save(open);
}

absl::StatusOr<v1::CaseView> Made(const v1::RecordProductionRequest& request, CaseBook& book,
                                  OpenCase& open) {
  if (request.card_serial().empty() || request.card_serial().size() > 64) {
    return FieldError(v1::FIELD_INVALID, "card_serial", "must have 1 to 64 characters");
  }
  const Moment moment = MomentOf(request.context());
  if (absl::Status status = book.Step(open, CaseAct::kProductionMade, moment); !status.ok()) {
    return status;
  }
  open.now.set_card_serial(request.card_serial());
  v1::Payload payload;
  payload.mutable_production_feedback()->set_made(true);
  payload.mutable_production_feedback()->set_card_serial(request.card_serial());
  payload.mutable_production_feedback()->set_made_unix_us(moment.at_us);
  book.Send(open, v1::PRODUCTION_FEEDBACK, std::move(payload), moment);
  return book.Save(open);
}

absl::StatusOr<v1::CaseView> Failed(const v1::RecordProductionRequest& request, CaseBook& book,
                                    OpenCase& open) {
  const Moment moment = MomentOf(request.context());
  if (absl::Status status = book.Step(open, CaseAct::kProductionFailed, moment, v1::CARD_FAULTY,
                                      request.failure_detail());
      !status.ok()) {
    return status;
  }
  open.now.set_production_failures(open.now.production_failures() + 1);
  v1::Payload payload;
  payload.mutable_production_feedback()->set_made(false);
  payload.mutable_production_feedback()->set_failure_detail(request.failure_detail());
  book.Send(open, v1::PRODUCTION_FEEDBACK, std::move(payload), moment);
  return book.Save(open);
}

}  // namespace

absl::Status CheckTaken(const CaseServiceDeps& deps, const v1::Retake& retake) {
  if (!retake.portrait().empty() && deps.check_portrait) {
    if (const absl::Status portrait = deps.check_portrait(retake.portrait()); !portrait.ok()) {
      return FieldError(v1::PORTRAIT_INVALID, "portrait",
                        absl::StrCat("is refused: ", portrait.message()));
    }
  }
  if (retake.fingerprints().empty()) return absl::OkStatus();
  const std::vector<std::string> templates(retake.fingerprints().begin(),
                                           retake.fingerprints().end());
  return contract::CheckFingerprints(templates);
}

absl::StatusOr<v1::CaseView> AskForRetake(CaseBook& book, const Caller& caller,
                                          const v1::RecordQualityFeedbackRequest& request) {
  auto open = OpenFor(book, caller, "RecordQualityFeedback", Roles{v1::CALLER_CENTRE}, request);
  if (!open.ok()) return open.status();
  if (absl::Status status =
          book.Step(*open, CaseAct::kCentreQualityFeedback, MomentOf(request.context()),
                    request.reason(), request.detail());
      !status.ok()) {
    return status;
  }
  // What was signed is signed anew after the retake.
  open->now.clear_decision();
  book.store.DeleteTask(book.txn, KeyOf(open->now).first,
                        static_cast<std::uint32_t>(SystemTask::Kind::kCardCentreOrder));
  return book.Save(*open);
}

absl::StatusOr<v1::CaseView> Retake(CaseBook& book, const Caller& caller,
                                    const v1::RecordRetakeRequest& request) {
  auto open = OpenFor(book, caller, "RecordRetake", Roles{v1::CALLER_POINT}, request);
  if (!open.ok()) return open.status();
  v1::Payload payload;
  v1::Retake& retake = *payload.mutable_retake();
  retake.set_portrait(request.portrait());
  *retake.mutable_fingerprints() = request.fingerprints();
  const v1::ErrorReason asked = open->now.reason();
  const Moment moment = MomentOf(request.context());
  if (absl::Status status = book.Step(*open, CaseAct::kRetake, moment); !status.ok()) {
    return status;
  }
  if (asked == v1::RETAKE_PORTRAIT && retake.portrait().empty()) {
    return FieldError(v1::PORTRAIT_INVALID, "portrait", "is missing; it is to be taken again");
  }
  if (asked == v1::RETAKE_FINGERPRINTS && retake.fingerprints().empty()) {
    return FieldError(v1::FINGERPRINT_INVALID, "fingerprints",
                      "are missing; they are to be taken again");
  }
  if (absl::Status status = CheckTaken(book.deps, retake); !status.ok()) return status;
  auto taken = book.store.LoadBiometrics(book.txn, KeyOf(open->now));
  if (!taken.ok()) return taken.status();
  if (!retake.portrait().empty()) taken->set_portrait(retake.portrait());
  if (!retake.fingerprints().empty()) *taken->mutable_fingerprints() = retake.fingerprints();
  book.store.SaveBiometrics(book.txn, KeyOf(open->now), *taken);
  book.Send(*open, v1::RETAKE, std::move(payload), moment);
  return book.Save(*open);
}

absl::StatusOr<v1::CaseView> Produce(CaseBook& book, const Caller& caller,
                                     const v1::RecordProductionRequest& request) {
  auto open = OpenFor(book, caller, "RecordProduction", Roles{v1::CALLER_CENTRE}, request);
  if (!open.ok()) return open.status();
  switch (request.step()) {
    case v1::PRODUCTION_STARTED: {
      const absl::Status status =
          book.Step(*open, CaseAct::kProductionStarted, MomentOf(request.context()));
      if (!status.ok()) return status;
      return book.Save(*open);
    }
    case v1::PRODUCTION_MADE:
      return Made(request, book, *open);
    case v1::PRODUCTION_FAILED:
      return Failed(request, book, *open);
    default:
      return FieldError(v1::FIELD_INVALID, "step", "must be STARTED, MADE or FAILED");
  }
}

absl::StatusOr<v1::CaseView> MakeReady(CaseBook& book, const Caller& caller,
                                       const v1::RecordReadyRequest& request) {
  auto open = OpenFor(book, caller, "RecordReady", Roles{v1::CALLER_COLLECTION}, request);
  if (!open.ok()) return open.status();
  if (absl::Status status = book.Step(*open, CaseAct::kReady, MomentOf(request.context()));
      !status.ok()) {
    return status;
  }
  return book.Save(*open);
}

absl::StatusOr<v1::CaseView> HandOver(CaseBook& book, const Caller& caller,
                                      const v1::RecordHandOverRequest& request) {
  auto open = OpenFor(book, caller, "RecordHandOver", Roles{v1::CALLER_COLLECTION}, request);
  if (!open.ok()) return open.status();
  const Moment moment = MomentOf(request.context());
  if (IsRenewal(open->now.form().business()) && !request.old_card_surrendered()) {
    if (absl::Status status =
            book.Step(*open, CaseAct::kOldCardKept, moment, v1::OLD_CARD_NOT_SURRENDERED);
        !status.ok()) {
      return status;
    }
    return book.Save(*open);
  }
  if (absl::Status status = book.Step(*open, CaseAct::kHandedOver, moment); !status.ok()) {
    return status;
  }
  v1::Payload payload;
  payload.mutable_hand_over()->set_handed_over_unix_us(moment.at_us);
  payload.mutable_hand_over()->set_old_card_surrendered(request.old_card_surrendered());
  payload.mutable_hand_over()->set_receipt_number(request.receipt_number());
  book.Send(*open, v1::HAND_OVER, std::move(payload), moment);
  return book.Save(*open);
}

absl::StatusOr<v1::CaseView> Inform(CaseBook& book, const Caller& caller,
                                    const v1::RecordInformedRequest& request) {
  auto open = OpenFor(book, caller, "RecordInformed",
                      Roles{v1::CALLER_POINT, v1::CALLER_COLLECTION}, request);
  if (!open.ok()) return open.status();
  if (open->now.informed()) return Already("recorded as told to the applicant");
  const Moment moment = MomentOf(request.context());
  const bool ready = open->now.state() == v1::CASE_READY;
  if (absl::Status status =
          book.StepKeepingReason(*open, ready ? CaseAct::kToldReady : CaseAct::kInformed, moment);
      !status.ok()) {
    return status;
  }
  open->now.set_informed(true);
  // That a card is ready concerns nobody but the applicant.
  if (ready) return book.Save(*open);
  return Close(v1::CLOSURE_INFORMED, moment, book, *open);
}

absl::StatusOr<v1::CaseView> Refund(CaseBook& book, const Caller& caller,
                                    const v1::RecordRefundedRequest& request) {
  auto open = OpenFor(book, caller, "RecordRefunded",
                      Roles{v1::CALLER_POINT, v1::CALLER_COLLECTION}, request);
  if (!open.ok()) return open.status();
  if (open->now.refunded()) return Already("refunded");
  const Moment moment = MomentOf(request.context());
  if (absl::Status status = book.StepKeepingReason(*open, CaseAct::kRefunded, moment);
      !status.ok()) {
    return status;
  }
  if (request.refund_fen() != open->now.fee_taken_fen()) {
    return FieldError(v1::FEE_MISMATCH, "refund_fen",
                      absl::StrCat("must be the fee taken, ", open->now.fee_taken_fen()));
  }
  open->now.set_refunded(true);
  open->now.set_refund_fen(request.refund_fen());
  return Close(v1::CLOSURE_REFUNDED, moment, book, *open);
}

}  // namespace yizhan::node
