// Recoveries among crashes, other recoveries and losses of the broker.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "tests/support/recovery_world.h"

namespace yizhan::testing {
namespace {

using ::testing::ElementsAre;

class RecoveryFaultsTest : public RecoveryWorld {};

TEST_F(RecoveryFaultsTest, CrashesInTheMiddle_GoOnWhereTheyWere) {
  for (char name = 'a'; name <= 'f'; ++name) a().Send(kAnhui, v1::ELIGIBILITY_QUERY, name);
  world.Settle();
  const auto backup = a().Backup();
  for (char name = 'a'; name <= 'f'; ++name) a().Send(kAnhui, v1::ACCEPTANCE, name);
  for (char name = 'a'; name <= 'f'; ++name) {
    h().Send(kJiangsu, v1::PRODUCTION_FEEDBACK, name);
  }
  world.Settle();
  a().Restore(backup);
  world.Advance(absl::Seconds(5));
  ASSERT_TRUE(a().core->Recover(false, world.now()).ok());
  // Every few moments somebody dies.
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(a().core->FinishGroup(world.now()).ok());
    (i % 2 == 0 ? a() : h()).Crash();
    world.Advance(absl::Milliseconds(300));
  }
  Wait();
  ASSERT_TRUE(a().recovered());
  for (char name = 'a'; name <= 'f'; ++name) {
    EXPECT_THAT(a().Applied(name),
                ElementsAre("ELIGIBILITY_ANSWER#1", "own ACCEPTANCE", "PRODUCTION_FEEDBACK#2"));
    EXPECT_EQ(a().PassageOf(name, 2), v1::PASSAGE_RECEIVED);
  }
  ExpectNothingSuspicious();
}

TEST_F(RecoveryFaultsTest, RestoredTwice_OldIncarnationsStayDownAndNothingIsLost) {
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  const auto backup = a().Backup();
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  a().Restore(backup);
  world.Advance(absl::Seconds(5));
  a().Recover();
  Wait();
  a().Send(kAnhui, v1::PRODUCTION_FEEDBACK, 'a');
  world.Settle();
  const auto second = a().Backup();
  a().Restore(backup);
  world.Advance(absl::Seconds(5));
  ASSERT_TRUE(a().core->RecoveryStatus().restored());
  a().Recover();
  Wait();
  ASSERT_TRUE(a().recovered());
  EXPECT_EQ(a().SentIn(kAnhui, 'a'), 3U);
  EXPECT_THAT(a().Applied('a'),
              ElementsAre("ELIGIBILITY_ANSWER#1", "own ACCEPTANCE", "own PRODUCTION_FEEDBACK"));
  ExpectNothingSuspicious();
  a().Restore(second);
  world.Advance(absl::Seconds(5));
  EXPECT_TRUE(a().core->RecoveryStatus().restored());
}

TEST_F(RecoveryFaultsTest, BothSidesRestored_NeitherWaitsForTheOther) {
  const auto of_a = a().Backup();
  const auto of_h = h().Backup();
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  h().Send(kJiangsu, v1::ELIGIBILITY_QUERY, 'b');
  world.Settle();
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  a().Restore(of_a);
  world.Advance(absl::Seconds(5));
  a().Recover();
  h().Restore(of_h);
  world.Advance(absl::Seconds(5));
  h().Recover();
  Wait();
  EXPECT_TRUE(a().recovered());
  EXPECT_TRUE(h().recovered());
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'c');
  Wait();
  EXPECT_THAT(h().Applied('c'), ElementsAre("ELIGIBILITY_QUERY#1"));
}

TEST_F(RecoveryFaultsTest, BrokerWipedInTheMiddle_TheRecoveryBeginsAgainAndEnds) {
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  const auto backup = a().Backup();
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  a().Restore(backup);
  world.Advance(absl::Seconds(5));
  h().on_response = [](v1::ReceiveResponse&) { return false; };
  a().Recover();
  world.Advance(absl::Seconds(5));
  h().on_response = nullptr;
  world.BrokerLosesEverything();
  Wait();
  ASSERT_TRUE(a().recovered());
  EXPECT_THAT(a().Applied('a'), ElementsAre("ELIGIBILITY_ANSWER#1", "own ACCEPTANCE"));
  ExpectNothingSuspicious();
}

TEST_F(RecoveryFaultsTest, EmptyStore_IsRecoveredAsFarAsPeersRemember) {
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  a().Restore({});
  world.Advance(absl::Seconds(5));
  ASSERT_TRUE(a().core->RecoveryStatus().restored());
  a().Recover();
  Wait();
  ASSERT_TRUE(a().recovered());
  EXPECT_THAT(a().Applied('a'),
              ElementsAre("own ELIGIBILITY_QUERY", "ELIGIBILITY_ANSWER#1", "own ACCEPTANCE"));
  ExpectNothingSuspicious();
}

TEST_F(RecoveryFaultsTest, NobodySaidRestored_RecoverIsRefusedUnlessForced) {
  EXPECT_EQ(contract::ReasonOf(a().core->Recover(false, world.now())), v1::STATE_NOT_ALLOWED);
  a().Recover(/*force=*/true);
  Wait();
  EXPECT_TRUE(a().recovered());
  EXPECT_TRUE(a().core->session().open());
}

}  // namespace
}  // namespace yizhan::testing
