// Seeded runs of the real cores under faults, judged by the checker; and a
// checker that is itself shown to see what it must.
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/simulation/history.h"
#include "tests/simulation/scenario.h"

namespace yizhan::simulation {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = HistoryEvent::Kind;

TEST(Simulation, SeededFaults_NothingLostNothingTwice) {
  constexpr std::uint64_t kSeeds = 40;
  std::map<std::string, std::uint64_t> faults;
  absl::Duration total;
  std::uint64_t messages = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    ScenarioOptions options;
    options.seed = seed;
    const ScenarioResult result = RunScenario(options);
    const std::vector<std::string> wrong = CheckHistory(result.history);
    EXPECT_THAT(wrong, IsEmpty()) << "seed " << seed << ":\n" << absl::StrJoin(wrong, "\n");
    for (const auto& [kind, count] : result.history.faults) faults[kind] += count;
    for (const HistoryEvent& event : result.history.events)
      messages += event.kind == Kind::kApplied;
    total += result.virtual_time;
  }
  std::printf("%d seeds, %s of virtual time, %d messages applied; faults:\n",
              static_cast<int>(kSeeds), absl::FormatDuration(total).c_str(),
              static_cast<int>(messages));
  for (const char* kind : {"broker_crash", "node_crash", "both_crash", "write_lost", "write_kept",
                           "cut", "unreachable", "clock_jump"}) {
    std::printf("  %-13s %d\n", kind, static_cast<int>(faults[kind]));
    EXPECT_GT(faults[kind], 0u) << kind << " was never injected: the run shows nothing about it";
  }
}

TEST(Simulation, SameSeed_SameStory) {
  ScenarioOptions options;
  options.seed = 7;
  const ScenarioResult one = RunScenario(options);
  const ScenarioResult two = RunScenario(options);
  EXPECT_EQ(one.events, two.events);
  ASSERT_EQ(one.history.events.size(), two.history.events.size());
  for (std::size_t i = 0; i < one.history.events.size(); ++i) {
    EXPECT_EQ(one.history.events[i].message, two.history.events[i].message);
    EXPECT_EQ(one.history.events[i].header_digest_hex, two.history.events[i].header_digest_hex);
  }
}

// --- the checker ---

History Honest() {
  const MessageName first{32, 34, "aa", 1}, second{32, 34, "aa", 2};
  History h;
  h.events = {{Kind::kMade, first, "d1", ""},      {Kind::kApplied, first, "d1", ""},
              {Kind::kReceipted, first, "d1", ""}, {Kind::kMade, second, "d2", ""},
              {Kind::kApplied, second, "d2", ""},  {Kind::kReceipted, second, "d2", ""}};
  h.endings = {{"1", "X", "X", "X"}};
  return h;
}

TEST(Checker, HonestHistory_IsFine) { EXPECT_THAT(CheckHistory(Honest()), IsEmpty()); }

TEST(Checker, SecondEffect_IsSeen) {
  History h = Honest();
  h.events.push_back({Kind::kApplied, {32, 34, "aa", 2}, "d2", ""});
  EXPECT_THAT(CheckHistory(h), ::testing::Not(IsEmpty()));
}

TEST(Checker, EffectThatNobodySent_IsSeen) {
  History h = Honest();
  h.events[1].header_digest_hex = "forged";
  EXPECT_THAT(CheckHistory(h), SizeIs(1));
}

TEST(Checker, Overtaken_IsSeen) {
  History h = Honest();
  std::swap(h.events[1], h.events[4]);
  std::swap(h.events[2], h.events[5]);
  EXPECT_THAT(CheckHistory(h), ::testing::Not(IsEmpty()));
}

TEST(Checker, LostMessage_IsSeen) {
  History h = Honest();
  h.events.resize(4);
  EXPECT_THAT(CheckHistory(h), SizeIs(1));
}

TEST(Checker, ReceiptWithoutEffect_IsSeen) {
  History h = Honest();
  h.events.erase(h.events.begin() + 4);
  EXPECT_THAT(CheckHistory(h), SizeIs(1));
}

TEST(Checker, ViewsThatDisagree_AreSeen) {
  History h = Honest();
  h.endings[0].home_state = "Y";
  EXPECT_THAT(CheckHistory(h), SizeIs(1));
}

}  // namespace
}  // namespace yizhan::simulation
