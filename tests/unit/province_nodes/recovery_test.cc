// Nodes whose stores were restored from a backup, under traffic.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "tests/support/recovery_world.h"

namespace yizhan::testing {
namespace {

using ::testing::ElementsAre;

class RecoveryTest : public RecoveryWorld {};

TEST_F(RecoveryTest, StoreFromABackup_StaysDownAndSaysRestored) {
  const auto backup = a().Backup();
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  a().Restore(backup);
  world.Advance(absl::Seconds(30));
  EXPECT_EQ(a().core->session().state(), node::Session::State::kRestored);
  EXPECT_TRUE(a().core->RecoveryStatus().restored());
  EXPECT_EQ(CommandOn(a(), kAnhui, 'b'), v1::RESTORED);
  a().Crash();
  EXPECT_TRUE(a().core->RecoveryStatus().restored());
  ExpectNothingSuspicious();
}

TEST_F(RecoveryTest, OnlyReceiptsWereLost_IsRestoredToo) {
  world.Settle();
  const auto backup = h().Backup();
  a().Send(kAnhui, v1::PRODUCTION_FEEDBACK, 'a');
  world.Settle();
  h().Restore(backup);
  world.Advance(absl::Seconds(30));
  EXPECT_TRUE(h().core->RecoveryStatus().restored());
}

TEST_F(RecoveryTest, UnharmedStore_IsNeverTakenForARestoredOne) {
  for (int i = 0; i < 5; ++i) {
    a().Send(kAnhui, v1::ELIGIBILITY_QUERY, static_cast<char>('a' + i));
    world.Settle();
    a().Crash();
    h().Crash();
    world.Advance(absl::Seconds(20));
  }
  world.BrokerLosesEverything();
  world.Advance(absl::Seconds(30));
  EXPECT_FALSE(a().core->RecoveryStatus().restored());
  EXPECT_FALSE(h().core->RecoveryStatus().restored());
  EXPECT_TRUE(a().core->session().open());
}

TEST_F(RecoveryTest, SenderRestored_ItsMessagesComeBackInTheirOrder) {
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  const auto backup = a().Backup();
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  h().Send(kJiangsu, v1::PRODUCTION_FEEDBACK, 'a');
  world.Settle();
  a().Send(kAnhui, v1::PRODUCTION_FEEDBACK, 'a');
  world.Settle();
  a().Restore(backup);
  world.Advance(absl::Seconds(5));
  a().Recover();
  Wait();
  ASSERT_TRUE(a().recovered());
  EXPECT_THAT(a().Applied('a'), ElementsAre("ELIGIBILITY_ANSWER#1", "own ACCEPTANCE",
                                            "PRODUCTION_FEEDBACK#2", "own PRODUCTION_FEEDBACK"));
  EXPECT_EQ(a().PassageOf('a', 2), v1::PASSAGE_RECEIVED);
  EXPECT_EQ(a().PassageOf('a', 3), v1::PASSAGE_RECEIVED);
  a().Send(kAnhui, v1::PRODUCTION_FEEDBACK, 'a');
  world.Settle();
  EXPECT_THAT(h().Applied('a'), ElementsAre("ELIGIBILITY_QUERY#1", "ACCEPTANCE#2",
                                            "PRODUCTION_FEEDBACK#3", "PRODUCTION_FEEDBACK#4"));
  EXPECT_EQ(a().PassageOf('a', 4), v1::PASSAGE_RECEIVED);
  ExpectNothingSuspicious();
}

TEST_F(RecoveryTest, RecipientRestored_GetsEverythingAgainAndAnswersAsBefore) {
  const auto backup = h().Backup();
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  a().Send(kAnhui, v1::ACCEPTANCE, 'a', "refuse");
  world.Settle();
  a().Send(kAnhui, v1::PRODUCTION_FEEDBACK, 'a');
  world.Settle();
  ASSERT_EQ(a().PassageOf('a', 2), v1::PASSAGE_REFUSED);
  const auto applied = h().Applied('a');
  const auto receipts = h().receipts.size();
  h().Restore(backup);
  world.Advance(absl::Seconds(5));
  h().Recover();
  Wait();
  ASSERT_TRUE(h().recovered());
  EXPECT_THAT(h().Applied('a'), ElementsAre("ELIGIBILITY_QUERY#1", "own ELIGIBILITY_ANSWER",
                                            "PRODUCTION_FEEDBACK#3"));
  EXPECT_THAT(applied, ElementsAre("ELIGIBILITY_QUERY#1", "PRODUCTION_FEEDBACK#3"));
  ASSERT_EQ(h().receipts.size(), receipts + 3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(h().receipts[receipts + static_cast<std::size_t>(i)].record(),
              h().receipts[static_cast<std::size_t>(i)].record());
  }
  EXPECT_EQ(h().SentIn(kJiangsu, 'a'), 1U);
  EXPECT_THAT(a().Applied('a'), ElementsAre("ELIGIBILITY_ANSWER#1"));
  EXPECT_EQ(a().PassageOf('a', 3), v1::PASSAGE_RECEIVED);
  ExpectNothingSuspicious();
}

TEST_F(RecoveryTest, NothingIsCountedTwice) {
  const auto backup = h().Backup();
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  const std::string counts = h().core->CountMessages().DebugString();
  const std::string of_a = a().core->CountMessages().DebugString();
  const std::string of_broker = [&] {
    auto all = world.broker->CountMessages();
    all.clear_log_checkpoint();
    return all.DebugString();
  }();
  h().Restore(backup);
  world.Advance(absl::Seconds(5));
  h().Recover();
  Wait();
  EXPECT_EQ(h().core->CountMessages().DebugString(), counts);
  EXPECT_EQ(a().core->CountMessages().DebugString(), of_a);
  auto all = world.broker->CountMessages();
  all.clear_log_checkpoint();
  EXPECT_EQ(all.DebugString(), of_broker);
}

TEST_F(RecoveryTest, PeerAway_DelaysItsOwnCasesAlone) {
  const auto start = a().Backup();
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  a().Send(kHenan, v1::ELIGIBILITY_QUERY, 'b');
  world.Settle();
  const auto backup = a().Backup();
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  a().Send(kHenan, v1::ACCEPTANCE, 'b');
  world.Settle();
  h().on_receive = [](v1::ReceiveRequest&) { return false; };
  h().on_submit = [](v1::SubmitItem) { return std::vector<v1::SubmitItem>(); };
  h().on_response = [](v1::ReceiveResponse&) { return false; };
  a().Restore(backup);
  world.Advance(absl::Seconds(5));
  a().Recover();
  Wait();
  EXPECT_FALSE(a().recovered());
  EXPECT_EQ(a().core->RecoveryStatus().peers_done(), 1U);
  EXPECT_EQ(CommandOn(a(), kAnhui, 'a'), v1::RESTORED);
  EXPECT_EQ(CommandOn(a(), kHenan, 'b'), v1::ERROR_REASON_UNSPECIFIED);
  // A new case with the one who is away waits in the outbox.
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'c');
  Wait();
  EXPECT_EQ(other().Applied('b').back(), "PRODUCTION_FEEDBACK#3");
  EXPECT_EQ(a().PassageOf('c', 1), v1::PASSAGE_WAITING);
  h().on_receive = nullptr;
  h().on_submit = nullptr;
  h().on_response = nullptr;
  h().Disconnect();
  Wait();
  EXPECT_TRUE(a().recovered());
  EXPECT_EQ(a().SentIn(kAnhui, 'a'), 2U);
  EXPECT_EQ(CommandOn(a(), kAnhui, 'a'), v1::ERROR_REASON_UNSPECIFIED);
  Wait();
  EXPECT_THAT(h().Applied('c'), ElementsAre("ELIGIBILITY_QUERY#1"));
  EXPECT_THAT(h().Applied('a'),
              ElementsAre("ELIGIBILITY_QUERY#1", "ACCEPTANCE#2", "PRODUCTION_FEEDBACK#3"));
  ExpectNothingSuspicious();
}

TEST_F(RecoveryTest, MessageStillWaitsForThePeer_ItsNumberIsNotGivenAgain) {
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  const auto backup = a().Backup();
  h().Disconnect();
  h().on_response = [](v1::ReceiveResponse&) { return false; };
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  ASSERT_EQ(a().PassageOf('a', 2), v1::PASSAGE_ACCEPTED);
  a().Restore(backup);
  world.Advance(absl::Seconds(5));
  a().Recover();
  Wait();
  EXPECT_FALSE(a().recovered());
  h().on_response = nullptr;
  h().Disconnect();
  Wait();
  ASSERT_TRUE(a().recovered());
  EXPECT_EQ(a().PassageOf('a', 2), v1::PASSAGE_RECEIVED);
  EXPECT_THAT(a().Applied('a'), ElementsAre("ELIGIBILITY_ANSWER#1", "own ACCEPTANCE"));
  EXPECT_THAT(h().Applied('a'), ElementsAre("ELIGIBILITY_QUERY#1", "ACCEPTANCE#2"));
  ExpectNothingSuspicious();
}

TEST_F(RecoveryTest, MadeAfterTheRestoreOnAUsedNumber_GetsAnotherNumber) {
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  const auto backup = a().Backup();
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  world.BrokerGoesAway();
  a().Restore(backup);
  // Nobody can tell yet that the store is an old one.
  a().Send(kAnhui, v1::PRODUCTION_FEEDBACK, 'a');
  EXPECT_EQ(a().SentIn(kAnhui, 'a'), 1U);
  world.BrokerComesBack();
  world.Advance(absl::Seconds(30));
  ASSERT_TRUE(a().core->RecoveryStatus().restored());
  a().Recover();
  Wait();
  ASSERT_TRUE(a().recovered());
  EXPECT_THAT(h().Applied('a'),
              ElementsAre("ELIGIBILITY_QUERY#1", "ACCEPTANCE#2", "PRODUCTION_FEEDBACK#3"));
  EXPECT_EQ(a().PassageOf('a', 2), v1::PASSAGE_RECEIVED);
  EXPECT_EQ(a().PassageOf('a', 3), v1::PASSAGE_RECEIVED);
  ExpectNothingSuspicious();
}

TEST_F(RecoveryTest, ExpiredAndRouteClosedMeanwhile_WhatWasReceivedComesBack) {
  a().options.message_life = absl::Hours(1);
  a().Crash();
  world.Advance(absl::Seconds(30));
  const auto backup = h().Backup();
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  world.Advance(absl::Hours(30));
  world.Append(world.lab.ChangeRoute(kJiangsu, kAnhui, v1::ROUTE_SUSPENDED));
  h().Restore(backup);
  world.Advance(absl::Seconds(5));
  h().Recover();
  Wait();
  ASSERT_TRUE(h().recovered());
  EXPECT_THAT(h().Applied('a'),
              ElementsAre("ELIGIBILITY_QUERY#1", "own ELIGIBILITY_ANSWER", "ACCEPTANCE#2"));
  ExpectNothingSuspicious();
}

}  // namespace
}  // namespace yizhan::testing
