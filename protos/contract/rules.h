// Reading of dated rules (policy.proto): which one holds where and when.
#ifndef YIZHAN_PROTOS_CONTRACT_RULES_H_
#define YIZHAN_PROTOS_CONTRACT_RULES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/civil_time.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/policy.pb.h"

namespace yizhan::contract {

// Where and when a rule is asked for.
struct RuleQuestion {
  ProvinceCode accepting;
  ProvinceCode home;
  absl::CivilDay day;  // Asia/Shanghai
};

// CONFIG_INVALID naming list, index and field, for a wrong schema, malformed
// dates, missing mandatory rules (fee, validity, clocks).
absl::Status ValidatePolicy(const v1::Policy& policy);

// The answers below take a validated policy.
bool IsOffered(const v1::Policy& policy, const RuleQuestion& q, v1::Business business);
// Nothing for a business that is not offered.
std::optional<std::int64_t> FeeFen(const v1::Policy& policy, const RuleQuestion& q,
                                   v1::Business business);
bool IsScriptExcluded(const v1::Policy& policy, const RuleQuestion& q,
                      absl::string_view home_division, v1::CardScript script);
bool IsEvidenceEnough(const v1::Policy& policy, const RuleQuestion& q,
                      const v1::Evidence& evidence);
int GuardianUnderAge(const v1::Policy& policy, const RuleQuestion& q);
// 0: long-term.
std::uint32_t ValidityYears(const v1::Policy& policy, const RuleQuestion& q, int age);
std::optional<v1::ClockRule> ClockRuleFor(const v1::Policy& policy, const RuleQuestion& q,
                                          v1::ClockKind kind);
bool IsWorkingDay(const v1::Policy& policy, absl::CivilDay day);
// The day `days` after `from`, counting working days if the rule says so.
absl::CivilDay AddDays(const v1::Policy& policy, absl::CivilDay from, std::uint32_t days,
                       bool working_days);

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_RULES_H_
