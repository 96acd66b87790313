// What the checker allows, and what not, where disks were lost.
#include "tests/simulation/checker_fixture.h"

namespace yizhan::simulation {
namespace {

class LostDiskTest : public CheckerTest {
 protected:
  void BackUp(std::uint32_t province) {
    h.events.push_back({Kind::kBackedUp, {province, 0, "", 1}, "", 30});
  }
  void Restore(std::uint32_t province) {
    h.events.push_back({Kind::kRestored, {province, 0, "", 1}, "", 40});
  }
  void WipeBroker() { h.events.push_back({Kind::kBrokerWiped, {}, "", 40}); }
};

TEST_F(LostDiskTest, RecipientRestored_AppliesOnceMore) {
  BackUp(34);
  Deliver(kFirst);
  Restore(34);
  Apply(kFirst, 50);
  EXPECT_THAT(CheckHistory(h), IsEmpty());
  Apply(kFirst, 60);
  EXPECT_THAT(CheckHistory(h), ::testing::Contains(StartsWith("second-effect: ")));
}

TEST_F(LostDiskTest, RecipientRestoredThatNeverGetsItBack_IsSeen) {
  BackUp(34);
  Deliver(kFirst);
  Restore(34);
  ExpectRule("receipt-first");
}

TEST_F(LostDiskTest, WhatTheBackupHas_IsAppliedNoMore) {
  Deliver(kFirst);
  BackUp(34);
  Restore(34);
  EXPECT_THAT(CheckHistory(h), IsEmpty());
  Apply(kFirst, 50);
  EXPECT_THAT(CheckHistory(h), ::testing::Contains(StartsWith("second-effect: ")));
}

TEST_F(LostDiskTest, SenderThatForgotWhatWasExchanged_IsSeen) {
  BackUp(32);
  Deliver(kFirst);
  Restore(32);
  h.last_known.erase(kFirst);
  ExpectRule("lost");
}

TEST_F(LostDiskTest, SenderThatForgotWhatTheBrokerHolds_IsSeen) {
  BackUp(32);
  Send(kFirst);
  Restore(32);
  h.last_known.erase(kFirst);
  ExpectRule("lost");
}

TEST_F(LostDiskTest, SenderThatForgotWhatCameToNobody_MayNumberItAnew) {
  BackUp(32);
  h.events.push_back({Kind::kMade, kFirst, "d0", 30});
  Restore(32);
  Deliver(kFirst);
  EXPECT_THAT(CheckHistory(h), IsEmpty());
}

TEST_F(LostDiskTest, SenderThatNumbersAnewWhatWasApplied_IsSeen) {
  BackUp(32);
  Deliver(kFirst);
  Restore(32);
  h.events.push_back({Kind::kMade, kFirst, "d0", 50});
  ExpectRule("two-headers");
}

TEST_F(LostDiskTest, BrokerWiped_LosesNoMessageOfASenderWithItsDisk) {
  Send(kFirst);
  WipeBroker();
  ExpectRule("lost");
}

TEST_F(LostDiskTest, BrokerWipedAndSenderRestored_WhatOnlyTheyHadIsGone) {
  BackUp(32);
  Send(kFirst);
  WipeBroker();
  Restore(32);
  h.last_known.erase(kFirst);
  EXPECT_THAT(CheckHistory(h), IsEmpty());
}

TEST_F(LostDiskTest, CutThatTheWipedBrokerHasNotHeardOfYet_IsNotItsFault) {
  h.events.push_back({Kind::kPairCut, {32, 34, "", 7}, "", 5});
  h.events.push_back({Kind::kPairCut, {34, 32, "", 8}, "", 6});
  WipeBroker();
  h.events.push_back({Kind::kBrokerKnows, {0, 0, "", 6}, "", 50});
  Send(kFirst, 50);
  Apply(kFirst);
  Receipt(kFirst);
  EXPECT_THAT(CheckHistory(h), IsEmpty());
  h.events.push_back({Kind::kBrokerKnows, {0, 0, "", 8}, "", 60});
  Send(kSecond, 60);
  Apply(kSecond);
  Receipt(kSecond);
  ExpectRule("closed-route");
}

TEST_F(LostDiskTest, LogThatTheNewOneForgets_IsSeen) {
  h.seen_of_lost_log[34] = {"ab", 5};
  h.earlier_logs = {{"ab", 5}};
  EXPECT_THAT(CheckHistory(h), IsEmpty());
  h.earlier_logs = {{"ab", 4}};
  ExpectRule("log-forgotten");
}

}  // namespace
}  // namespace yizhan::simulation
