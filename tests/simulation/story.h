// What a failing seed tells people: the shortest list of faults and residents
// with which it still fails, and what happened to the messages concerned.
#ifndef YIZHAN_TESTS_SIMULATION_STORY_H_
#define YIZHAN_TESTS_SIMULATION_STORY_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/simulation/plan.h"
#include "tests/simulation/scenario.h"

namespace yizhan::simulation {

// Leaves out residents and injections, and lets liars be honest, as long as
// `fails` says that the plan still fails; asks at most `budget` times.
Plan Shrink(Plan plan, const std::function<bool(const Plan&)>& fails, int budget);

// The rules that were broken, e.g. "second-effect".
std::vector<std::string> BrokenRules(const std::vector<std::string>& violations);

// Plan, violations, and the events of every message that a violation names.
std::string TellStory(const Plan& plan, const ScenarioResult& result);

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_STORY_H_
