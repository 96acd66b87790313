// Properties of the case machine itself.
#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "province_nodes/cases/transitions.h"

namespace yizhan::node {
namespace {

constexpr int kLastAct = static_cast<int>(CaseAct::kClosedNotAccepted);

std::set<v1::CaseState> Reachable(v1::CaseRole role) {
  std::set<v1::CaseState> seen = {v1::CASE_STATE_UNSPECIFIED};
  for (std::size_t before = 0; before != seen.size();) {
    before = seen.size();
    for (const Transition& t : AllTransitions()) {
      if (t.role == role && seen.count(t.from) != 0) seen.insert(t.to);
    }
  }
  return seen;
}

TEST(CaseTransitionsTest, EveryState_IsReachedInTheAcceptingView) {
  const std::set<v1::CaseState> seen = Reachable(v1::CASE_ROLE_ACCEPTING);
  for (int state = v1::CASE_APPLIED; state <= v1::CaseState_MAX; ++state) {
    EXPECT_EQ(seen.count(static_cast<v1::CaseState>(state)), 1U) << state;
  }
}

TEST(CaseTransitionsTest, HomeView_ReachesWhatItMirrors) {
  EXPECT_EQ(
      Reachable(v1::CASE_ROLE_HOME),
      (std::set<v1::CaseState>{
          v1::CASE_STATE_UNSPECIFIED, v1::CASE_APPLIED, v1::CASE_ELIGIBLE, v1::CASE_UNDER_REVIEW,
          v1::CASE_RECOLLECT, v1::CASE_SIGNED, v1::CASE_REFUSED, v1::CASE_REMAKE, v1::CASE_PRODUCED,
          v1::CASE_HANDED_OVER, v1::CASE_CLOSED_REFUSED, v1::CASE_NOT_ACCEPTED}));
}

TEST(CaseTransitionsTest, EveryActOutsideOfTheTable_IsRefused) {
  std::set<std::tuple<int, int, int>> allowed;
  for (const Transition& t : AllTransitions()) {
    const bool is_new = allowed.emplace(t.role, t.from, static_cast<int>(t.act)).second;
    EXPECT_TRUE(is_new) << "two transitions for one act: " << ActText(t.act);
  }
  int refused = 0;
  for (const v1::CaseRole role : {v1::CASE_ROLE_ACCEPTING, v1::CASE_ROLE_HOME}) {
    for (int state = 0; state <= v1::CaseState_MAX; ++state) {
      for (int act = 0; act <= kLastAct; ++act) {
        const bool expected = allowed.count({role, state, act}) != 0;
        EXPECT_EQ(NextState(role, static_cast<v1::CaseState>(state), static_cast<CaseAct>(act))
                      .has_value(),
                  expected);
        if (!expected) ++refused;
      }
    }
  }
  EXPECT_GT(refused, 600);
}

TEST(CaseTransitionsTest, EndStates_AreLeftByNothing) {
  for (const Transition& t : AllTransitions()) {
    EXPECT_NE(t.from, v1::CASE_HANDED_OVER);
    EXPECT_NE(t.from, v1::CASE_CLOSED_REFUSED);
    if (t.from == v1::CASE_NOT_ACCEPTED) {
      EXPECT_EQ(t.to, v1::CASE_NOT_ACCEPTED);
    }
  }
}

TEST(CaseTransitionsTest, EveryAct_HasWords) {
  for (int act = 0; act <= kLastAct; ++act) {
    EXPECT_FALSE(ActText(static_cast<CaseAct>(act)).empty()) << act;
  }
}

}  // namespace
}  // namespace yizhan::node
