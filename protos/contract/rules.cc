#include "protos/contract/rules.h"

#include <algorithm>
#include <string>
#include <tuple>

#include "absl/strings/match.h"
#include "protos/contract/resident.h"

namespace yizhan::contract {
namespace {

// How special a scope is, or nothing where it does not fit. Greater wins:
// route, then accepting province, then home province, then national; within
// these, the latest valid_from (dates of this form sort as text).
struct Rank {
  int place;
  std::string valid_from;
  std::size_t prefix = 0;
  friend bool operator<(const Rank& a, const Rank& b) {
    return std::tie(a.place, a.prefix, a.valid_from) < std::tie(b.place, b.prefix, b.valid_from);
  }
};

bool Holds(const v1::RuleScope& scope, absl::CivilDay day) {
  const std::string on = FormatDate(day);
  return (scope.valid_from().empty() || scope.valid_from() <= on) &&
         (scope.valid_until().empty() || on < scope.valid_until());
}

std::optional<Rank> RankOf(const v1::RuleScope& scope, const RuleQuestion& q) {
  const bool fits = (scope.accepting() == 0 || scope.accepting() == q.accepting.value()) &&
                    (scope.home() == 0 || scope.home() == q.home.value());
  if (!fits || !Holds(scope, q.day)) return std::nullopt;
  return Rank{(scope.accepting() != 0 ? 2 : 0) + (scope.home() != 0 ? 1 : 0), scope.valid_from()};
}

// The most special of the rules that fit and satisfy `about`; of equals, the
// first. `prefix` tells how much of a home prefix a rule names.
template <typename Rules, typename About, typename Prefix>
auto Best(const Rules& rules, const RuleQuestion& q, About about, Prefix prefix)
    -> decltype(&*rules.begin()) {
  decltype(&*rules.begin()) best = nullptr;
  std::optional<Rank> best_rank;
  for (const auto& rule : rules) {
    if (!about(rule)) continue;
    std::optional<Rank> rank = RankOf(rule.scope(), q);
    if (!rank.has_value()) continue;
    rank->prefix = prefix(rule);
    if (!best_rank.has_value() || *best_rank < *rank) {
      best = &rule;
      best_rank = std::move(rank);
    }
  }
  return best;
}

template <typename Rules, typename About>
auto Best(const Rules& rules, const RuleQuestion& q, About about) {
  return Best(rules, q, about, [](const auto&) { return std::size_t{0}; });
}

template <typename Values, typename Value>
bool AnyOrContains(const Values& values, Value value) {
  return values.empty() || std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

bool IsOffered(const v1::Policy& policy, const RuleQuestion& q, v1::Business business) {
  const v1::BusinessRule* rule = Best(
      policy.businesses(), q, [&](const v1::BusinessRule& r) { return r.business() == business; });
  return rule != nullptr && rule->offered();
}

std::optional<std::int64_t> FeeFen(const v1::Policy& policy, const RuleQuestion& q,
                                   v1::Business business) {
  if (!IsOffered(policy, q, business)) return std::nullopt;
  const v1::FeeRule* rule =
      Best(policy.fees(), q, [&](const v1::FeeRule& r) { return r.business() == business; });
  if (rule == nullptr) return std::nullopt;
  return rule->fee_fen();
}

// A rule of a longer prefix wins over one of a shorter, so that one county can
// be taken out of its prefecture's exclusion.
bool IsScriptExcluded(const v1::Policy& policy, const RuleQuestion& q,
                      absl::string_view home_division, v1::CardScript script) {
  const v1::ScriptExclusionRule* rule = Best(
      policy.script_exclusions(), q,
      [&](const v1::ScriptExclusionRule& r) {
        return absl::StartsWith(home_division, r.home_prefix());
      },
      [](const v1::ScriptExclusionRule& r) { return r.home_prefix().size(); });
  return rule != nullptr &&
         std::find(rule->scripts().begin(), rule->scripts().end(), script) != rule->scripts().end();
}

bool IsEvidenceEnough(const v1::Policy& policy, const RuleQuestion& q,
                      const v1::Evidence& evidence) {
  const v1::EvidenceRule* rule = Best(
      policy.evidence(), q, [&](const v1::EvidenceRule& r) { return r.kind() == evidence.kind(); });
  return rule != nullptr && AnyOrContains(rule->issuer_levels(), evidence.issuer_level()) &&
         AnyOrContains(rule->shown_with(), evidence.shown_with());
}

int GuardianUnderAge(const v1::Policy& policy, const RuleQuestion& q) {
  const v1::GuardianRule* rule =
      Best(policy.guardians(), q, [](const v1::GuardianRule&) { return true; });
  return rule == nullptr ? 0 : static_cast<int>(rule->under_age());
}

std::uint32_t ValidityYears(const v1::Policy& policy, const RuleQuestion& q, int age) {
  const auto of_age = [&](const v1::ValidityRule& r) {
    return static_cast<int>(r.from_age()) <= age &&
           (r.to_age() == 0 || age <= static_cast<int>(r.to_age()));
  };
  if (const v1::ValidityRule* rule = Best(policy.validity(), q, of_age); rule != nullptr) {
    return rule->years();
  }
  // Before the first dated rule. 0 would mean long-term, so the first rule of
  // this age answers; a validated policy has one.
  for (const v1::ValidityRule& rule : policy.validity()) {
    if (of_age(rule)) return rule.years();
  }
  return 0;
}

std::optional<v1::ClockRule> ClockRuleFor(const v1::Policy& policy, const RuleQuestion& q,
                                          v1::ClockKind kind) {
  const v1::ClockRule* rule =
      Best(policy.clocks(), q, [&](const v1::ClockRule& r) { return r.kind() == kind; });
  if (rule == nullptr) return std::nullopt;
  return *rule;
}

bool IsWorkingDay(const v1::Policy& policy, absl::CivilDay day) {
  const std::string date = FormatDate(day);
  const auto& holidays = policy.holidays();
  const auto& extra = policy.extra_working_days();
  if (std::find(holidays.begin(), holidays.end(), date) != holidays.end()) return false;
  if (std::find(extra.begin(), extra.end(), date) != extra.end()) return true;
  const absl::Weekday weekday = absl::GetWeekday(day);
  return weekday != absl::Weekday::saturday && weekday != absl::Weekday::sunday;
}

absl::CivilDay AddDays(const v1::Policy& policy, absl::CivilDay from, std::uint32_t days,
                       bool working_days) {
  if (!working_days) return from + static_cast<int>(days);
  absl::CivilDay day = from;
  while (days > 0) {
    ++day;
    if (IsWorkingDay(policy, day)) --days;
  }
  return day;
}

}  // namespace yizhan::contract
