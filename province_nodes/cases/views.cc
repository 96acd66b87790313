#include "province_nodes/cases/views.h"

#include "protos/contract/resident.h"
#include "province_nodes/cases/clocks.h"

namespace yizhan::node {
namespace {

void FillDecision(const cases::CaseRecord& record, v1::CaseView& view) {
  const v1::ReviewDecision& decision = record.decision();
  if (decision.outcome() != v1::REVIEW_SIGNED) return;
  view.set_validity_known(true);
  view.set_validity_years(decision.validity_years());
  view.set_valid_from(decision.valid_from());
  view.set_valid_until(decision.valid_until());
  view.set_issuing_office(decision.issuing_office());
}

}  // namespace

v1::CaseView BuildView(const cases::CaseRecord& record, std::int64_t as_of_us) {
  const v1::Person& person = record.form().applicant();
  const auto id = contract::IdNumber::Parse(person.id_number());
  const std::int64_t as_of = as_of_us != 0 ? as_of_us : record.last_case_time_unix_us();
  v1::CaseView view;
  view.set_case_handle(record.case_handle());
  view.set_role(record.role());
  view.set_state(record.state());
  view.set_acceptance_number(record.acceptance_number());
  view.set_accepting(record.accepting());
  view.set_home(record.home());
  view.set_home_division(person.home_division());
  view.set_point(record.form().accepting_point());
  view.set_business(record.form().business());
  view.set_applicant_name(person.name());
  view.set_id_number_masked(id.has_value() ? id->Masked() : "");
  view.set_reason(record.reason());
  view.set_reason_detail(record.reason_detail());
  view.set_fee_fen(record.fee_taken_fen());
  view.set_refund_fen(record.refund_fen());
  view.set_applied_unix_us(record.applied_unix_us());
  FillDecision(record, view);
  view.set_card_serial(record.card_serial());
  view.set_informed(record.informed());
  view.set_refunded(record.refunded());
  view.set_production_failures(record.production_failures());
  for (const v1::CaseClock& clock : record.clocks()) {
    v1::CaseClock& shown = *view.add_clocks();
    shown = clock;
    shown.set_status(StatusOf(clock, as_of));
  }
  *view.mutable_events() = record.events();
  for (const cases::MessageRecord& message : record.messages()) {
    *view.add_messages() = message.message();
  }
  view.set_revision(record.revision());
  return view;
}

}  // namespace yizhan::node
