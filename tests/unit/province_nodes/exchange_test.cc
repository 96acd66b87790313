// What a message goes through between two nodes and the broker, with faults.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/control.h"
#include "protos/contract/errors.h"
#include "tests/support/exchange_world.h"

namespace yizhan::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint32_t kJiangsu = 32;
constexpr std::uint32_t kAnhui = 34;

class ExchangeTest : public ::testing::Test {
 protected:
  WorldNode& a() { return world.node(kJiangsu); }
  WorldNode& h() { return world.node(kAnhui); }
  // A query with its answer, both receipted.
  void QueryAndAnswer(char name) {
    a().Send(kAnhui, v1::ELIGIBILITY_QUERY, name);
    world.Settle();
  }
  ExchangeWorld world{{kJiangsu, kAnhui}};
};

v1::Control Parse(const v1::ControlRecord& record) {
  v1::Control control;
  control.ParseFromString(record.record());
  return control;
}

TEST_F(ExchangeTest, QuerySent_IsAppliedAnsweredAndReceiptedBothWays) {
  QueryAndAnswer('a');
  EXPECT_THAT(h().Applied('a'), ElementsAre("ELIGIBILITY_QUERY#1"));
  EXPECT_THAT(a().Applied('a'), ElementsAre("ELIGIBILITY_ANSWER#1"));
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_RECEIVED);
  EXPECT_EQ(h().PassageOf('a', 1), v1::PASSAGE_RECEIVED);
  EXPECT_THAT(a().security_events, IsEmpty());
  EXPECT_THAT(h().security_events, IsEmpty());
}

TEST_F(ExchangeTest, AnswerToAQuery_NamesTheQueryAsLastApplied) {
  QueryAndAnswer('a');
  v1::Header query;
  v1::Header answer;
  ASSERT_TRUE(query.ParseFromString(a().sent.at(0).header()));
  ASSERT_TRUE(answer.ParseFromString(h().sent.at(0).header()));
  EXPECT_EQ(answer.last_applied_sequence(), 1U);
  EXPECT_EQ(answer.last_applied_header_digest(),
            world.lab.algorithms().hasher->Hash(a().sent.at(0).header()).str());
}

TEST_F(ExchangeTest, SeveralMessagesOfACase_AreChainedAndAppliedInOrder) {
  QueryAndAnswer('a');
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  a().Send(kAnhui, v1::PRODUCTION_FEEDBACK, 'a');
  world.Settle();
  EXPECT_THAT(h().Applied('a'),
              ElementsAre("ELIGIBILITY_QUERY#1", "ACCEPTANCE#2", "PRODUCTION_FEEDBACK#3"));
  EXPECT_EQ(a().PassageOf('a', 3), v1::PASSAGE_RECEIVED);
}

TEST_F(ExchangeTest, BrokerAway_NodeWorksOnAndCatchesUpByItself) {
  world.BrokerGoesAway();
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Advance(absl::Minutes(5));
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_WAITING);
  EXPECT_THAT(h().Applied('a'), IsEmpty());
  world.BrokerComesBack();
  world.Advance(absl::Minutes(1));
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_RECEIVED);
  EXPECT_THAT(a().Applied('a'), ElementsAre("ELIGIBILITY_ANSWER#1"));
}

TEST_F(ExchangeTest, AnswerOfBrokerLostAndNodeRestarted_SameBytesAreSentAgain) {
  std::vector<v1::SubmitItem> dropped;
  a().on_submit = [&](v1::SubmitItem item) {
    dropped.push_back(std::move(item));
    return std::vector<v1::SubmitItem>();
  };
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  ASSERT_EQ(dropped.size(), 1U);
  a().on_submit = nullptr;
  a().Crash();
  world.Advance(absl::Minutes(1));
  ASSERT_EQ(a().sent.size(), 1U);
  EXPECT_EQ(a().sent[0].SerializeAsString(), dropped[0].envelope().SerializeAsString());
  EXPECT_THAT(h().Applied('a'), ElementsAre("ELIGIBILITY_QUERY#1"));
}

TEST_F(ExchangeTest, ReceiptLost_MessageIsDeliveredAgainAndAppliedOnceWithTheSameReceipt) {
  std::vector<v1::ControlRecord> lost;
  h().on_receive = [&](v1::ReceiveRequest& request) {
    for (const v1::ControlRecord& receipt : request.receipts()) lost.push_back(receipt);
    request.clear_receipts();
    return true;
  };
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_ACCEPTED);
  h().on_receive = nullptr;
  world.Advance(absl::Minutes(2));  // the lease ends, the message comes again
  EXPECT_THAT(h().Applied('a'), ElementsAre("ELIGIBILITY_QUERY#1"));
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_RECEIVED);
  ASSERT_FALSE(h().receipts.empty());
  EXPECT_EQ(h().receipts[0].SerializeAsString(), lost[0].SerializeAsString());
  EXPECT_GE(h().core->Statistics(world.now()).duplicates, 1U);
}

TEST_F(ExchangeTest, RecipientCrashesBeforeItsReceiptLeaves_NothingIsAppliedTwice) {
  h().on_receive = [](v1::ReceiveRequest& request) {
    request.clear_receipts();
    return true;
  };
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  h().on_receive = nullptr;
  h().Crash();
  world.Advance(absl::Minutes(2));
  EXPECT_THAT(h().Applied('a'), ElementsAre("ELIGIBILITY_QUERY#1"));
  EXPECT_THAT(a().Applied('a'), ElementsAre("ELIGIBILITY_ANSWER#1"));
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_RECEIVED);
}

TEST_F(ExchangeTest, CaseRefusesAMessage_NumberIsUsedChangesAreUndoneAndTheNextIsApplied) {
  QueryAndAnswer('a');
  a().Send(kAnhui, v1::ACCEPTANCE, 'a', "refuse");
  a().Send(kAnhui, v1::PRODUCTION_FEEDBACK, 'a');
  world.Settle();
  EXPECT_THAT(h().Applied('a'), ElementsAre("ELIGIBILITY_QUERY#1", "PRODUCTION_FEEDBACK#3"));
  EXPECT_EQ(a().PassageOf('a', 2), v1::PASSAGE_REFUSED);
  EXPECT_EQ(a().MessageOf('a', 2).reason(), v1::CASE_RULE_VIOLATED);
  EXPECT_EQ(a().PassageOf('a', 3), v1::PASSAGE_RECEIVED);
}

TEST_F(ExchangeTest, RecipientLacksItsKeyForATime_SenderSealsAgainAndNoNumberIsLost) {
  h().unwrapper = &world.lab.unwrapper(kJiangsu);  // opens nothing that is sealed to 34
  h().Crash();
  world.Advance(absl::Seconds(30));
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_WAITING);
  EXPECT_EQ(a().MessageOf('a', 1).reason(), v1::RECIPIENT_KEY_UNKNOWN);
  h().unwrapper = &world.lab.unwrapper(kAnhui);
  h().Crash();
  world.Advance(absl::Minutes(5));
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_RECEIVED);
  EXPECT_THAT(h().Applied('a'), ElementsAre("ELIGIBILITY_QUERY#1"));
  v1::Seal first;
  v1::Seal last;
  ASSERT_TRUE(first.ParseFromString(a().sent.front().seal()));
  ASSERT_TRUE(last.ParseFromString(a().sent.back().seal()));
  EXPECT_GT(last.number(), first.number());
  EXPECT_NE(last.salt(), first.salt());
  EXPECT_EQ(a().sent.front().header(), a().sent.back().header());
}

TEST_F(ExchangeTest, PredecessorMissing_MessageIsHeldAndAppliedInOrderWhenItComes) {
  QueryAndAnswer('a');
  // The broker loses what it had accepted; the successor arrives first.
  h().on_receive = [](v1::ReceiveRequest&) { return false; };
  h().on_response = [](v1::ReceiveResponse& response) {
    response.clear_deliveries();
    return true;
  };
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  h().on_receive = nullptr;
  h().on_response = nullptr;
  world.BrokerLosesEverything();
  a().on_submit = [](v1::SubmitItem item) {
    v1::Header header;
    header.ParseFromString(item.envelope().header());
    std::vector<v1::SubmitItem> out;
    if (header.sequence() != 2) out.push_back(std::move(item));
    return out;
  };
  a().Send(kAnhui, v1::PRODUCTION_FEEDBACK, 'a');
  world.Advance(absl::Seconds(40));
  EXPECT_THAT(h().Applied('a'), ElementsAre("ELIGIBILITY_QUERY#1"));
  EXPECT_EQ(h().core->Statistics(world.now()).inbox_held, 1U);
  a().on_submit = nullptr;
  a().Disconnect();
  world.Advance(absl::Minutes(2));
  EXPECT_THAT(h().Applied('a'),
              ElementsAre("ELIGIBILITY_QUERY#1", "ACCEPTANCE#2", "PRODUCTION_FEEDBACK#3"));
  EXPECT_EQ(h().core->Statistics(world.now()).inbox_held, 0U);
}

TEST_F(ExchangeTest, BrokerLosesItsStore_AcceptedMessagesAreOfferedAgainAndArrive) {
  h().on_response = [](v1::ReceiveResponse& response) {
    response.clear_deliveries();
    return true;
  };
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_ACCEPTED);
  h().on_response = nullptr;
  world.BrokerLosesEverything();
  world.Advance(absl::Minutes(1));
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_RECEIVED);
  EXPECT_THAT(h().Applied('a'), ElementsAre("ELIGIBILITY_QUERY#1"));
}

TEST_F(ExchangeTest, ExpiredUndelivered_NoticeComesAndATombstoneFillsTheNumber) {
  a().options.message_life = absl::Hours(1);
  a().Crash();
  world.Advance(absl::Seconds(30));
  QueryAndAnswer('a');
  h().Disconnect();
  h().on_response = [](v1::ReceiveResponse& response) {
    response.clear_deliveries();
    return true;
  };
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Advance(absl::Hours(2));
  EXPECT_EQ(a().PassageOf('a', 2), v1::PASSAGE_NOT_DELIVERED);
  ASSERT_EQ(a().tombstones.size(), 1U);
  EXPECT_EQ(Parse(a().tombstones[0]).tombstone().cause(), v1::TOMBSTONE_EXPIRED);
  h().on_response = nullptr;
  a().Send(kAnhui, v1::PRODUCTION_FEEDBACK, 'a');
  world.Advance(absl::Minutes(5));
  EXPECT_THAT(h().Applied('a'), ElementsAre("ELIGIBILITY_QUERY#1", "PRODUCTION_FEEDBACK#3"));
  EXPECT_EQ(a().PassageOf('a', 3), v1::PASSAGE_RECEIVED);
}

TEST_F(ExchangeTest, SecondProcessOfTheProvince_FirstStaysDownUntilAnOperatorResumes) {
  v1::OpenSessionRequest other;
  other.set_protocol_version(1);
  other.set_province(kJiangsu);
  other.set_lane(v1::LANE_BUSINESS);
  other.set_incarnation(a().options.incarnation.str());
  other.set_boot_nonce(std::string(16, 'x'));
  other.set_now_unix_us(absl::ToUnixMicros(world.now()));
  ASSERT_TRUE(
      world.broker
          ->OpenSession(world.lab.certificate(kJiangsu), other, {world.now(), absl::Hours(2)})
          .ok());
  world.Advance(absl::Minutes(2));
  EXPECT_EQ(a().core->session().state(), node::Session::State::kFenced);
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Advance(absl::Minutes(2));
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_WAITING);
  a().core->ResumeSession();
  world.Advance(absl::Minutes(1));
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_RECEIVED);
}

TEST_F(ExchangeTest, SameProvince_MessagesPassFromViewToViewWithoutTheBroker) {
  world.BrokerGoesAway();
  a().Send(kJiangsu, v1::ELIGIBILITY_QUERY, 'l');
  world.Settle();
  EXPECT_THAT(a().Applied('l'), ElementsAre("ELIGIBILITY_QUERY#1", "ELIGIBILITY_ANSWER#2"));
  EXPECT_EQ(a().PassageOf('l', 1), v1::PASSAGE_RECEIVED);
  EXPECT_EQ(a().PassageOf('l', 2), v1::PASSAGE_RECEIVED);
  EXPECT_THAT(a().sent, IsEmpty());
}

TEST_F(ExchangeTest, SameProvinceRefusesAMessage_ItsChangesAreUndoneAndItsSenderLearns) {
  a().Send(kJiangsu, v1::ACCEPTANCE, 'l', "refuse");
  world.Settle();
  EXPECT_THAT(a().Applied('l'), IsEmpty());
  EXPECT_EQ(a().PassageOf('l', 1), v1::PASSAGE_REFUSED);
  EXPECT_EQ(a().MessageOf('l', 1).reason(), v1::CASE_RULE_VIOLATED);
}

TEST_F(ExchangeTest, BodyAltered_NothingIsDelivered) {
  a().on_submit = [](v1::SubmitItem item) {
    std::string& body = *item.mutable_envelope()->mutable_body();
    body[0] = static_cast<char>(body[0] ^ 1);
    return std::vector<v1::SubmitItem>{std::move(item)};
  };
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  EXPECT_THAT(h().Applied('a'), IsEmpty());
  EXPECT_NE(a().PassageOf('a', 1), v1::PASSAGE_RECEIVED);
}

TEST_F(ExchangeTest, SentMessages_AreListedNewestFirstAndCounted) {
  QueryAndAnswer('a');
  world.Advance(absl::Seconds(1));
  QueryAndAnswer('b');
  const auto listed = a().core->ListMessages({});
  ASSERT_TRUE(listed.ok());
  ASSERT_EQ(listed->messages_size(), 4);
  EXPECT_EQ(listed->messages(0).case_handle(), ExchangeWorld::Handle('b').str());
  EXPECT_EQ(listed->messages(3).case_handle(), ExchangeWorld::Handle('a').str());
  v1::ListMessagesRequest one;
  one.set_message_id(listed->messages(2).message_id());
  const auto found = a().core->ListMessages(one);
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->messages_size(), 1);
  std::uint64_t delivered = 0;
  const v1::CountNodeMessagesResponse counted = a().core->CountMessages();
  for (const v1::MessageCount& count : counted.counts()) {
    delivered += count.delivered();
  }
  EXPECT_EQ(delivered, 4U);
}

TEST_F(ExchangeTest, ReceiptOvertakesTheAcceptance_MessageIsCountedAsAcceptedOnce) {
  a().hold_submit_answers = true;
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_RECEIVED);
  a().ReleaseSubmitAnswers();
  world.Settle();
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_RECEIVED);
  const v1::CountNodeMessagesResponse counted = a().core->CountMessages();
  ASSERT_EQ(counted.counts_size(), 1);
  EXPECT_EQ(counted.counts(0).accepted(), 1U);
  EXPECT_EQ(counted.counts(0).delivered(), 1U);
}

TEST_F(ExchangeTest, SevenDaysAfterTheReceipt_SentMessageIsForgotten) {
  QueryAndAnswer('a');
  world.Advance(absl::Hours(24 * 6));
  EXPECT_EQ(a().core->ListMessages({})->messages_size(), 2);
  world.Advance(absl::Hours(24 * 2));
  EXPECT_EQ(a().core->ListMessages({})->messages_size(), 1);  // dedup memory lasts longer
  world.Advance(absl::Hours(24 * 30));
  EXPECT_EQ(a().core->ListMessages({})->messages_size(), 0);
}

TEST(ClosedRoute, QuerySent_BrokerRefusesItFinallyAndATombstoneFollows) {
  ExchangeWorld world({kJiangsu, kAnhui}, /*open_routes=*/false);
  world.node(kJiangsu).Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Advance(absl::Seconds(10));
  EXPECT_EQ(world.node(kJiangsu).PassageOf('a', 1), v1::PASSAGE_REFUSED);
  EXPECT_EQ(world.node(kJiangsu).MessageOf('a', 1).reason(), v1::ENVELOPE_LINK_NOT_OPEN);
  EXPECT_THAT(world.node(kAnhui).Applied('a'), IsEmpty());
}

TEST(DirectoryGrows, RouteOpened_BothNodesFollowAndMessagesPass) {
  ExchangeWorld world({kJiangsu, kAnhui}, /*open_routes=*/false);
  const std::uint64_t before = world.node(kJiangsu).core->directory().head().size();
  world.Append(world.lab.OpenRoutes(kJiangsu, kAnhui));
  world.Advance(absl::Seconds(5));
  EXPECT_GT(world.node(kJiangsu).core->directory().head().size(), before);
  world.node(kJiangsu).Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Advance(absl::Seconds(5));
  EXPECT_EQ(world.node(kJiangsu).PassageOf('a', 1), v1::PASSAGE_RECEIVED);
}

}  // namespace
}  // namespace yizhan::testing
