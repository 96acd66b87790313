// Application, and what the home province answers.
#include "province_nodes/cases/accepting_side.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "protos/contract/errors.h"
#include "protos/contract/resident.h"
#include "protos/contract/rules.h"
#include "province_nodes/cases/access.h"
#include "province_nodes/cases/passages.h"
#include "province_nodes/policy/eligibility.h"

namespace yizhan::node {
namespace {

// First daily sequence of acceptance numbers, by lane (GA 214.4 has five digits).
constexpr std::uint32_t kFirstSequence = 1;
constexpr std::uint32_t kFirstTestSequence = 90001;

void UpperX(std::string& id_number) {
  if (!id_number.empty() && id_number.back() == 'x') id_number.back() = 'X';
}

contract::ApplicationSurroundings SurroundingsOf(const CaseServiceDeps& deps) {
  contract::ApplicationSurroundings around;
  around.division_known = deps.division_known;
  around.check_portrait = deps.check_portrait;
  around.fee = [&deps](const v1::Application& application, absl::Time at) {
    const contract::RuleQuestion where{
        deps.province, contract::ProvinceCode::OfDivision(application.applicant().home_division()),
        contract::ShanghaiDay(at)};
    return contract::FeeFen(*deps.policy, where, application.business());
  };
  return around;
}

v1::ErrorReason Decide(const CaseServiceDeps& deps, const v1::Application& application,
                       contract::ProvinceCode home, absl::Time at) {
  PointFacts facts;
  facts.where = {deps.province, home, contract::ShanghaiDay(at)};
  const std::string& point = application.accepting_point();
  facts.point_designated = contract::ProvinceCode::OfDivision(point) == deps.province &&
                           (deps.test_lane || deps.point_designated(point, facts.where.day));
  facts.link_open = home == deps.province || deps.link_open(home);
  return DecideAtPoint(*deps.policy, facts, application);
}

// Fee taken, number given, everything to the home province.
absl::Status AcceptCase(CaseBook& book, OpenCase& open, const Moment& moment) {
  cases::CaseRecord& record = open.now;
  const absl::CivilDay day = contract::ShanghaiDay(absl::FromUnixMicros(record.applied_unix_us()));
  const std::string& point = record.form().accepting_point();
  const auto sequence =
      book.store.NextSequence(book.txn, point, contract::FormatDate(day),
                              book.deps.test_lane ? kFirstTestSequence : kFirstSequence);
  if (!sequence.ok()) return sequence.status();
  const auto number = contract::MakeAcceptanceNumber(point, day, *sequence);
  if (!number.has_value()) {
    return contract::MakeError(v1::CASE_RULE_VIOLATED, v1::SIDE_THEIRS,
                               "the point has no acceptance number left for that day",
                               "The applicant applies again on another day.");
  }
  record.set_acceptance_number(*number);
  record.set_fee_taken_fen(record.form().fee_fen());
  if (absl::Status status = book.Step(open, CaseAct::kAccept, moment); !status.ok()) return status;

  auto taken = book.store.LoadBiometrics(book.txn, KeyOf(record));
  if (!taken.ok()) return taken.status();
  const v1::Application& form = record.form();
  v1::Payload payload;
  v1::Acceptance& acceptance = *payload.mutable_acceptance();
  acceptance.set_acceptance_number(*number);
  acceptance.set_point(form.accepting_point());
  acceptance.set_business(form.business());
  *acceptance.mutable_person() = form.applicant();
  acceptance.set_phone(form.phone());
  acceptance.set_card_script(form.card_script());
  acceptance.set_basis(form.basis());
  *acceptance.mutable_evidence() = form.evidence();
  if (form.has_guardian()) *acceptance.mutable_guardian() = form.guardian();
  *acceptance.mutable_officer_checks() = form.officer_checks();
  acceptance.set_old_card_presented(form.old_card_presented());
  acceptance.set_portrait(taken->portrait());
  *acceptance.mutable_fingerprints() = taken->fingerprints();
  acceptance.set_fee_fen(record.fee_taken_fen());
  acceptance.set_applied_unix_us(record.applied_unix_us());
  book.Send(open, v1::ACCEPTANCE, std::move(payload), moment);
  return absl::OkStatus();
}

void TellNotAccepted(v1::ErrorReason reason, const Moment& moment, CaseBook& book,
                     const OpenCase& open) {
  v1::Payload payload;
  payload.mutable_closure()->set_step(v1::CLOSURE_NOT_ACCEPTED);
  payload.mutable_closure()->set_at_unix_us(moment.at_us);
  payload.mutable_closure()->set_reason(reason);
  book.Send(open, v1::CLOSURE, std::move(payload), moment);
}

bool IsRegisterReason(v1::ErrorReason reason) {
  return reason == v1::REGISTER_MISMATCH || reason == v1::NO_HISTORY_PHOTO ||
         reason == v1::CREDIT_LISTED;
}

absl::Status OnAnswer(const v1::EligibilityAnswer& answer, const Moment& moment, bool followed,
                      CaseBook& book, OpenCase& open) {
  if (open.now.state() == v1::CASE_NOT_ACCEPTED) {
    // The query had seemed lost. The home view still waits for an end.
    const v1::ErrorReason reason = open.now.reason();
    if (absl::Status status = book.StepKeepingReason(open, CaseAct::kLateAnswer, moment);
        !status.ok()) {
      return status;
    }
    TellNotAccepted(reason, moment, book, open);
    return absl::OkStatus();
  }
  const bool positive = answer.reason() == v1::ERROR_REASON_UNSPECIFIED;
  if (positive != (answer.matches() && answer.has_history_photo() && !answer.credit_listed()) ||
      (!positive && !IsRegisterReason(answer.reason()))) {
    return FieldError(v1::FIELD_INVALID, "eligibility_answer.reason",
                      "does not fit the other members of the answer");
  }
  if (positive && !followed && open.now.form().accepting_point().empty()) {
    // The node was restored from a backup that is older than the application.
    if (absl::Status status =
            book.Step(open, CaseAct::kAnswerNegative, moment, v1::EVIDENCE_INSUFFICIENT,
                      "the folder was lost with the node's store; the applicant applies again");
        !status.ok()) {
      return status;
    }
    TellNotAccepted(v1::EVIDENCE_INSUFFICIENT, moment, book, open);
    return absl::OkStatus();
  }
  if (positive) {
    if (absl::Status status = book.Step(open, CaseAct::kAnswerPositive, moment); !status.ok()) {
      return status;
    }
    return followed ? absl::OkStatus() : AcceptCase(book, open, moment);
  }
  const std::string detail = answer.differing_fields().empty()
                                 ? ""
                                 : absl::StrCat("differs from the register: ",
                                                absl::StrJoin(answer.differing_fields(), ", "));
  if (absl::Status status =
          book.Step(open, CaseAct::kAnswerNegative, moment, answer.reason(), detail);
      !status.ok()) {
    return status;
  }
  book.store.DeleteBiometrics(book.txn, KeyOf(open.now));
  TellNotAccepted(answer.reason(), moment, book, open);
  return absl::OkStatus();
}

absl::Status CheckSigned(const v1::ReviewDecision& decision) {
  const auto from = contract::ParseDate(decision.valid_from());
  if (!from.has_value()) {
    return FieldError(v1::FIELD_INVALID, "review_decision.valid_from", "is no date YYYY-MM-DD");
  }
  const bool long_term = decision.validity_years() == 0;
  const auto until = contract::ParseDate(decision.valid_until());
  if (long_term ? !decision.valid_until().empty() : !until.has_value() || *until <= *from) {
    return FieldError(v1::FIELD_INVALID, "review_decision.valid_until",
                      "does not fit the years of validity");
  }
  return absl::OkStatus();
}

absl::Status OnDecision(const v1::ReviewDecision& decision, const Moment& moment,
                        const cases::MessageRecord& received, CaseBook& book, OpenCase& open) {
  if (decision.outcome() == v1::REVIEW_SIGNED) {
    if (absl::Status status = CheckSigned(decision); !status.ok()) return status;
    if (absl::Status status = book.Step(open, CaseAct::kSigned, moment); !status.ok()) {
      return status;
    }
    *open.now.mutable_decision() = decision;
    book.Ask(open, SystemTask::Kind::kCardCentreOrder, received);
    return absl::OkStatus();
  }
  if (decision.outcome() != v1::REVIEW_REFUSED ||
      (decision.reason() != v1::INFORMATION_ERROR &&
       decision.reason() != v1::IDENTITY_UNVERIFIABLE)) {
    return FieldError(v1::FIELD_INVALID, "review_decision.outcome",
                      "is neither a signature nor a refusal with a reason");
  }
  *open.now.mutable_decision() = decision;
  return book.Step(open, CaseAct::kRefused, moment, decision.reason(), decision.detail());
}

}  // namespace

absl::StatusOr<v1::CaseView> Apply(CaseBook& book, const Caller& caller,
                                   const v1::ApplyRequest& request) {
  if (!HasRole(caller, v1::CALLER_POINT)) {
    return Require(caller, "Apply", {v1::CALLER_POINT},
                   {v1::CASE_ROLE_ACCEPTING, request.application().accepting_point(), ""});
  }
  const CaseServiceDeps& deps = book.deps;
  const Moment moment = MomentOf(request.context());
  const absl::Time at = absl::FromUnixMicros(moment.at_us);
  v1::Application application = request.application();
  if (absl::Status status = contract::CheckApplication(application, at, SurroundingsOf(deps));
      !status.ok()) {
    return status;
  }
  // Only now the point is known to be one that may be shown in an error.
  if (absl::Status status = Require(caller, "Apply", {v1::CALLER_POINT},
                                    {v1::CASE_ROLE_ACCEPTING, application.accepting_point(), ""});
      !status.ok()) {
    return status;
  }
  UpperX(*application.mutable_applicant()->mutable_id_number());
  if (application.has_guardian()) UpperX(*application.mutable_guardian()->mutable_id_number());
  cases::Biometrics taken;
  taken.set_portrait(std::move(*application.mutable_portrait()));
  *taken.mutable_fingerprints() = application.fingerprints();
  application.clear_portrait();
  application.clear_fingerprints();

  const auto home = contract::ProvinceCode::OfDivision(application.applicant().home_division());
  OpenCase open = CaseBook::New(contract::RandomFixed<contract::CaseHandle>(*deps.random),
                                v1::CASE_ROLE_ACCEPTING, deps.province, home);
  *open.now.mutable_form() = application;
  open.now.set_applied_unix_us(moment.at_us);
  const v1::ErrorReason reason = Decide(deps, application, home, at);
  if (reason != v1::ERROR_REASON_UNSPECIFIED) {
    if (absl::Status status = book.Step(open, CaseAct::kNotAccept, moment, reason); !status.ok()) {
      return status;
    }
    return book.Save(open);
  }
  book.store.SaveBiometrics(book.txn, KeyOf(open.now), taken);
  if (absl::Status status = book.Step(open, CaseAct::kApply, moment); !status.ok()) return status;
  v1::Payload payload;
  *payload.mutable_eligibility_query()->mutable_person() = application.applicant();
  payload.mutable_eligibility_query()->set_business(application.business());
  book.Send(open, v1::ELIGIBILITY_QUERY, std::move(payload), moment);
  return book.Save(open);
}

absl::Status OnHomeMessage(const InboundMessage& message, const cases::MessageRecord& received,
                           CaseBook& book, OpenCase& open) {
  const Moment moment = MomentOf(message.payload);
  // Who reviews has received: the receipt may come later than what follows it.
  if (message.kind != v1::ELIGIBILITY_ANSWER && open.now.state() == v1::CASE_ACCEPTED) {
    if (absl::Status status = book.Step(open, CaseAct::kAcceptanceReceived, moment); !status.ok()) {
      return status;
    }
  }
  switch (message.kind) {
    case v1::ELIGIBILITY_ANSWER:
      return OnAnswer(message.payload.eligibility_answer(), moment, message.followed, book, open);
    case v1::REVIEW_DECISION:
      return OnDecision(message.payload.review_decision(), moment, received, book, open);
    default: {
      const v1::QualityFeedback& feedback = message.payload.quality_feedback();
      if (feedback.reason() != v1::RETAKE_PORTRAIT &&
          feedback.reason() != v1::RETAKE_FINGERPRINTS) {
        return FieldError(v1::FIELD_INVALID, "quality_feedback.reason",
                          "names nothing that can be taken again");
      }
      return book.Step(open, CaseAct::kQualityFeedback, moment, feedback.reason(),
                       feedback.detail());
    }
  }
}

absl::Status OnAcceptingPassage(const cases::MessageRecord& message, CaseBook& book,
                                OpenCase& open) {
  const v1::CaseMessage& news = message.message();
  const Moment moment{ArrivalCaseTime(message), SystemOfficer("node")};
  const bool arrived = news.passage() == v1::PASSAGE_RECEIVED ||
                       news.passage() == v1::PASSAGE_APPLIED ||
                       news.passage() == v1::PASSAGE_REJECTED;
  if (arrived && news.kind() == v1::ACCEPTANCE && open.now.state() == v1::CASE_ACCEPTED) {
    return book.Step(open, CaseAct::kAcceptanceReceived, moment);
  }
  const bool failed =
      news.passage() == v1::PASSAGE_REFUSED || news.passage() == v1::PASSAGE_NOT_DELIVERED;
  if (failed && news.kind() == v1::ELIGIBILITY_QUERY && open.now.state() == v1::CASE_APPLIED) {
    const bool link = news.reason() == v1::ENVELOPE_LINK_NOT_OPEN ||
                      news.reason() == v1::NEW_CASE_ON_SUSPENDED_ROUTE ||
                      news.reason() == v1::LINK_CUT;
    book.store.DeleteBiometrics(book.txn, KeyOf(open.now));
    return book.Step(open, CaseAct::kQueryFailed, moment, link ? v1::LINK_NOT_OPEN : news.reason(),
                     news.detail());
  }
  return absl::OkStatus();
}

}  // namespace yizhan::node
