// A small language for histories, for the tests of the checker.
#ifndef YIZHAN_TESTS_SIMULATION_CHECKER_FIXTURE_H_
#define YIZHAN_TESTS_SIMULATION_CHECKER_FIXTURE_H_

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/simulation/checker.h"

namespace yizhan::simulation {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Kind = HistoryEvent::Kind;

inline const MessageName kFirst{32, 34, "aa", 1};
inline const MessageName kSecond{32, 34, "aa", 2};

class CheckerTest : public ::testing::Test {
 protected:
  void Send(const MessageName& m, std::int64_t at = 0) {
    h.events.push_back({Kind::kMade, m, Digest(m), at});
    h.events.push_back({Kind::kStored, m, Digest(m), at + 1});
    h.last_known[m] = LastKnown::kAccepted;
  }
  void Apply(const MessageName& m, std::int64_t at = 10) {
    h.events.push_back({Kind::kApplied, m, Digest(m), at});
  }
  void Receipt(const MessageName& m) {
    h.events.push_back({Kind::kReceipted, m, Digest(m), 20});
    h.last_known[m] = LastKnown::kReceipted;
  }
  void Deliver(const MessageName& m) {
    Send(m);
    Apply(m);
    Receipt(m);
  }
  void GiveUp(const MessageName& m) {
    h.events.push_back({Kind::kNoticed, m, Digest(m), 20});
    h.last_known[m] = LastKnown::kNotDelivered;
  }
  static std::string Digest(const MessageName& m) { return "d" + std::to_string(m.sequence); }
  void ExpectRule(const std::string& rule) {
    EXPECT_THAT(CheckHistory(h), ElementsAre(StartsWith(rule + ": ")));
  }

  History h;
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_CHECKER_FIXTURE_H_
