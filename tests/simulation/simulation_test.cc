// The simulation itself: that it repeats, that it shortens stories, and that it
// works with real cryptography as with the toy suite.
#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/scenario.h"
#include "tests/simulation/story.h"

namespace yizhan::simulation {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(Simulation, RealCryptography_NothingLostNothingTwice) {
  for (const std::uint64_t seed : {3, 8, 12}) {
    ScenarioOptions options;
    options.real_crypto = true;
    const ScenarioResult result = RunScenario(MakePlan(seed), options);
    EXPECT_THAT(result.violations, IsEmpty()) << "seed " << seed;
  }
}

TEST(Simulation, SameSeed_SameBytes) {
  for (const std::uint64_t seed : {5, 7}) {
    const ScenarioResult one = RunScenario(MakePlan(seed));
    const ScenarioResult two = RunScenario(MakePlan(seed));
    EXPECT_EQ(one.state_digest, two.state_digest) << "seed " << seed;
    EXPECT_EQ(one.events, two.events);
  }
}

TEST(Simulation, OtherSeed_OtherBytes) {
  EXPECT_NE(RunScenario(MakePlan(5)).state_digest, RunScenario(MakePlan(6)).state_digest);
}

TEST(Story, TwoFaultsAndOneResidentMatter_OthersAreLeftOut) {
  const Plan plan = MakePlan(9);
  ASSERT_GT(plan.injections.size(), 10u);
  const auto has = [](const Plan& p, std::uint64_t number) {
    return std::any_of(p.injections.begin(), p.injections.end(),
                       [&](const Injection& i) { return i.number == number; });
  };
  const auto fails = [&](const Plan& p) {
    return has(p, 3) && has(p, 8) &&
           std::any_of(p.residents.begin(), p.residents.end(),
                       [](const ResidentPlan& r) { return r.number == 4; });
  };
  const Plan shorter = Shrink(plan, fails, 300);
  EXPECT_THAT(shorter.injections, SizeIs(2));
  EXPECT_THAT(shorter.residents, SizeIs(1));
  EXPECT_TRUE(fails(shorter));
  EXPECT_FALSE(shorter.lying_peer);
}

TEST(Story, Violation_IsToldWithItsMessage) {
  ScenarioResult result;
  result.history.events = {
      {HistoryEvent::Kind::kApplied, {32, 34, "aabbccdd00", 2}, "", 1790000001000000},
      {HistoryEvent::Kind::kApplied, {32, 34, "ffffffff00", 1}, "", 1790000001000000}};
  result.violations = {"second-effect: 32->34 case aabbccdd #2"};
  const std::string story = TellStory(MakePlan(1), result);
  EXPECT_THAT(story, HasSubstr("seed 1"));
  EXPECT_THAT(story, HasSubstr("VIOLATED second-effect"));
  EXPECT_THAT(story, HasSubstr("32->34 case aabbccdd #2  APPLIED"));
  EXPECT_THAT(story, ::testing::Not(HasSubstr("case ffffffff")));
  EXPECT_THAT(BrokenRules(result.violations), ElementsAre("second-effect"));
}

}  // namespace
}  // namespace yizhan::simulation
