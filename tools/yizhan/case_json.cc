#include "tools/yizhan/case_json.h"

#include <utility>

#include "tools/yizhan/text.h"

namespace yizhan::tools {

using platform::JsonValue;

namespace {

JsonValue ClocksJson(const v1::CaseView& view) {
  JsonValue clocks = JsonValue::Array();
  for (const v1::CaseClock& clock : view.clocks()) {
    clocks.Append(JsonValue::Object()
                      .Set("clock", Shorten(v1::ClockKind_Name(clock.kind()), "CLOCK_"))
                      .Set("status", Shorten(v1::ClockStatus_Name(clock.status()), "CLOCK_"))
                      .Set("started", ShanghaiText(clock.started_unix_us()))
                      .Set("warns", ShanghaiText(clock.warns_unix_us()))
                      .Set("due", ShanghaiText(clock.due_unix_us()))
                      .Set("met", ShanghaiText(clock.met_unix_us())));
  }
  return clocks;
}

}  // namespace

std::string CaseRoleText(v1::CaseRole role) {
  return Shorten(v1::CaseRole_Name(role), "CASE_ROLE_");
}

JsonValue CaseJson(const v1::CaseView& view) {
  JsonValue events = JsonValue::Array();
  for (const v1::CaseEvent& event : view.events()) {
    events.Append(JsonValue::Object()
                      .Set("at", ShanghaiText(event.at_unix_us()))
                      .Set("state", StateText(event.state()))
                      .Set("what", event.what())
                      .Set("reason", ReasonText(event.reason()))
                      .Set("officer", event.officer().number())
                      .Set("unit", event.officer().unit()));
  }
  JsonValue messages = JsonValue::Array();
  for (const v1::CaseMessage& message : view.messages()) {
    messages.Append(
        JsonValue::Object()
            .Set("message_id", MessageIdText(message.message_id()))
            .Set("kind", v1::MessageKind_Name(message.kind()))
            .Set("outgoing", JsonValue::Bool(message.outgoing()))
            .Set("sequence", JsonValue::Integer(static_cast<std::int64_t>(message.sequence())))
            .Set("passage", PassageText(message.passage()))
            .Set("reason", ReasonText(message.reason()))
            .Set("detail", message.detail()));
  }
  return JsonValue::Object()
      .Set("case_handle", Hex(view.case_handle()))
      .Set("role", CaseRoleText(view.role()))
      .Set("state", StateText(view.state()))
      .Set("acceptance_number", view.acceptance_number())
      .Set("accepting", JsonValue::Integer(view.accepting()))
      .Set("home", JsonValue::Integer(view.home()))
      .Set("point", view.point())
      .Set("business", v1::Business_Name(view.business()))
      .Set("id_number_masked", view.id_number_masked())
      .Set("reason", ReasonText(view.reason()))
      .Set("reason_detail", view.reason_detail())
      .Set("fee_fen", JsonValue::Integer(view.fee_fen()))
      .Set("refund_fen", JsonValue::Integer(view.refund_fen()))
      .Set("applied", ShanghaiText(view.applied_unix_us()))
      .Set("validity_years",
           view.validity_known() ? JsonValue::Integer(view.validity_years()) : JsonValue())
      .Set("valid_from", view.valid_from())
      .Set("valid_until", view.valid_until())
      .Set("issuing_office", view.issuing_office())
      .Set("card_serial", view.card_serial())
      .Set("clocks", ClocksJson(view))
      .Set("events", std::move(events))
      .Set("messages", std::move(messages));
}

}  // namespace yizhan::tools
