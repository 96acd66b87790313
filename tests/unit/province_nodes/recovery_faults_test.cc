// Recoveries among crashes, other recoveries and losses of the broker.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "protos/contract/signing.h"
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

TEST_F(RecoveryFaultsTest, TrafficGoesOnAllTheTime_EveryMessageHasItsEffectOnce) {
  const std::vector<std::uint32_t> homes = {kAnhui, kHenan};
  const auto home_of = [&](char name) { return homes[static_cast<std::size_t>(name) % 2]; };
  platform::MemoryStore::Map backup;
  for (char name = 'a'; name <= 'p'; ++name) {
    a().Send(home_of(name), v1::ELIGIBILITY_QUERY, name);
    if (name == 'h') backup = a().Backup();
    if (name % 3 == 0) world.Settle();
    if (name > 'c') CommandOn(a(), home_of(name), static_cast<char>(name - 3));
  }
  world.Settle();
  a().Restore(backup);
  for (int i = 0; i < 100; ++i) {
    const char name = static_cast<char>('a' + i % 16);
    // Peers do not stop for a neighbour.
    CommandOn(world.node(home_of(name)), kJiangsu, name);
    if (i == 40) a().Recover();
    if (i > 40) CommandOn(a(), home_of(name), name);  // refused while the case waits
    if (i == 60) a().Crash();
    world.Advance(absl::Milliseconds(200));
  }
  Wait();
  ASSERT_TRUE(a().recovered());
  for (char name = 'a'; name <= 'p'; ++name) {
    WorldNode& home = world.node(home_of(name));
    EXPECT_EQ(home.Applied(name).size(), a().SentIn(home_of(name), name)) << name;
    std::size_t from_home = 0;
    for (const std::string& line : a().Applied(name)) from_home += line.rfind("own ", 0) != 0;
    EXPECT_EQ(from_home, home.SentIn(kJiangsu, name)) << name;
    EXPECT_EQ(a().core->RecoveryStatus().peers(0).own_waiting(), 0U);
  }
  ExpectNothingSuspicious();
}

TEST_F(RecoveryFaultsTest, OldReceiptComesOnceMore_TheMessageIsSentAgainAllTheSame) {
  const auto backup = h().Backup();
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  h().Restore(backup);
  world.Advance(absl::Seconds(5));
  a().Send(kAnhui, v1::PRODUCTION_FEEDBACK, 'a');
  world.Settle();
  // What comes before the request is heard makes the sender repeat, as to anybody;
  // the broker answers with the receipt of before, which stays on its way.
  a().hold_submit_answers = true;
  h().on_submit = [](v1::SubmitItem item) {
    v1::Control control;
    control.ParseFromString(item.control().record());
    return control.has_recovery_request() ? std::vector<v1::SubmitItem>()
                                          : std::vector<v1::SubmitItem>{std::move(item)};
  };
  h().Recover();
  world.Advance(absl::Seconds(2));
  a().hold_submit_answers = false;
  h().on_submit = nullptr;
  h().Disconnect();
  world.Advance(absl::Seconds(20));
  a().ReleaseSubmitAnswers();
  Wait();
  ASSERT_TRUE(h().recovered());
  EXPECT_THAT(h().Applied('a'), ElementsAre("ELIGIBILITY_QUERY#1", "own ELIGIBILITY_ANSWER",
                                            "PRODUCTION_FEEDBACK#2"));
  EXPECT_EQ(a().PassageOf('a', 2), v1::PASSAGE_RECEIVED);
  ExpectNothingSuspicious();
}

TEST_F(RecoveryFaultsTest, NumberThatBothEndsForgot_IsUsedAnew) {
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  const auto of_a = a().Backup();
  const auto of_h = h().Backup();
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  a().Restore(of_a);
  h().Restore(of_h);
  world.Advance(absl::Seconds(5));
  a().Recover();
  h().Recover();
  Wait();
  ASSERT_TRUE(a().recovered());
  a().Send(kAnhui, v1::PRODUCTION_FEEDBACK, 'a');
  Wait();
  EXPECT_THAT(h().Applied('a'), ElementsAre("ELIGIBILITY_QUERY#1", "PRODUCTION_FEEDBACK#2"));
  EXPECT_EQ(a().PassageOf('a', 2), v1::PASSAGE_RECEIVED);
  ExpectNothingSuspicious();
}

TEST_F(RecoveryFaultsTest, GivenUpAfterTheBackup_EndsNotDeliveredAndTheCaseGoesOn) {
  a().options.message_life = absl::Hours(1);
  a().Crash();
  world.Advance(absl::Seconds(30));
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  h().Disconnect();
  h().on_response = [](v1::ReceiveResponse& response) {
    response.clear_deliveries();
    return true;
  };
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  const auto backup = a().Backup();
  world.Advance(absl::Hours(2));
  ASSERT_EQ(a().PassageOf('a', 2), v1::PASSAGE_NOT_DELIVERED);
  h().on_response = nullptr;
  a().Restore(backup);
  world.Advance(absl::Seconds(5));
  a().Recover();
  Wait();
  ASSERT_TRUE(a().recovered());
  EXPECT_EQ(a().PassageOf('a', 2), v1::PASSAGE_NOT_DELIVERED);
  a().Send(kAnhui, v1::PRODUCTION_FEEDBACK, 'a');
  Wait();
  EXPECT_THAT(h().Applied('a'), ElementsAre("ELIGIBILITY_QUERY#1", "PRODUCTION_FEEDBACK#3"));
  EXPECT_EQ(a().PassageOf('a', 3), v1::PASSAGE_RECEIVED);
  ExpectNothingSuspicious();
}

TEST_F(RecoveryFaultsTest, LyingPeer_CannotGiveBackWhatTheNodeNeverSigned) {
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  const auto backup = a().Backup();
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  h().on_submit = [&](v1::SubmitItem item) {
    v1::Control control;
    control.ParseFromString(item.control().record());
    if (control.has_returned() && control.returned().message().sequence() == 2) {
      // As if the node had signed another sealing of it.
      v1::Seal seal;
      seal.ParseFromString(control.returned().seal());
      seal.set_number(seal.number() + 1);
      control.mutable_returned()->set_seal(seal.SerializeAsString());
      item.mutable_control()->set_record(control.SerializeAsString());
      *item.mutable_control()->mutable_signature() =
          *contract::SignOne(world.lab.signer(kAnhui), *world.lab.algorithms().hasher,
                             contract::kControlType, {item.control().record()});
    }
    return std::vector<v1::SubmitItem>{std::move(item)};
  };
  a().Restore(backup);
  world.Advance(absl::Seconds(5));
  a().Recover();
  Wait();
  EXPECT_THAT(a().security_events, ::testing::Contains(v1::SIGNATURE_INVALID));
  EXPECT_THAT(a().Applied('a'), ElementsAre("ELIGIBILITY_ANSWER#1"));
}

TEST_F(RecoveryFaultsTest, BrokerWipedWithItsGenesisAlone_RoutesComeBackFromTheNodes) {
  world.KeepGenesisAlone();
  const auto old_log = world.broker->CountMessages().log_checkpoint();
  // One message in every phase: unsent, accepted, delivered without receipt, held.
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  other().on_receive = [](v1::ReceiveRequest& request) { return request.receipts().empty(); };
  a().Send(kHenan, v1::ELIGIBILITY_QUERY, 'b');
  world.Settle();
  h().on_response = [](v1::ReceiveResponse& response) {
    response.clear_deliveries();
    return true;
  };
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  world.BrokerGoesAway();
  a().Send(kAnhui, v1::PRODUCTION_FEEDBACK, 'a');
  a().Send(kHenan, v1::ELIGIBILITY_QUERY, 'c');
  world.BrokerLosesEverything();
  h().on_response = nullptr;
  other().on_receive = nullptr;
  Wait();
  EXPECT_EQ(world.broker->directory().head().size(), a().core->directory().head().size());
  EXPECT_THAT(h().Applied('a'),
              ElementsAre("ELIGIBILITY_QUERY#1", "ACCEPTANCE#2", "PRODUCTION_FEEDBACK#3"));
  EXPECT_THAT(other().Applied('b'), ElementsAre("ELIGIBILITY_QUERY#1"));
  EXPECT_THAT(other().Applied('c'), ElementsAre("ELIGIBILITY_QUERY#1"));
  EXPECT_EQ(a().PassageOf('a', 3), v1::PASSAGE_RECEIVED);
  EXPECT_EQ(a().PassageOf('b', 1), v1::PASSAGE_RECEIVED);
  EXPECT_NE(world.broker->CountMessages().log_checkpoint().log_id(), old_log.log_id());
  ExpectNothingSuspicious();
}

TEST_F(RecoveryFaultsTest, BrokerWiped_ItsNewLogBeginsWithTheOldOnesCheckpoint) {
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  for (WorldNode* node : {&a(), &h(), &other()}) node->Disconnect();
  world.Advance(absl::Seconds(20));
  const auto old_log = world.broker->CountMessages().log_checkpoint();
  ASSERT_GT(old_log.size(), 0U);
  world.BrokerLosesEverything();
  Wait();
  const auto earlier = world.broker->CountMessages().earlier_logs();
  ASSERT_EQ(earlier.size(), 1);
  EXPECT_EQ(earlier[0].log_id(), old_log.log_id());
  EXPECT_EQ(earlier[0].size(), old_log.size());
  EXPECT_EQ(earlier[0].digest(), old_log.digest());
}

TEST_F(RecoveryFaultsTest, BrokerWipedAndNodeRestored_TheOperatorForcesTheRecovery) {
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  const auto backup = a().Backup();
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  world.BrokerLosesEverything();
  a().Restore(backup);
  // Nobody is left who could notice, until the case goes on.
  a().Send(kAnhui, v1::PRODUCTION_FEEDBACK, 'a');
  Wait();
  EXPECT_THAT(a().security_events, ::testing::Contains(v1::IDENTITY_CONFLICT));
  EXPECT_EQ(a().PassageOf('a', 2), v1::PASSAGE_ACCEPTED);
  a().Recover(/*force=*/true);
  Wait();
  ASSERT_TRUE(a().recovered());
  EXPECT_THAT(h().Applied('a'),
              ElementsAre("ELIGIBILITY_QUERY#1", "ACCEPTANCE#2", "PRODUCTION_FEEDBACK#3"));
  EXPECT_EQ(a().PassageOf('a', 3), v1::PASSAGE_RECEIVED);
}

}  // namespace
}  // namespace yizhan::testing
