#include "tools/demo/outcome.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "adapters/platform/json/json.h"
#include "adapters/platform/json/json_lines.h"
#include "protos/contract/errors.h"
#include "tools/yizhan/text.h"

namespace yizhan::tools {
namespace {

using platform::JsonValue;

bool HasCard(v1::CaseState state) {
  return state == v1::CASE_PRODUCED || state == v1::CASE_READY || state == v1::CASE_HANDED_OVER;
}

}  // namespace

Outcome InvalidOutcome(std::optional<std::string> ref, v1::ErrorReason reason) {
  Outcome outcome;
  outcome.ref = std::move(ref);
  outcome.final_state = "INVALID";
  outcome.reason = ReasonText(reason);
  return outcome;
}

Outcome NotAcceptedOutcome(const std::string& ref, v1::ErrorReason reason) {
  Outcome outcome;
  outcome.ref = ref;
  outcome.final_state = StateText(v1::CASE_NOT_ACCEPTED);
  outcome.reason = ReasonText(reason);
  return outcome;
}

Outcome OutcomeOf(const std::string& ref, const v1::CaseView& view) {
  Outcome outcome;
  outcome.ref = ref;
  outcome.final_state = StateText(view.state());
  outcome.reason = ReasonText(view.reason());
  outcome.fee_fen = view.fee_fen();
  outcome.refund_fen = view.refund_fen();
  if (view.validity_known() && HasCard(view.state()))
    outcome.validity_years = view.validity_years();
  return outcome;
}

std::string OutcomeLine(const Outcome& outcome) {
  JsonValue line = JsonValue::Object();
  line.Set("ref", outcome.ref.has_value() ? JsonValue::String(*outcome.ref) : JsonValue());
  line.Set("final_state", outcome.final_state);
  line.Set("reason", outcome.reason);
  line.Set("fee_fen", JsonValue::Integer(outcome.fee_fen));
  line.Set("refund_fen", JsonValue::Integer(outcome.refund_fen));
  line.Set("validity_years", outcome.validity_years.has_value()
                                 ? JsonValue::Integer(*outcome.validity_years)
                                 : JsonValue());
  return line.Dump();
}

absl::StatusOr<std::vector<Outcome>> LoadExpected(const std::string& path) {
  std::vector<Outcome> expected;
  const absl::Status status = platform::ForEachJsonLine(
      path, [&](std::size_t number, const JsonValue& object) -> absl::Status {
        Outcome outcome;
        const JsonValue* ref = object.Find("ref");
        const JsonValue* years = object.Find("validity_years");
        const auto state = object.FindString("final_state");
        const auto reason = object.FindString("reason");
        const auto fee = object.FindInteger("fee_fen");
        const auto refund = object.FindInteger("refund_fen");
        if (ref == nullptr || years == nullptr || !state || !reason || !fee || !refund) {
          return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                                     absl::StrCat(path, ":", number, ": not an expected outcome."),
                                     "Remove the file, or correct this line.");
        }
        if (ref->AsString().has_value()) outcome.ref = std::string(*ref->AsString());
        outcome.final_state = std::string(*state);
        outcome.reason = std::string(*reason);
        outcome.fee_fen = *fee;
        outcome.refund_fen = *refund;
        if (years->AsInteger().has_value()) {
          outcome.validity_years = static_cast<std::uint32_t>(*years->AsInteger());
        }
        expected.push_back(std::move(outcome));
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return expected;
}

}  // namespace yizhan::tools
