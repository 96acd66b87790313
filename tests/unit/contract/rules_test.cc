#include "protos/contract/rules.h"

#include <functional>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/unit/contract/fixtures.h"

namespace yizhan::contract {
namespace {

using absl::CivilDay;
using ::testing::HasSubstr;

v1::Policy SmallPolicy() {
  v1::Policy policy;
  const char* const text = R"pb(
    schema: "yizhan-policy-1"
    fees {
      scope { valid_from: "2004-01-01" }
      business: EXPIRY_RENEWAL
      fee_fen: 2000
    }
    fees {
      scope { valid_from: "2004-01-01" }
      business: LOSS_REPLACEMENT
      fee_fen: 4000
    }
    fees {
      scope { accepting: 32 valid_from: "2015-11-01" valid_until: "2020-01-01" }
      business: LOSS_REPLACEMENT
      fee_fen: 2000
    }
    fees {
      scope { accepting: 32 home: 34 valid_from: "2016-01-01" }
      business: LOSS_REPLACEMENT
      fee_fen: 0
    }
    fees {
      scope { valid_from: "2018-01-01" }
      business: EXPIRY_RENEWAL
      fee_fen: 1500
    }
    businesses {
      scope { valid_from: "2004-01-01" }
      business: EXPIRY_RENEWAL
      offered: true
    }
    businesses {
      scope { valid_from: "2004-01-01" }
      business: LOSS_REPLACEMENT
      offered: true
    }
    businesses {
      scope { accepting: 51 }
      business: LOSS_REPLACEMENT
      offered: false
    }
    script_exclusions {
      home_prefix: "5132"
      scripts: [ TIBETAN, YI ]
    }
    script_exclusions { home_prefix: "513221" }
    script_exclusions {
      scope { accepting: 33 }
      home_prefix: "5132"
      scripts: [ YI ]
    }
    evidence {
      kind: RESIDENCE_PERMIT
      issuer_levels: [ CITY ]
    }
    evidence {
      kind: RESIDENCE_REGISTRATION
      shown_with: [ ID_CARD, HOUSEHOLD_BOOK ]
    }
    guardians { under_age: 16 }
    validity { from_age: 0 to_age: 15 years: 5 }
    validity { from_age: 16 to_age: 45 years: 10 }
    validity { from_age: 46 years: 0 }
    clocks { kind: CLOCK_CARD_ISSUED days: 60 warn_before_days: 15 }
    clocks { kind: CLOCK_REVIEW days: 5 }
    clocks {
      scope { home: 51 }
      kind: CLOCK_REVIEW
      days: 7
    }
    clocks { kind: CLOCK_FORWARD days: 3 working_days: true }
    clocks { kind: CLOCK_PRODUCTION days: 30 }
    clocks { kind: CLOCK_INFORM days: 2 }
    clocks { kind: CLOCK_REMAKE days: 5 }
    holidays: "2016-10-03"
    extra_working_days: "2016-10-08"
  )pb";
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &policy));
  return policy;
}

RuleQuestion At(std::uint32_t accepting, std::uint32_t home, CivilDay day = CivilDay(2016, 7, 1)) {
  return {ProvinceCode(accepting), ProvinceCode(home), day};
}

TEST(Policy, Small_IsValid) { EXPECT_EQ(ValidatePolicy(SmallPolicy()), absl::OkStatus()); }

TEST(Policy, EachFault_IsRefusedNamingListAndField) {
  const std::pair<const char*, std::function<void(v1::Policy&)>> cases[] = {
      {"schema", [](auto& p) { p.set_schema("yizhan-policy-2"); }},
      {"fees[0]: scope.valid_from",
       [](auto& p) { p.mutable_fees(0)->mutable_scope()->set_valid_from("2004-1-1"); }},
      {"fees[2]: scope.valid_until",
       [](auto& p) { p.mutable_fees(2)->mutable_scope()->set_valid_until("2015-11-01"); }},
      {"fees[1]: scope.accepting",
       [](auto& p) { p.mutable_fees(1)->mutable_scope()->set_accepting(5); }},
      {"fees[1]: scope.home", [](auto& p) { p.mutable_fees(1)->mutable_scope()->set_home(100); }},
      {"fees[1]: business", [](auto& p) { p.mutable_fees(1)->clear_business(); }},
      {"fees[1]: fee_fen", [](auto& p) { p.mutable_fees(1)->set_fee_fen(-1); }},
      {"fees[5]: another rule", [](auto& p) { *p.add_fees() = p.fees(0); }},
      {"no fee for DAMAGE_RENEWAL",
       [](auto& p) { p.mutable_businesses(0)->set_business(v1::DAMAGE_RENEWAL); }},
      {"businesses[0]: business",
       [](auto& p) { p.mutable_businesses(0)->set_business(static_cast<v1::Business>(99)); }},
      {"script_exclusions[0]: home_prefix",
       [](auto& p) { p.mutable_script_exclusions(0)->set_home_prefix("51321"); }},
      {"script_exclusions[0]: scripts",
       [](auto& p) { p.mutable_script_exclusions(0)->add_scripts(v1::CARD_SCRIPT_UNSPECIFIED); }},
      {"evidence[0]: kind", [](auto& p) { p.mutable_evidence(0)->clear_kind(); }},
      {"evidence[0]: issuer_levels",
       [](auto& p) { p.mutable_evidence(0)->add_issuer_levels(static_cast<v1::IssuerLevel>(9)); }},
      {"guardians[0]: under_age", [](auto& p) { p.mutable_guardians(0)->set_under_age(151); }},
      {"validity[0]: to_age",
       [](auto& p) {
         p.mutable_validity(1)->set_to_age(3), p.mutable_validity()->DeleteSubrange(0, 1);
       }},
      {"no national rule without end for age 46",
       [](auto& p) { p.mutable_validity()->RemoveLast(); }},
      {"no national rule without end for age 16",
       [](auto& p) { p.mutable_validity(1)->mutable_scope()->set_accepting(32); }},
      {"clocks[0]: kind", [](auto& p) { p.mutable_clocks(0)->clear_kind(); }},
      {"clocks[0]: days", [](auto& p) { p.mutable_clocks(0)->set_days(0); }},
      {"clocks[1]: warn_before_days",
       [](auto& p) { p.mutable_clocks(1)->set_warn_before_days(6); }},
      {"CLOCK_REMAKE", [](auto& p) { p.mutable_clocks()->RemoveLast(); }},
      {"CLOCK_REMAKE",
       [](auto& p) { p.mutable_clocks(6)->mutable_scope()->set_valid_until("2030-01-01"); }},
      {"holidays[1]: not a date", [](auto& p) { p.add_holidays("2016-02-30"); }},
      {"holidays[1]: listed twice", [](auto& p) { p.add_holidays("2016-10-03"); }},
      {"2016-10-08 is a holiday too", [](auto& p) { p.add_holidays("2016-10-08"); }},
  };
  for (const auto& [text, alter] : cases) {
    v1::Policy policy = SmallPolicy();
    alter(policy);
    const absl::Status status = ValidatePolicy(policy);
    EXPECT_EQ(Reason(status), "CONFIG_INVALID") << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
  }
}

TEST(Rules, MostSpecialScope_Wins) {
  const v1::Policy p = SmallPolicy();
  EXPECT_EQ(FeeFen(p, At(31, 34), v1::LOSS_REPLACEMENT), 4000);
  EXPECT_EQ(FeeFen(p, At(32, 33), v1::LOSS_REPLACEMENT), 2000);
  EXPECT_EQ(FeeFen(p, At(32, 34), v1::LOSS_REPLACEMENT), 0);
}

TEST(Rules, DayDecidesWithTheEndNotIncluded) {
  const v1::Policy p = SmallPolicy();
  const auto fee = [&](CivilDay day) { return FeeFen(p, At(32, 33, day), v1::LOSS_REPLACEMENT); };
  EXPECT_EQ(fee(CivilDay(2015, 10, 31)), 4000);
  EXPECT_EQ(fee(CivilDay(2015, 11, 1)), 2000);
  EXPECT_EQ(fee(CivilDay(2019, 12, 31)), 2000);
  EXPECT_EQ(fee(CivilDay(2020, 1, 1)), 4000);
}

TEST(Rules, LatestOfEqualScope_Wins) {
  const v1::Policy p = SmallPolicy();
  EXPECT_EQ(FeeFen(p, At(31, 34, CivilDay(2017, 12, 31)), v1::EXPIRY_RENEWAL), 2000);
  EXPECT_EQ(FeeFen(p, At(31, 34, CivilDay(2018, 1, 1)), v1::EXPIRY_RENEWAL), 1500);
}

TEST(Rules, NotOffered_HasNoFee) {
  const v1::Policy p = SmallPolicy();
  EXPECT_FALSE(IsOffered(p, At(51, 34), v1::LOSS_REPLACEMENT));
  EXPECT_FALSE(FeeFen(p, At(51, 34), v1::LOSS_REPLACEMENT).has_value());
  EXPECT_FALSE(IsOffered(p, At(32, 34), v1::TEMPORARY_CARD));
  EXPECT_FALSE(IsOffered(p, At(32, 34, CivilDay(2003, 12, 31)), v1::EXPIRY_RENEWAL));
}

TEST(Rules, ScriptExclusion_LongerPrefixAndSpecialScopeWin) {
  const v1::Policy p = SmallPolicy();
  EXPECT_TRUE(IsScriptExcluded(p, At(32, 51), "513201", v1::TIBETAN));
  EXPECT_FALSE(IsScriptExcluded(p, At(32, 51), "513201", v1::HAN));
  EXPECT_FALSE(IsScriptExcluded(p, At(32, 51), "513301", v1::TIBETAN));
  EXPECT_FALSE(IsScriptExcluded(p, At(32, 51), "513221", v1::TIBETAN));
  EXPECT_FALSE(IsScriptExcluded(p, At(33, 51), "513201", v1::TIBETAN));
  EXPECT_TRUE(IsScriptExcluded(p, At(33, 51), "513201", v1::YI));
}

TEST(Rules, Evidence_IsEnoughByLevelOrPaper) {
  const v1::Policy p = SmallPolicy();
  const auto enough = [&](v1::EvidenceKind kind, v1::IssuerLevel level, v1::ShownWith with) {
    v1::Evidence e;
    e.set_kind(kind);
    e.set_issuer_level(level);
    e.set_shown_with(with);
    return IsEvidenceEnough(p, At(32, 34), e);
  };
  const auto no_level = v1::ISSUER_LEVEL_UNSPECIFIED;
  const auto nothing = v1::SHOWN_WITH_UNSPECIFIED;
  EXPECT_TRUE(enough(v1::RESIDENCE_PERMIT, v1::CITY, nothing));
  EXPECT_FALSE(enough(v1::RESIDENCE_PERMIT, v1::COUNTY, nothing));
  EXPECT_FALSE(enough(v1::RESIDENCE_PERMIT, no_level, v1::ID_CARD));
  EXPECT_TRUE(enough(v1::RESIDENCE_REGISTRATION, no_level, v1::ID_CARD));
  EXPECT_TRUE(enough(v1::RESIDENCE_REGISTRATION, no_level, v1::HOUSEHOLD_BOOK));
  EXPECT_FALSE(enough(v1::RESIDENCE_REGISTRATION, no_level, nothing));
  EXPECT_FALSE(enough(v1::EVIDENCE_KIND_UNSPECIFIED, v1::CITY, v1::ID_CARD));
}

TEST(Rules, ValidityAndGuardian_GoByAge) {
  const v1::Policy p = SmallPolicy();
  EXPECT_EQ(GuardianUnderAge(p, At(32, 34)), 16);
  EXPECT_EQ(ValidityYears(p, At(32, 34), 15), 5u);
  EXPECT_EQ(ValidityYears(p, At(32, 34), 16), 10u);
  EXPECT_EQ(ValidityYears(p, At(32, 34), 45), 10u);
  EXPECT_EQ(ValidityYears(p, At(32, 34), 46), 0u);
}

TEST(Rules, ValidityBeforeTheFirstRule_IsNotLongTermByAccident) {
  v1::Policy p = SmallPolicy();
  for (auto& rule : *p.mutable_validity()) rule.mutable_scope()->set_valid_from("2004-01-01");
  EXPECT_EQ(ValidityYears(p, At(32, 34, CivilDay(2003, 1, 1)), 10), 5u);
}

TEST(Rules, Clock_OfTheHomeProvinceWinsOverTheNational) {
  const v1::Policy p = SmallPolicy();
  EXPECT_EQ(ClockRuleFor(p, At(32, 34), v1::CLOCK_REVIEW)->days(), 5u);
  EXPECT_EQ(ClockRuleFor(p, At(32, 51), v1::CLOCK_REVIEW)->days(), 7u);
  EXPECT_FALSE(ClockRuleFor(p, At(32, 51), v1::CLOCK_KIND_UNSPECIFIED).has_value());
}

TEST(Rules, WorkingDays_HonourHolidaysAndExtraDays) {
  const v1::Policy p = SmallPolicy();
  EXPECT_TRUE(IsWorkingDay(p, CivilDay(2016, 9, 30)));
  EXPECT_FALSE(IsWorkingDay(p, CivilDay(2016, 10, 1)));  // Saturday
  EXPECT_FALSE(IsWorkingDay(p, CivilDay(2016, 10, 3)));  // holiday
  EXPECT_TRUE(IsWorkingDay(p, CivilDay(2016, 10, 8)));   // Saturday that is worked
  EXPECT_EQ(AddDays(p, CivilDay(2016, 9, 30), 1, true), CivilDay(2016, 10, 4));
  EXPECT_EQ(AddDays(p, CivilDay(2016, 10, 6), 2, true), CivilDay(2016, 10, 8));
  EXPECT_EQ(AddDays(p, CivilDay(2016, 9, 30), 3, false), CivilDay(2016, 10, 3));
  EXPECT_EQ(AddDays(p, CivilDay(2016, 9, 30), 0, true), CivilDay(2016, 9, 30));
}

}  // namespace
}  // namespace yizhan::contract
