// Validation of a policy, so that the answers of rules.h need no error.
#include <algorithm>
#include <set>
#include <string>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "protos/contract/fields.h"
#include "protos/contract/resident.h"
#include "protos/contract/rules.h"

namespace yizhan::contract {
namespace {

constexpr char kSchema[] = "yizhan-policy-1";
constexpr std::int64_t kMaxFeeFen = 1'000'000;
constexpr std::uint32_t kMaxAge = 150;
constexpr std::uint32_t kMaxDays = 3650;

absl::Status Invalid(absl::string_view where, absl::string_view what) {
  return MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, absl::StrCat("policy ", where, ": ", what),
                   "Correct the policy file and start again.");
}

bool IsDateOrEmpty(absl::string_view text) { return text.empty() || ParseDate(text).has_value(); }

const char* BrokenScope(const v1::RuleScope& s) {
  const FieldRule rules[] = {
      {s.accepting() == 0 || ProvinceCode(s.accepting()).valid(),
       "scope.accepting is not a province code"},
      {s.home() == 0 || ProvinceCode(s.home()).valid(), "scope.home is not a province code"},
      {IsDateOrEmpty(s.valid_from()), "scope.valid_from is not a date (YYYY-MM-DD)"},
      {IsDateOrEmpty(s.valid_until()), "scope.valid_until is not a date (YYYY-MM-DD)"},
      {s.valid_until().empty() || s.valid_from() < s.valid_until(),
       "scope.valid_until is not after scope.valid_from"},
  };
  return FirstBroken(rules);
}

bool IsNationalWithoutEnd(const v1::RuleScope& s) {
  return s.accepting() == 0 && s.home() == 0 && s.valid_until().empty();
}

// `broken` says what is wrong with a rule; `about` what it answers: two rules
// that answer the same, for the same scope from the same day, contradict.
template <typename Rules, typename Broken, typename About>
absl::Status CheckList(const Rules& rules, absl::string_view list, Broken broken, About about) {
  std::set<std::tuple<std::string, std::uint32_t, std::uint32_t, std::string>> seen;
  for (int i = 0; i < rules.size(); ++i) {
    const v1::RuleScope& scope = rules[i].scope();
    const std::string where = absl::StrCat(list, "[", i, "]");
    if (const char* text = BrokenScope(scope); text != nullptr) return Invalid(where, text);
    if (const char* text = broken(rules[i]); text != nullptr) return Invalid(where, text);
    if (!seen.emplace(about(rules[i]), scope.accepting(), scope.home(), scope.valid_from())
             .second) {
      return Invalid(where, "another rule answers the same, for the same scope from the same day");
    }
  }
  return absl::OkStatus();
}

template <typename Values>
bool AllKnown(const Values& values, bool (*is_valid)(int)) {
  return std::all_of(values.begin(), values.end(),
                     [is_valid](int value) { return value != 0 && is_valid(value); });
}

const char* BrokenFee(const v1::FeeRule& r) {
  if (!IsKnown<v1::Business>(r.business(), v1::Business_IsValid)) return "business is unknown";
  return r.fee_fen() < 0 || r.fee_fen() > kMaxFeeFen ? "fee_fen is outside 0 to 1000000" : nullptr;
}

const char* BrokenBusiness(const v1::BusinessRule& r) {
  return IsKnown<v1::Business>(r.business(), v1::Business_IsValid) ? nullptr
                                                                   : "business is unknown";
}

const char* BrokenExclusion(const v1::ScriptExclusionRule& r) {
  const std::string& prefix = r.home_prefix();
  const bool digits = std::all_of(prefix.begin(), prefix.end(), absl::ascii_isdigit);
  if (!digits || (prefix.size() != 4 && prefix.size() != 6)) {
    return "home_prefix must have 4 or 6 digits";
  }
  return AllKnown(r.scripts(), v1::CardScript_IsValid) ? nullptr : "scripts has an unknown script";
}

const char* BrokenEvidence(const v1::EvidenceRule& r) {
  const FieldRule rules[] = {
      {IsKnown<v1::EvidenceKind>(r.kind(), v1::EvidenceKind_IsValid), "kind is unknown"},
      {AllKnown(r.issuer_levels(), v1::IssuerLevel_IsValid), "issuer_levels has an unknown level"},
      {AllKnown(r.shown_with(), v1::ShownWith_IsValid), "shown_with has an unknown paper"},
  };
  return FirstBroken(rules);
}

const char* BrokenGuardian(const v1::GuardianRule& r) {
  return r.under_age() > kMaxAge ? "under_age is above 150" : nullptr;
}

const char* BrokenValidity(const v1::ValidityRule& r) {
  const FieldRule rules[] = {
      {r.from_age() <= kMaxAge && r.to_age() <= kMaxAge, "an age is above 150"},
      {r.to_age() == 0 || r.to_age() >= r.from_age(), "to_age is below from_age"},
      {r.years() <= kMaxAge, "years is above 150"},
  };
  return FirstBroken(rules);
}

const char* BrokenClock(const v1::ClockRule& r) {
  const FieldRule rules[] = {
      {IsKnown<v1::ClockKind>(r.kind(), v1::ClockKind_IsValid), "kind is unknown"},
      {r.days() >= 1 && r.days() <= kMaxDays, "days is outside 1 to 3650"},
      {r.warn_before_days() <= r.days(), "warn_before_days is above days"},
  };
  return FirstBroken(rules);
}

absl::Status CheckLists(const v1::Policy& p) {
  const auto number = [](const auto& value) { return absl::StrCat(static_cast<int>(value)); };
  const auto business = [&](const auto& r) { return number(r.business()); };
  const auto kind = [&](const auto& r) { return number(r.kind()); };
  absl::Status s = CheckList(p.fees(), "fees", BrokenFee, business);
  if (s.ok()) s = CheckList(p.businesses(), "businesses", BrokenBusiness, business);
  if (s.ok()) {
    s = CheckList(p.script_exclusions(), "script_exclusions", BrokenExclusion,
                  [](const v1::ScriptExclusionRule& r) { return r.home_prefix(); });
  }
  if (s.ok()) s = CheckList(p.evidence(), "evidence", BrokenEvidence, kind);
  if (s.ok()) {
    s = CheckList(p.guardians(), "guardians", BrokenGuardian,
                  [](const v1::GuardianRule&) { return std::string(); });
  }
  if (s.ok()) {
    s = CheckList(p.validity(), "validity", BrokenValidity,
                  [](const v1::ValidityRule& r) { return absl::StrCat(r.from_age()); });
  }
  if (s.ok()) s = CheckList(p.clocks(), "clocks", BrokenClock, kind);
  return s;
}

// What a case cannot do without.
absl::Status CheckMandatory(const v1::Policy& p) {
  for (const v1::BusinessRule& offered : p.businesses()) {
    const bool has_fee = std::any_of(p.fees().begin(), p.fees().end(), [&](const v1::FeeRule& fee) {
      return fee.business() == offered.business();
    });
    if (offered.offered() && !has_fee) {
      return Invalid("fees", absl::StrCat("no fee for ", v1::Business_Name(offered.business()),
                                          ", which is offered"));
    }
  }
  for (std::uint32_t age = 0; age <= kMaxAge; ++age) {
    const bool covered =
        std::any_of(p.validity().begin(), p.validity().end(), [age](const v1::ValidityRule& r) {
          return IsNationalWithoutEnd(r.scope()) && r.from_age() <= age &&
                 (r.to_age() == 0 || age <= r.to_age());
        });
    if (!covered) {
      return Invalid("validity", absl::StrCat("no national rule without end for age ", age));
    }
  }
  for (int kind = v1::ClockKind_MIN + 1; kind <= v1::ClockKind_MAX; ++kind) {
    const bool covered =
        std::any_of(p.clocks().begin(), p.clocks().end(), [kind](const v1::ClockRule& r) {
          return r.kind() == kind && IsNationalWithoutEnd(r.scope());
        });
    if (!covered && v1::ClockKind_IsValid(kind)) {
      return Invalid("clocks", absl::StrCat("no national rule without end for ",
                                            v1::ClockKind_Name(static_cast<v1::ClockKind>(kind))));
    }
  }
  return absl::OkStatus();
}

template <typename Dates>
absl::Status CheckDates(const Dates& dates, absl::string_view list) {
  std::set<std::string> seen;
  for (int i = 0; i < dates.size(); ++i) {
    const std::string where = absl::StrCat(list, "[", i, "]");
    if (!ParseDate(dates[i]).has_value()) return Invalid(where, "not a date (YYYY-MM-DD)");
    if (!seen.insert(dates[i]).second) return Invalid(where, "listed twice");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidatePolicy(const v1::Policy& policy) {
  if (policy.schema() != kSchema) {
    return Invalid(
        "schema", absl::StrCat("is \"", policy.schema(), "\"; this build reads \"", kSchema, "\""));
  }
  if (absl::Status s = CheckLists(policy); !s.ok()) return s;
  if (absl::Status s = CheckDates(policy.holidays(), "holidays"); !s.ok()) return s;
  if (absl::Status s = CheckDates(policy.extra_working_days(), "extra_working_days"); !s.ok()) {
    return s;
  }
  for (const std::string& day : policy.extra_working_days()) {
    const auto& holidays = policy.holidays();
    if (std::find(holidays.begin(), holidays.end(), day) != holidays.end()) {
      return Invalid("extra_working_days", absl::StrCat(day, " is a holiday too"));
    }
  }
  return CheckMandatory(policy);
}

}  // namespace yizhan::contract
