#include "province_nodes/cases/home_side.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "protos/contract/resident.h"
#include "protos/contract/rules.h"
#include "province_nodes/cases/accepting_side.h"
#include "province_nodes/cases/access.h"
#include "province_nodes/cases/clocks.h"
#include "province_nodes/cases/passages.h"
#include "province_nodes/policy/eligibility.h"

namespace yizhan::node {
namespace {

absl::Status Violated(absl::string_view what) {
  return contract::MakeError(v1::CASE_RULE_VIOLATED, v1::SIDE_THEIRS, what,
                             "The sending node's operator looks at the case and its events.");
}

bool SamePerson(const v1::Person& a, const v1::Person& b) {
  return a.name() == b.name() && a.id_number() == b.id_number() && a.sex() == b.sex() &&
         a.ethnicity() == b.ethnicity() && a.birth_date() == b.birth_date() &&
         a.home_division() == b.home_division() && a.home_address() == b.home_address();
}

absl::Status CheckAcceptance(const v1::Acceptance& acceptance, const CaseBook& book,
                             const cases::CaseRecord& record) {
  if (!contract::IsAcceptanceNumber(acceptance.acceptance_number())) {
    return FieldError(v1::FIELD_INVALID, "acceptance.acceptance_number",
                      "is no acceptance number (GA 214.4)");
  }
  if (contract::ProvinceCode::OfDivision(acceptance.point()).value() != record.accepting()) {
    return FieldError(v1::FIELD_INVALID, "acceptance.point", "is not of the accepting province");
  }
  if (acceptance.business() != record.form().business() ||
      !SamePerson(acceptance.person(), record.form().applicant())) {
    return Violated("the acceptance is of another person or business than the eligibility query");
  }
  if (acceptance.portrait().empty() || acceptance.fingerprints().empty()) {
    return FieldError(v1::FIELD_INVALID, "acceptance.portrait",
                      "and fingerprints must both be there");
  }
  v1::Retake taken;
  taken.set_portrait(acceptance.portrait());
  *taken.mutable_fingerprints() = acceptance.fingerprints();
  return CheckTaken(book.deps, taken);
}

absl::Status OnAcceptance(const v1::Acceptance& acceptance, const Moment& moment, CaseBook& book,
                          OpenCase& open) {
  cases::CaseRecord& record = open.now;
  if (absl::Status status = CheckAcceptance(acceptance, book, record); !status.ok()) return status;
  v1::Application& form = *record.mutable_form();
  form.set_accepting_point(acceptance.point());
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
  cases::Biometrics taken;
  taken.set_portrait(acceptance.portrait());
  *taken.mutable_fingerprints() = acceptance.fingerprints();
  book.store.SaveBiometrics(book.txn, KeyOf(record), taken);
  return book.Step(open, CaseAct::kAcceptanceReceived, moment);
}

absl::Status OnRetake(const v1::Retake& retake, const Moment& moment, CaseBook& book,
                      OpenCase& open) {
  if (retake.portrait().empty() && retake.fingerprints().empty()) {
    return FieldError(v1::FIELD_INVALID, "retake", "has neither portrait nor fingerprints");
  }
  if (absl::Status status = CheckTaken(book.deps, retake); !status.ok()) return status;
  if (absl::Status status = book.Step(open, CaseAct::kRetake, moment); !status.ok()) return status;
  open.now.clear_decision();
  auto taken = book.store.LoadBiometrics(book.txn, KeyOf(open.now));
  if (!taken.ok()) return taken.status();
  if (!retake.portrait().empty()) taken->set_portrait(retake.portrait());
  if (!retake.fingerprints().empty()) *taken->mutable_fingerprints() = retake.fingerprints();
  book.store.SaveBiometrics(book.txn, KeyOf(open.now), *taken);
  return absl::OkStatus();
}

absl::Status OnProduction(const v1::ProductionFeedback& feedback, const Moment& moment,
                          const cases::MessageRecord& received, CaseBook& book, OpenCase& open) {
  if (!feedback.made()) {
    if (absl::Status status = book.Step(open, CaseAct::kProductionFailed, moment, v1::CARD_FAULTY,
                                        feedback.failure_detail());
        !status.ok()) {
      return status;
    }
    open.now.set_production_failures(open.now.production_failures() + 1);
    return absl::OkStatus();
  }
  if (feedback.card_serial().empty()) {
    return FieldError(v1::FIELD_INVALID, "production_feedback.card_serial", "is missing");
  }
  if (absl::Status status = book.Step(open, CaseAct::kProductionMade, moment); !status.ok()) {
    return status;
  }
  open.now.set_card_serial(feedback.card_serial());
  book.Ask(open, SystemTask::Kind::kRegisterRecordCard, received);
  return absl::OkStatus();
}

absl::Status OnClosure(const v1::Closure& closure, const Moment& moment, CaseBook& book,
                       OpenCase& open) {
  cases::CaseRecord& record = open.now;
  absl::Status status;
  switch (closure.step()) {
    case v1::CLOSURE_NOT_ACCEPTED:
      book.store.DeleteBiometrics(book.txn, KeyOf(record));
      return book.Step(open, CaseAct::kClosedNotAccepted, moment, closure.reason());
    case v1::CLOSURE_INFORMED:
      if (record.informed()) return Violated("the applicant was informed before");
      status = book.StepKeepingReason(open, CaseAct::kInformed, moment);
      record.set_informed(true);
      break;
    case v1::CLOSURE_REFUNDED:
      if (record.refunded()) return Violated("the fee was refunded before");
      if (closure.refund_fen() != record.fee_taken_fen()) {
        return FieldError(v1::FEE_MISMATCH, "closure.refund_fen", "is not the fee taken");
      }
      status = book.StepKeepingReason(open, CaseAct::kRefunded, moment);
      record.set_refunded(true);
      record.set_refund_fen(closure.refund_fen());
      break;
    default:
      return FieldError(v1::FIELD_INVALID, "closure.step", "is unknown");
  }
  if (!status.ok() || !record.informed() || !record.refunded()) return status;
  return book.StepKeepingReason(open, CaseAct::kClosedRefused, moment);
}

// The same day so many years on; of 29 February, where there is none, the 28th.
absl::CivilDay YearsLater(absl::CivilDay day, std::uint32_t years) {
  const absl::CivilYear year = absl::CivilYear(day) + static_cast<int>(years);
  const absl::CivilDay same(year.year(), day.month(), day.day());
  return same.month() == day.month() ? same : same - same.day();
}

void FillSignature(const v1::Policy& policy, const cases::CaseRecord& record, const Moment& moment,
                   v1::ReviewDecision& decision) {
  const absl::CivilDay day = contract::ShanghaiDay(absl::FromUnixMicros(moment.at_us));
  const absl::CivilDay birth =
      contract::ParseDate(record.form().applicant().birth_date()).value_or(day);
  const contract::RuleQuestion where{contract::ProvinceCode(record.accepting()),
                                     contract::ProvinceCode(record.home()), day};
  const std::uint32_t years = contract::ValidityYears(policy, where, contract::AgeOn(birth, day));
  decision.set_valid_from(contract::FormatDate(day));
  decision.set_validity_years(years);
  if (years != 0) decision.set_valid_until(contract::FormatDate(YearsLater(day, years)));
}

absl::Status CheckReview(const v1::RecordReviewRequest& request) {
  if (request.outcome() == v1::REVIEW_SIGNED) {
    if (!request.issuing_office().empty()) return absl::OkStatus();
    return FieldError(v1::FIELD_INVALID, "issuing_office", "of a signature is missing");
  }
  if (request.outcome() != v1::REVIEW_REFUSED) {
    return FieldError(v1::FIELD_INVALID, "outcome", "must be REVIEW_SIGNED or REVIEW_REFUSED");
  }
  if (request.reason() != v1::INFORMATION_ERROR && request.reason() != v1::IDENTITY_UNVERIFIABLE) {
    return FieldError(v1::FIELD_INVALID, "reason",
                      "of a refusal must be INFORMATION_ERROR or IDENTITY_UNVERIFIABLE");
  }
  return absl::OkStatus();
}

// The case of a county's command, if the county may give it.
template <typename Request>
absl::StatusOr<OpenCase> OpenFor(CaseBook& book, const Caller& caller, absl::string_view call,
                                 const Request& request) {
  auto open = book.Open(request.case_(), v1::CASE_ROLE_HOME);
  if (!open.ok()) return open;
  const CaseScope scope{v1::CASE_ROLE_HOME, "", open->now.form().applicant().home_division()};
  if (absl::Status status = Require(caller, call, {v1::CALLER_COUNTY}, scope); !status.ok()) {
    return status;
  }
  return open;
}

}  // namespace

absl::StatusOr<OpenCase> OnQuery(const InboundMessage& message, CaseBook& book) {
  const v1::EligibilityQuery& query = message.payload.eligibility_query();
  const v1::Person& person = query.person();
  if (contract::ProvinceCode::OfDivision(person.home_division()) != book.deps.province) {
    return FieldError(v1::FIELD_INVALID, "eligibility_query.person.home_division",
                      "is not of this province");
  }
  if (!contract::IdNumber::Parse(person.id_number()).has_value()) {
    return FieldError(v1::ID_NUMBER_INVALID, "eligibility_query.person.id_number",
                      "is no ID number (GB 11643)");
  }
  if (!contract::ParseDate(person.birth_date()).has_value()) {
    return FieldError(v1::FIELD_INVALID, "eligibility_query.person.birth_date",
                      "is no date YYYY-MM-DD");
  }
  auto known = book.Find(message.case_handle, v1::CASE_ROLE_HOME);
  if (!known.ok()) return known.status();
  if (known->has_value()) return Violated("the case is open already");
  OpenCase open =
      CaseBook::New(message.case_handle, v1::CASE_ROLE_HOME, message.source, book.deps.province);
  *open.now.mutable_form()->mutable_applicant() = person;
  open.now.mutable_form()->set_business(query.business());
  open.now.set_applied_unix_us(message.payload.case_time_unix_us());
  const cases::MessageRecord& received = NoteReceived(message, open.now);
  if (absl::Status status = book.Step(open, CaseAct::kQueryArrived, MomentOf(message.payload));
      !status.ok()) {
    return status;
  }
  book.Ask(open, SystemTask::Kind::kRegisterLookup, received);
  return open;
}

absl::Status OnAcceptingMessage(const InboundMessage& message, const cases::MessageRecord& received,
                                CaseBook& book, OpenCase& open) {
  const Moment moment = MomentOf(message.payload);
  switch (message.kind) {
    case v1::ACCEPTANCE:
      return OnAcceptance(message.payload.acceptance(), moment, book, open);
    case v1::RETAKE:
      return OnRetake(message.payload.retake(), moment, book, open);
    case v1::PRODUCTION_FEEDBACK:
      return OnProduction(message.payload.production_feedback(), moment, received, book, open);
    case v1::HAND_OVER:
      return book.Step(open, CaseAct::kHandedOver, moment);
    case v1::CLOSURE:
      return OnClosure(message.payload.closure(), moment, book, open);
    default:
      return Violated("a case is opened by its first message alone");
  }
}

void OnHomePassage(const cases::MessageRecord& message, OpenCase& open) {
  const v1::CaseMessage& news = message.message();
  if (news.kind() != v1::REVIEW_DECISION) return;
  if (news.passage() == v1::PASSAGE_RECEIVED || news.passage() == v1::PASSAGE_APPLIED ||
      news.passage() == v1::PASSAGE_REJECTED) {
    MeetClock(v1::CLOCK_FORWARD, ArrivalCaseTime(message), open.now);
  }
}

absl::Status AnswerQuery(const std::optional<RegisterRecord>& record, CaseBook& book,
                         OpenCase& open) {
  std::optional<RegisterFacts> facts;
  if (record.has_value()) {
    facts = RegisterFacts{record->person, record->has_history_photo, record->credit_listed};
  }
  v1::Payload payload;
  *payload.mutable_eligibility_answer() = DecideByRegister(open.now.form().applicant(), facts);
  const v1::ErrorReason reason = payload.eligibility_answer().reason();
  const Moment moment{open.now.last_case_time_unix_us(), SystemOfficer("population-register")};
  const CaseAct act =
      reason == v1::ERROR_REASON_UNSPECIFIED ? CaseAct::kAnswerPositive : CaseAct::kAnswerNegative;
  if (absl::Status status = book.Step(open, act, moment, reason); !status.ok()) return status;
  book.Send(open, v1::ELIGIBILITY_ANSWER, std::move(payload), moment);
  return absl::OkStatus();
}

absl::StatusOr<v1::CaseView> Review(CaseBook& book, const Caller& caller,
                                    const v1::RecordReviewRequest& request) {
  auto open = OpenFor(book, caller, "RecordReview", request);
  if (!open.ok()) return open.status();
  if (absl::Status status = CheckReview(request); !status.ok()) return status;
  const Moment moment = MomentOf(request.context());
  const bool is_signed = request.outcome() == v1::REVIEW_SIGNED;
  const absl::Status status =
      is_signed ? book.Step(*open, CaseAct::kSigned, moment)
                : book.Step(*open, CaseAct::kRefused, moment, request.reason(), request.detail());
  if (!status.ok()) return status;
  v1::Payload payload;
  v1::ReviewDecision& decision = *payload.mutable_review_decision();
  decision.set_outcome(request.outcome());
  if (is_signed) {
    FillSignature(*book.deps.policy, open->now, moment, decision);
    decision.set_issuing_office(request.issuing_office());
  } else {
    decision.set_reason(request.reason());
    decision.set_detail(request.detail());
    decision.set_contact(request.contact());
  }
  *open->now.mutable_decision() = decision;
  book.Send(*open, v1::REVIEW_DECISION, std::move(payload), moment);
  return book.Save(*open);
}

absl::StatusOr<v1::CaseView> SendBack(CaseBook& book, const Caller& caller,
                                      const v1::RecordQualityFeedbackRequest& request) {
  auto open = OpenFor(book, caller, "RecordQualityFeedback", request);
  if (!open.ok()) return open.status();
  const Moment moment = MomentOf(request.context());
  if (absl::Status status =
          book.Step(*open, CaseAct::kQualityFeedback, moment, request.reason(), request.detail());
      !status.ok()) {
    return status;
  }
  v1::Payload payload;
  payload.mutable_quality_feedback()->set_reason(request.reason());
  payload.mutable_quality_feedback()->set_detail(request.detail());
  book.Send(*open, v1::QUALITY_FEEDBACK, std::move(payload), moment);
  return book.Save(*open);
}

}  // namespace yizhan::node
