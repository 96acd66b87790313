// Runs seeds of the simulation and prints what was injected and found; see
// tools/dev/simulate.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/scenario.h"
#include "tests/simulation/story.h"

namespace yizhan::simulation {
namespace {

constexpr char kUsage[] =
    "usage: simulate [--seeds N] [--from S] [--twice-every K] [--every-kind] [--first-failure]\n"
    "                [--no-shrink]\n"
    "  --seeds N        how many seeds (default 100)\n"
    "  --from S         the first one (default 1)\n"
    "  --seed S         this one alone, with its story\n"
    "  --twice-every K  each K-th seed runs twice and must end in the same bytes (default 4)\n"
    "  --every-kind     a fault kind that was never injected fails the run\n"
    "  --first-failure  stops at the first seed that fails\n"
    "  --no-shrink      tells a failing seed's story as it is\n";

constexpr int kShrinkBudget = 300;

struct Flags {
  std::uint64_t seeds = 100;
  std::uint64_t from = 1;
  std::uint64_t twice_every = 4;
  bool story = false;
  bool every_kind = false;
  bool first_failure = false;
  bool shrink = true;
};

bool Parse(const std::vector<std::string>& args, Flags& flags) {
  for (std::size_t i = 0; i < args.size(); ++i) {
    const auto number = [&](std::uint64_t& out) {
      return i + 1 < args.size() && absl::SimpleAtoi(args[++i], &out);
    };
    if (args[i] == "--seeds") {
      if (!number(flags.seeds)) return false;
    } else if (args[i] == "--from") {
      if (!number(flags.from)) return false;
    } else if (args[i] == "--seed") {
      if (!number(flags.from)) return false;
      flags.seeds = 1;
      flags.story = true;
    } else if (args[i] == "--twice-every") {
      if (!number(flags.twice_every)) return false;
    } else if (args[i] == "--every-kind") {
      flags.every_kind = true;
    } else if (args[i] == "--first-failure") {
      flags.first_failure = true;
    } else if (args[i] == "--no-shrink") {
      flags.shrink = false;
    } else {
      return false;
    }
  }
  return true;
}

struct Totals {
  std::map<std::string, std::uint64_t> faults;
  absl::Duration virtual_time;
  std::uint64_t messages = 0;
  std::uint64_t noticed = 0;
  std::vector<std::uint64_t> failed;
};

void TellFailure(const Plan& plan, const ScenarioResult& result, bool shrink) {
  std::printf("seed %llu FAILED: %s\n", static_cast<unsigned long long>(plan.seed),
              absl::StrJoin(BrokenRules(result.violations), ", ").c_str());
  if (!shrink) {
    std::printf("%s", TellStory(plan, result).c_str());
    return;
  }
  const std::string rule = BrokenRules(result.violations).front();
  const Plan shorter = Shrink(
      plan,
      [&](const Plan& candidate) {
        const std::vector<std::string> rules = BrokenRules(RunScenario(candidate).violations);
        return std::find(rules.begin(), rules.end(), rule) != rules.end();
      },
      kShrinkBudget);
  std::printf("shortest story that still breaks %s (of %zu residents and %zu faults):\n%s",
              rule.c_str(), plan.residents.size(), plan.injections.size(),
              TellStory(shorter, RunScenario(shorter)).c_str());
}

void RunSeed(std::uint64_t seed, const Flags& flags, Totals& totals) {
  const Plan plan = MakePlan(seed);
  const ScenarioResult result = RunScenario(plan);
  totals.virtual_time += result.virtual_time;
  for (const auto& [kind, count] : result.history.faults) totals.faults[kind] += count;
  for (const HistoryEvent& event : result.history.events) {
    totals.messages += event.kind == HistoryEvent::Kind::kApplied;
    totals.noticed += event.kind == HistoryEvent::Kind::kNoticed;
  }
  if (!result.violations.empty()) {
    totals.failed.push_back(seed);
    TellFailure(plan, result, flags.shrink);
    return;
  }
  if (flags.story) std::printf("%s", TellStory(plan, result).c_str());
  const bool twice = flags.twice_every != 0 && seed % flags.twice_every == 0;
  if (twice && RunScenario(plan).state_digest != result.state_digest) {
    totals.failed.push_back(seed);
    std::printf("seed %llu FAILED: a second run ended in other bytes\n",
                static_cast<unsigned long long>(seed));
  }
}

int Main(const Flags& flags) {
  const auto begin = std::chrono::steady_clock::now();
  Totals totals;
  for (std::uint64_t seed = flags.from; seed < flags.from + flags.seeds; ++seed) {
    RunSeed(seed, flags, totals);
    if (flags.first_failure && !totals.failed.empty()) break;
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf(
      "simulate: seeds %llu to %llu, %s of virtual time, %llu messages applied, %llu ended "
      "without, %zu seeds failed, %.0f s\n",
      static_cast<unsigned long long>(flags.from),
      static_cast<unsigned long long>(flags.from + flags.seeds - 1),
      absl::FormatDuration(totals.virtual_time).c_str(),
      static_cast<unsigned long long>(totals.messages),
      static_cast<unsigned long long>(totals.noticed), totals.failed.size(), seconds);
  bool complete = true;
  for (const std::string& kind : EveryCountedKind()) {
    std::printf("  %-22s %llu\n", kind.c_str(),
                static_cast<unsigned long long>(totals.faults[kind]));
    if (totals.faults[kind] == 0) complete = false;
  }
  if (flags.every_kind && !complete) {
    std::printf("simulate: a kind of fault was never injected: the run shows nothing about it\n");
  }
  return totals.failed.empty() && (complete || !flags.every_kind) ? 0 : 1;
}

}  // namespace
}  // namespace yizhan::simulation

int main(int argc, char** argv) {
  yizhan::simulation::Flags flags;
  if (!yizhan::simulation::Parse({argv + 1, argv + argc}, flags)) {
    std::fprintf(stderr, "%s", yizhan::simulation::kUsage);
    return 2;
  }
  return yizhan::simulation::Main(flags);
}
