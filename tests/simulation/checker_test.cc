// Each rule of the checker sees its violation, and nothing else in it.
#include "tests/simulation/checker_fixture.h"

namespace yizhan::simulation {
namespace {

TEST_F(CheckerTest, HonestHistory_IsFine) {
  Deliver(kFirst);
  Deliver(kSecond);
  h.endings = {{"1", "aa", "X", "X", "X"}};
  EXPECT_THAT(CheckHistory(h), IsEmpty());
}

TEST_F(CheckerTest, SecondEffect_IsSeen) {
  Deliver(kFirst);
  Apply(kFirst);
  const auto wrong = CheckHistory(h);
  EXPECT_THAT(wrong, ElementsAre(StartsWith("second-effect: "), StartsWith("out-of-order: ")));
}

TEST_F(CheckerTest, SecondEffectOfALiarsMessage_IsSeen) {
  h.liars = {32};
  Deliver(kFirst);
  Apply(kFirst);
  EXPECT_THAT(CheckHistory(h), ::testing::Contains(StartsWith("second-effect: ")));
}

TEST_F(CheckerTest, EffectThatNobodySent_IsSeen) {
  Deliver(kFirst);
  h.events[2].header_digest_hex = "forged";
  ExpectRule("nobody-sent");
}

TEST_F(CheckerTest, TwoHeadersForOneIdentity_AreSeen) {
  Deliver(kFirst);
  h.events.push_back({Kind::kMade, kFirst, "other", 30});
  ExpectRule("two-headers");
}

TEST_F(CheckerTest, Overtaken_IsSeen) {
  Send(kFirst);
  Send(kSecond);
  Apply(kSecond);
  Apply(kFirst);
  Receipt(kFirst);
  Receipt(kSecond);
  EXPECT_THAT(CheckHistory(h), ::testing::Contains(StartsWith("out-of-order: ")));
}

TEST_F(CheckerTest, NumberPassedOverThatNobodyEnded_IsSeen) {
  Deliver(kSecond);
  ExpectRule("hole");
}

TEST_F(CheckerTest, NumberPassedOverThatWasGivenUp_IsFine) {
  h.messages_may_expire = true;
  Send(kFirst);
  GiveUp(kFirst);
  Deliver(kSecond);
  EXPECT_THAT(CheckHistory(h), IsEmpty());
}

TEST_F(CheckerTest, AcknowledgedAndLost_IsSeen) {
  Send(kFirst);
  ExpectRule("lost");
}

TEST_F(CheckerTest, NeverAcknowledgedAndNeverEnded_IsSeen) {
  Send(kFirst);
  h.events.pop_back();
  ExpectRule("never-learned");
}

TEST_F(CheckerTest, NumberedAndNeverSent_IsSeen) {
  h.last_known[kFirst] = LastKnown::kWaiting;
  ExpectRule("never-learned");
}

TEST_F(CheckerTest, ReceiptWithoutEffect_IsSeen) {
  Send(kFirst);
  Receipt(kFirst);
  EXPECT_THAT(CheckHistory(h),
              ElementsAre(StartsWith("receipt-first: "), StartsWith("receipt-first: ")));
}

TEST_F(CheckerTest, ReceiptBeforeTheEffect_IsSeen) {
  Send(kFirst);
  Receipt(kFirst);
  Apply(kFirst);
  ExpectRule("receipt-first");
}

TEST_F(CheckerTest, AppliedButTheSenderWasToldOtherwise_IsSeen) {
  h.broker_lies = true;
  Send(kFirst);
  Apply(kFirst);
  GiveUp(kFirst);
  ExpectRule("unreceipted");
}

TEST_F(CheckerTest, NoticeAfterAReceipt_IsSeen) {
  Deliver(kFirst);
  h.events.push_back({Kind::kNoticed, kFirst, "d1", 30});
  ExpectRule("end-changed");
}

TEST_F(CheckerTest, StoredPastACutPair_IsSeen) {
  h.events.push_back({Kind::kPairCut, {32, 34, "", 0}, "", 5});
  h.events.push_back({Kind::kPairCut, {34, 32, "", 0}, "", 6});
  h.events.push_back({Kind::kMade, kFirst, "d1", 7});
  h.events.push_back({Kind::kStored, kFirst, "d1", 7});
  Apply(kFirst);
  Receipt(kFirst);
  ExpectRule("closed-route");
}

TEST_F(CheckerTest, HandedOutPastACutPair_IsSeen) {
  Send(kFirst);
  h.events.push_back({Kind::kPairCut, {32, 34, "", 0}, "", 5});
  h.events.push_back({Kind::kPairCut, {34, 32, "", 0}, "", 6});
  h.events.push_back({Kind::kHandedOut, kFirst, "", 7});
  Apply(kFirst);
  Receipt(kFirst);
  ExpectRule("closed-route");
}

TEST_F(CheckerTest, OldReceiptShownAfterTheCut_IsFine) {
  h.events.push_back({Kind::kMade, kFirst, "d1", 1});
  h.events.push_back({Kind::kPairCut, {32, 34, "", 0}, "", 5});
  h.events.push_back({Kind::kPairCut, {34, 32, "", 0}, "", 6});
  h.events.push_back({Kind::kStored, kFirst, "d1", 4});
  h.events.push_back({Kind::kRouteOpened, {32, 34, "", 0}, "", 8});
  h.events.push_back({Kind::kRouteOpened, {34, 32, "", 0}, "", 8});
  Apply(kFirst);
  Receipt(kFirst);
  EXPECT_THAT(CheckHistory(h), IsEmpty());
}

TEST_F(CheckerTest, NewCasePastASuspendedRoute_IsSeenAndARunningOneIsFine) {
  Deliver(kFirst);
  h.events.push_back({Kind::kRouteSuspended, {32, 34, "", 0}, "", 30});
  Send(kSecond, 40);
  Apply(kSecond);
  Receipt(kSecond);
  Send({34, 32, "aa", 1}, 50);  // the home province's first answer
  Apply({34, 32, "aa", 1});
  Receipt({34, 32, "aa", 1});
  EXPECT_THAT(CheckHistory(h), IsEmpty());
  Send({32, 34, "bb", 1}, 60);
  Apply({32, 34, "bb", 1});
  Receipt({32, 34, "bb", 1});
  ExpectRule("closed-route");
}

TEST_F(CheckerTest, ViewsThatDisagree_AreSeen) {
  h.endings = {{"1", "aa", "X", "X", "Y"}};
  ExpectRule("case-unfinished");
}

TEST_F(CheckerTest, CaseOfWhichAMessageWasGivenUp_MayEndOtherwise) {
  h.messages_may_expire = true;
  Send(kFirst);
  GiveUp(kFirst);
  h.endings = {{"1", "aa", "X", "X", "Y"}};
  EXPECT_THAT(CheckHistory(h), IsEmpty());
}

TEST_F(CheckerTest, CalmPairThatWaited_IsSeen) {
  h.calm_pairs = {{32, 34}};
  h.calm_bound_us = 1000;
  Send(kFirst);
  Apply(kFirst, 1001);
  Receipt(kFirst);
  ExpectRule("calm-pair");
}

TEST_F(CheckerTest, HonestPartyAccused_IsSeenAndALiarMayBe) {
  h.liars = {44};
  h.security = {{34, 44, "conflict"}};
  EXPECT_THAT(CheckHistory(h), IsEmpty());
  h.security.push_back({34, 32, "conflict"});
  ExpectRule("accused");
}

TEST_F(CheckerTest, GivenUpWithoutAnyReason_IsSeen) {
  Send(kFirst);
  GiveUp(kFirst);
  ExpectRule("no-reason");
}

TEST_F(CheckerTest, GivenUpWhereTheRouteWasOnceClosed_IsFine) {
  h.events.push_back({Kind::kRouteSuspended, {32, 34, "", 0}, "", 1});
  h.events.push_back({Kind::kRouteOpened, {32, 34, "", 0}, "", 2});
  Send(kFirst, 3);
  GiveUp(kFirst);
  EXPECT_THAT(CheckHistory(h), IsEmpty());
}

TEST_F(CheckerTest, DeathWithoutCause_IsSeen) {
  h.events.push_back({Kind::kDied, {32, 0, "", 0}, "", 1});
  ExpectRule("died");
}

TEST_F(CheckerTest, GivenToAnother_IsSeen) {
  Deliver(kFirst);
  h.events.push_back({Kind::kMisdelivered, kFirst, "", 30});
  ExpectRule("misdelivered");
}

TEST_F(CheckerTest, ProcessThatWorksOnAfterADamagedRead_IsSeen) {
  h.events = {{Kind::kReadDamaged, {32, 0, "", 0}, "", 1}, {Kind::kStopped, {32, 0, "", 0}, "", 1}};
  EXPECT_THAT(CheckHistory(h), IsEmpty());
  h.events.pop_back();
  ExpectRule("worked-on");
}

TEST_F(CheckerTest, FencedProcessThatAsksForASession_IsSeen) {
  h.events = {{Kind::kSessionAsked, {32, 0, "", 1}, "", 1},
              {Kind::kFenced, {32, 0, "", 1}, "", 2},
              {Kind::kSessionAsked, {32, 0, "", 2}, "", 3}};
  EXPECT_THAT(CheckHistory(h), IsEmpty());
  h.events.push_back({Kind::kSessionAsked, {32, 0, "", 1}, "", 4});
  ExpectRule("fenced-returns");
}

TEST_F(CheckerTest, AppliedPastACutThatTheRecipientKnows_IsSeen) {
  Send(kFirst);
  h.events.push_back({Kind::kPairCut, {32, 34, "", 7}, "", 5});
  h.events.push_back({Kind::kPairCut, {34, 32, "", 8}, "", 6});
  h.events.push_back({Kind::kNodeKnows, {34, 0, "", 7}, "", 6});
  Apply(kFirst);
  Receipt(kFirst);
  EXPECT_THAT(CheckHistory(h), IsEmpty());
  h.events[4].message.sequence = 8;
  ExpectRule("past-the-cut");
}

TEST_F(CheckerTest, StoredForASuspendedProvince_IsSeen) {
  h.events.push_back({Kind::kMemberShut, {34, 34, "", 7}, "", 5});
  Send(kFirst, 6);
  Apply(kFirst);
  Receipt(kFirst);
  ExpectRule("shut-out");
}

TEST_F(CheckerTest, StoredWhenTheProvinceWasActiveAgain_IsFine) {
  h.events.push_back({Kind::kMemberShut, {34, 34, "", 7}, "", 5});
  h.events.push_back({Kind::kRouteOpened, {34, 34, "", 8}, "", 6});
  Send(kFirst, 6);
  Apply(kFirst);
  Receipt(kFirst);
  EXPECT_THAT(CheckHistory(h), IsEmpty());
}

TEST_F(CheckerTest, SealedToAKeyThatItsOwnerNeverHad_IsSeen) {
  h.own_keys[34] = {"aa"};
  h.sealed_to[34] = {"aa"};
  EXPECT_THAT(CheckHistory(h), IsEmpty());
  h.sealed_to[34].insert("bb");
  ExpectRule("false-entry");
}

TEST_F(CheckerTest, MessageThatItsSenderNeverMade_IsSeen) {
  h.liars = {44};
  h.last_known[{32, 44, "aa", 1}] = LastKnown::kReceipted;
  ExpectRule("never-made");
}

}  // namespace
}  // namespace yizhan::simulation
