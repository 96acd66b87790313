#include "province_nodes/cases/clocks.h"

#include <algorithm>
#include <optional>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "protos/contract/ids.h"
#include "protos/contract/resident.h"
#include "protos/contract/rules.h"

namespace yizhan::node {
namespace {

constexpr v1::CaseRole kA = v1::CASE_ROLE_ACCEPTING;
constexpr v1::CaseRole kH = v1::CASE_ROLE_HOME;

struct ClockEffect {
  v1::CaseRole role;
  CaseAct act;
  bool starts;  // else it meets
  v1::ClockKind kind;
};

constexpr ClockEffect kEffects[] = {
    {kA, CaseAct::kApply, true, v1::CLOCK_CARD_ISSUED},
    {kA, CaseAct::kAnswerNegative, false, v1::CLOCK_CARD_ISSUED},
    {kA, CaseAct::kQueryFailed, false, v1::CLOCK_CARD_ISSUED},
    {kA, CaseAct::kRefused, false, v1::CLOCK_CARD_ISSUED},
    {kA, CaseAct::kRefused, true, v1::CLOCK_INFORM},
    {kA, CaseAct::kInformed, false, v1::CLOCK_INFORM},
    {kA, CaseAct::kSigned, true, v1::CLOCK_PRODUCTION},
    // What was signed will not be made as it is; a new signature starts anew.
    {kA, CaseAct::kCentreQualityFeedback, false, v1::CLOCK_PRODUCTION},
    {kA, CaseAct::kCentreQualityFeedback, false, v1::CLOCK_REMAKE},
    {kA, CaseAct::kProductionFailed, true, v1::CLOCK_REMAKE},
    {kA, CaseAct::kProductionMade, false, v1::CLOCK_REMAKE},
    {kA, CaseAct::kProductionMade, false, v1::CLOCK_PRODUCTION},
    {kA, CaseAct::kReady, false, v1::CLOCK_CARD_ISSUED},
    {kA, CaseAct::kReady, true, v1::CLOCK_INFORM},
    {kA, CaseAct::kToldReady, false, v1::CLOCK_INFORM},
    {kA, CaseAct::kHandedOver, false, v1::CLOCK_INFORM},

    {kH, CaseAct::kAcceptanceReceived, true, v1::CLOCK_REVIEW},
    {kH, CaseAct::kRetake, true, v1::CLOCK_REVIEW},
    {kH, CaseAct::kQualityFeedback, false, v1::CLOCK_REVIEW},
    {kH, CaseAct::kRefused, false, v1::CLOCK_REVIEW},
    {kH, CaseAct::kSigned, false, v1::CLOCK_REVIEW},
    // Met by the receipt of the decision (OnPassage).
    {kH, CaseAct::kSigned, true, v1::CLOCK_FORWARD},
};

// The first moment after `day` in Shanghai.
std::int64_t EndOfDay(absl::CivilDay day) {
  return absl::ToUnixMicros(absl::FromCivil(day + 1, absl::FixedTimeZone(8 * 60 * 60)));
}

v1::CaseClock* OpenClock(v1::ClockKind kind, cases::CaseRecord& record) {
  for (v1::CaseClock& clock : *record.mutable_clocks()) {
    if (clock.kind() == kind && clock.met_unix_us() == 0) return &clock;
  }
  return nullptr;
}

void StartClock(const v1::Policy& policy, v1::ClockKind kind, std::int64_t at_us,
                cases::CaseRecord& record) {
  if (OpenClock(kind, record) != nullptr) return;
  const absl::CivilDay day = contract::ShanghaiDay(absl::FromUnixMicros(at_us));
  const contract::RuleQuestion where{contract::ProvinceCode(record.accepting()),
                                     contract::ProvinceCode(record.home()), day};
  const std::optional<v1::ClockRule> rule = contract::ClockRuleFor(policy, where, kind);
  if (!rule.has_value()) return;  // no limit of this kind here and now
  const absl::CivilDay last = contract::AddDays(policy, day, rule->days(), rule->working_days());
  v1::CaseClock& clock = *record.add_clocks();
  clock.set_kind(kind);
  clock.set_started_unix_us(at_us);
  clock.set_due_unix_us(EndOfDay(last));
  clock.set_warns_unix_us(
      std::max(at_us, EndOfDay(last - static_cast<int>(rule->warn_before_days()))));
}

}  // namespace

void ApplyClocks(const v1::Policy& policy, CaseAct act, std::int64_t at_us,
                 cases::CaseRecord& record) {
  for (const ClockEffect& effect : kEffects) {
    if (effect.role != record.role() || effect.act != act) continue;
    if (effect.starts) {
      StartClock(policy, effect.kind, at_us, record);
    } else {
      MeetClock(effect.kind, at_us, record);
    }
  }
}

void MeetClock(v1::ClockKind kind, std::int64_t at_us, cases::CaseRecord& record) {
  v1::CaseClock* clock = OpenClock(kind, record);
  if (clock != nullptr) clock->set_met_unix_us(std::max(at_us, clock->started_unix_us()));
}

v1::ClockStatus StatusOf(const v1::CaseClock& clock, std::int64_t as_of_us) {
  if (clock.met_unix_us() != 0) {
    return clock.met_unix_us() < clock.due_unix_us() ? v1::CLOCK_MET : v1::CLOCK_MET_LATE;
  }
  if (as_of_us >= clock.due_unix_us()) return v1::CLOCK_BREACHED;
  return as_of_us >= clock.warns_unix_us() ? v1::CLOCK_WARNING : v1::CLOCK_RUNNING;
}

}  // namespace yizhan::node
