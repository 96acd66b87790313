// How an application ended, as outcomes.jsonl and expected.jsonl say it.
#ifndef YIZHAN_TOOLS_DEMO_OUTCOME_H_
#define YIZHAN_TOOLS_DEMO_OUTCOME_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "yizhan/v1/case.pb.h"

namespace yizhan::tools {

// A value. Equal outcomes are equal in every field.
struct Outcome {
  std::optional<std::string> ref;               // nothing for an unreadable line
  std::string final_state;                      // without CASE_; INVALID for malformed input
  std::string reason;                           // "" for none
  std::int64_t fee_fen = 0;                     // taken
  std::int64_t refund_fen = 0;                  // paid back
  std::optional<std::uint32_t> validity_years;  // nothing without a card; 0 long-term
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome InvalidOutcome(std::optional<std::string> ref, v1::ErrorReason reason);
Outcome NotAcceptedOutcome(const std::string& ref, v1::ErrorReason reason);
// What the accepting node's view says.
Outcome OutcomeOf(const std::string& ref, const v1::CaseView& accepting_view);

// One line of outcomes.jsonl, without line end; members in the order of
// expected.jsonl.
std::string OutcomeLine(const Outcome& outcome);
// CONFIG_INVALID with the line where the file is not of this form.
absl::StatusOr<std::vector<Outcome>> LoadExpected(const std::string& path);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_DEMO_OUTCOME_H_
