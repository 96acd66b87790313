// Records that come late, twice, forged or against each other.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/control.h"
#include "protos/contract/envelope.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "protos/contract/signing.h"
#include "tests/support/exchange_world.h"

namespace yizhan::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint32_t kJiangsu = 32;
constexpr std::uint32_t kAnhui = 34;

v1::Control ParseRecord(const v1::ControlRecord& record) {
  v1::Control control;
  control.ParseFromString(record.record());
  return control;
}

class ExchangeFaultsTest : public ::testing::Test {
 protected:
  WorldNode& a() { return world.node(kJiangsu); }
  WorldNode& h() { return world.node(kAnhui); }
  void SetLife(absl::Duration life) {
    a().options.message_life = life;
    a().Crash();
    world.Advance(absl::Seconds(30));
  }
  // The frames with receipts are lost, with all that is in them.
  void WithholdReceipts() {
    h().on_receive = [](v1::ReceiveRequest& request) { return request.receipts().empty(); };
  }
  void WithholdDeliveries() {
    h().on_response = [this](v1::ReceiveResponse& response) {
      for (const v1::Delivery& delivery : response.deliveries()) withheld.push_back(delivery);
      response.clear_deliveries();
      return true;
    };
  }
  // As if the broker delivered it now.
  void Inject(const v1::Envelope& envelope) {
    v1::ReceiveResponse response;
    *response.add_deliveries()->mutable_envelope() = envelope;
    h().core->OnReceiveResponse(response, world.now());
    world.Settle();
  }
  // Signed by the source's registered key.
  v1::Envelope Signed(v1::Envelope envelope) {
    *envelope.mutable_signature() =
        *contract::SignOne(world.lab.signer(kJiangsu), *world.lab.algorithms().hasher,
                           contract::kEnvelopeType, {envelope.header(), envelope.seal()});
    return envelope;
  }

  ExchangeWorld world{{kJiangsu, kAnhui}};
  std::vector<v1::Delivery> withheld;
  std::uint64_t next_cursor = 1000;
};

TEST_F(ExchangeFaultsTest, RecipientLacksItsKeyForAnHour_MessageArrivesWithoutWaitingForItsExpiry) {
  h().unwrapper = &world.lab.unwrapper(kJiangsu);  // opens nothing that is sealed to 34
  h().Crash();
  world.Advance(absl::Seconds(30));
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Advance(absl::Hours(1));
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_WAITING);
  h().unwrapper = &world.lab.unwrapper(kAnhui);
  h().Crash();
  world.Advance(absl::Minutes(20));
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_RECEIVED);
  EXPECT_THAT(h().Applied('a'), ElementsAre("ELIGIBILITY_QUERY#1"));
}

TEST_F(ExchangeFaultsTest, RefusedSealOvertakesItsAcceptance_MessageIsSealedAgainAndArrives) {
  h().unwrapper = &world.lab.unwrapper(kJiangsu);
  h().Crash();
  world.Advance(absl::Seconds(30));
  a().hold_submit_answers = true;
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  EXPECT_EQ(a().MessageOf('a', 1).reason(), v1::RECIPIENT_KEY_UNKNOWN);
  a().ReleaseSubmitAnswers();
  world.Settle();
  h().unwrapper = &world.lab.unwrapper(kAnhui);
  h().Crash();
  world.Advance(absl::Minutes(5));
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_RECEIVED);
}

TEST_F(ExchangeFaultsTest,
       RefusedSealIsLostOnItsWay_OfferedAgainTheMessageIsRefusedAgainAndArrives) {
  h().unwrapper = &world.lab.unwrapper(kJiangsu);
  h().Crash();
  world.Advance(absl::Seconds(30));
  a().on_response = [](v1::ReceiveResponse& response) {
    response.clear_controls();  // a broker that lies
    return true;
  };
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  a().on_response = nullptr;
  h().unwrapper = &world.lab.unwrapper(kAnhui);
  h().Crash();
  // Acknowledges the lost record too.
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'b');
  world.Advance(absl::Minutes(1));
  EXPECT_EQ(a().PassageOf('b', 1), v1::PASSAGE_RECEIVED);
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_ACCEPTED);
  world.Advance(absl::Minutes(70));
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_RECEIVED);
}

TEST_F(ExchangeFaultsTest, RecipientNeverHasItsKeyAgain_SenderLearnsThatItWasNotDelivered) {
  SetLife(absl::Hours(1));
  h().unwrapper = &world.lab.unwrapper(kJiangsu);
  h().Crash();
  world.Advance(absl::Seconds(30));
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Advance(absl::Hours(3));
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_NOT_DELIVERED);
}

TEST_F(ExchangeFaultsTest, NoticeFirstThenReceipt_RecipientsReceiptOutranksTheNotice) {
  SetLife(absl::Hours(1));
  WithholdReceipts();
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Advance(absl::Hours(2));
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_NOT_DELIVERED);
  EXPECT_THAT(h().Applied('a'), ElementsAre("ACCEPTANCE#1"));
  h().on_receive = nullptr;
  h().Crash();
  world.Advance(absl::Minutes(5));
  // The late tombstone brings the receipt of the message that it came for.
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_RECEIVED);
  a().Send(kAnhui, v1::PRODUCTION_FEEDBACK, 'a');
  world.Advance(absl::Minutes(5));
  EXPECT_THAT(h().Applied('a'), ElementsAre("ACCEPTANCE#1", "PRODUCTION_FEEDBACK#2"));
  EXPECT_EQ(a().PassageOf('a', 2), v1::PASSAGE_RECEIVED);
}

TEST_F(ExchangeFaultsTest, MessageAfterItsTombstone_IsRefusedAndNeverApplied) {
  SetLife(absl::Hours(1));
  WithholdDeliveries();
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Advance(absl::Hours(2));
  ASSERT_FALSE(a().tombstones.empty());
  ASSERT_FALSE(withheld.empty());
  h().receipts.clear();
  Inject(withheld[0].envelope());
  EXPECT_THAT(h().Applied('a'), IsEmpty());
  ASSERT_EQ(h().receipts.size(), 1U);
  const v1::Control control = ParseRecord(h().receipts[0]);
  EXPECT_TRUE(control.refusal().consumes_number());
  EXPECT_EQ(control.refusal().error().reason(), v1::TOMBSTONE_CAME_FIRST);
}

TEST_F(ExchangeFaultsTest, DeliveredAfterItExpired_IsNeitherAppliedNorReceipted) {
  SetLife(absl::Hours(1));
  WithholdDeliveries();
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  ASSERT_FALSE(withheld.empty());
  world.BrokerGoesAway();  // no notice and no tombstone either
  world.Advance(absl::Hours(2));
  h().receipts.clear();
  Inject(withheld[0].envelope());
  EXPECT_THAT(h().Applied('a'), IsEmpty());
  EXPECT_THAT(h().receipts, IsEmpty());
  EXPECT_THAT(h().security_events, Contains(v1::MESSAGE_EXPIRED));
}

TEST_F(ExchangeFaultsTest, SameNumberWithAnotherHeader_IsASecurityEventAndTakesNoNumber) {
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  v1::Envelope twin = a().sent.at(0);
  v1::Header header;
  ASSERT_TRUE(header.ParseFromString(twin.header()));
  header.set_random(std::string(16, 'z'));
  twin.set_header(header.SerializeAsString());
  h().receipts.clear();
  Inject(Signed(twin));
  EXPECT_THAT(h().security_events, Contains(v1::IDENTITY_CONFLICT));
  ASSERT_EQ(h().receipts.size(), 1U);
  EXPECT_FALSE(ParseRecord(h().receipts[0]).refusal().consumes_number());
  EXPECT_THAT(h().Applied('a'), ElementsAre("ACCEPTANCE#1"));
}

TEST_F(ExchangeFaultsTest, OtherPredecessorNamed_IsRefusedFinally) {
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  WithholdDeliveries();
  a().Send(kAnhui, v1::PRODUCTION_FEEDBACK, 'a');
  world.Settle();
  // 32 signs a message 2 that does not follow its own message 1.
  v1::Header header;
  v1::Envelope second = a().sent.at(1);
  ASSERT_TRUE(header.ParseFromString(second.header()));
  header.set_previous_header_digest(std::string(32, 'p'));
  second.set_header(header.SerializeAsString());
  h().receipts.clear();
  Inject(Signed(second));
  ASSERT_EQ(h().receipts.size(), 1U);
  // The body is bound to the header that it was sealed for.
  EXPECT_EQ(ParseRecord(h().receipts[0]).refusal().error().reason(), v1::CANNOT_OPEN);
  EXPECT_FALSE(ParseRecord(h().receipts[0]).refusal().consumes_number());
}

TEST_F(ExchangeFaultsTest, SignedByAnotherProvince_IsRefusedWithoutTakingTheNumber) {
  WithholdDeliveries();
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  v1::Envelope forged = a().sent.at(0);
  *forged.mutable_signature() =
      *contract::SignOne(world.lab.signer(kAnhui), *world.lab.algorithms().hasher,
                         contract::kEnvelopeType, {forged.header(), forged.seal()});
  Inject(forged);
  EXPECT_THAT(h().security_events, Contains(v1::SIGNER_NOT_SOURCE));
  EXPECT_THAT(h().Applied('a'), IsEmpty());
  Inject(a().sent.at(0));
  EXPECT_THAT(h().Applied('a'), ElementsAre("ACCEPTANCE#1"));
}

TEST_F(ExchangeFaultsTest, ForgedReceipt_IsIgnoredAndTheSenderGoesOnUntilATrueOne) {
  a().on_response = [](v1::ReceiveResponse& response) {
    for (v1::ControlItem& item : *response.mutable_controls()) {
      std::string& root = *item.mutable_control()->mutable_signature()->mutable_root_signature();
      root.back() = static_cast<char>(root.back() ^ 1);
    }
    return true;
  };
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_ACCEPTED);
  EXPECT_THAT(a().security_events, Contains(v1::SIGNATURE_INVALID));
  a().on_response = nullptr;
  world.Advance(absl::Hours(3));  // offered again from time to time
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_RECEIVED);
  EXPECT_THAT(h().Applied('a'), ElementsAre("ACCEPTANCE#1"));
}

TEST_F(ExchangeFaultsTest, NoticeOfAnOlderSeal_DoesNotCountAndOneOfTheLatestDoes) {
  WithholdDeliveries();
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Settle();
  const auto notice_of = [&](const std::string& seal_digest, absl::Time issued) {
    const contract::Hasher& hasher = *world.lab.algorithms().hasher;
    v1::Control control = contract::NewControl(
        {contract::ProvinceCode(), *contract::Incarnation::From(std::string(16, 'b')), {}, {}},
        issued);
    const auto parsed = contract::ParseEnvelope(hasher, a().sent.at(0));
    *control.mutable_notice()->mutable_message() = contract::MakeMessageRef(*parsed);
    control.mutable_notice()->set_seal_digest(seal_digest);
    control.mutable_notice()->set_cause(v1::NOTICE_EXPIRED);
    v1::ReceiveResponse response;
    v1::ControlItem& item = *response.add_controls();
    item.set_cursor(next_cursor++);
    item.mutable_control()->set_record(control.SerializeAsString());
    *item.mutable_control()->mutable_signature() = *contract::SignOne(
        world.lab.broker_signer(), hasher, contract::kControlType, {item.control().record()});
    a().core->OnReceiveResponse(response, world.now());
    world.Settle();
  };
  const absl::Time after_its_life = world.now() + contract::kMaxMessageLife + absl::Hours(1);
  const std::string latest = world.lab.algorithms().hasher->Hash(a().sent.at(0).seal()).str();
  notice_of(std::string(32, 'o'), after_its_life);
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_ACCEPTED);
  notice_of(latest, world.now());
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_ACCEPTED) << "it cannot have expired by then";
  EXPECT_THAT(a().security_events, Contains(v1::MESSAGE_EXPIRED));
  notice_of(latest, after_its_life);
  EXPECT_EQ(a().PassageOf('a', 1), v1::PASSAGE_NOT_DELIVERED);
}

TEST_F(ExchangeFaultsTest, RouteSuspended_NewCaseIsRefusedAndARunningCaseGoesOn) {
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  world.Append(world.lab.ChangeRoute(kJiangsu, kAnhui, v1::ROUTE_SUSPENDED));
  world.Advance(absl::Seconds(5));
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'b');
  world.Advance(absl::Seconds(10));
  EXPECT_THAT(h().Applied('a'), ElementsAre("ELIGIBILITY_QUERY#1", "ACCEPTANCE#2"));
  EXPECT_THAT(h().Applied('b'), IsEmpty());
  EXPECT_EQ(a().PassageOf('b', 1), v1::PASSAGE_REFUSED);
  EXPECT_EQ(a().MessageOf('b', 1).reason(), v1::NEW_CASE_ON_SUSPENDED_ROUTE);
}

TEST_F(ExchangeFaultsTest, RouteCut_MessageWaitsAndPassesWithALaterExpiryWhenItOpens) {
  a().Send(kAnhui, v1::ELIGIBILITY_QUERY, 'a');
  world.Settle();
  world.Append(world.lab.ChangeRoute(kJiangsu, kAnhui, v1::ROUTE_CUT));
  world.Advance(absl::Seconds(5));
  a().Send(kAnhui, v1::ACCEPTANCE, 'a');
  world.Advance(absl::Hours(1));
  EXPECT_THAT(h().Applied('a'), ElementsAre("ELIGIBILITY_QUERY#1"));
  EXPECT_EQ(a().PassageOf('a', 2), v1::PASSAGE_WAITING);
  EXPECT_EQ(a().MessageOf('a', 2).reason(), v1::LINK_CUT);
  world.Append(world.lab.ChangeRoute(kJiangsu, kAnhui, v1::ROUTE_SUSPENDED));
  world.Advance(absl::Hours(1));
  EXPECT_THAT(h().Applied('a'), ElementsAre("ELIGIBILITY_QUERY#1", "ACCEPTANCE#2"));
  v1::Seal first;
  v1::Seal last;
  ASSERT_TRUE(first.ParseFromString(a().sent.at(1).seal()));
  ASSERT_TRUE(last.ParseFromString(a().sent.back().seal()));
  EXPECT_GT(last.expires_unix_us(), first.expires_unix_us());
}

TEST_F(ExchangeFaultsTest, StoreFails_CoreStopsAndNothingMoreLeaves) {
  // The core commits to a store that the world's node owns; a read of damaged
  // bytes is the storage error that a test can make.
  platform::WriteBatch damage;
  damage.Put("b/n" + std::string(1, static_cast<char>(kAnhui)) + std::string(16, 'a'), "\xff\xff");
  ASSERT_TRUE(a().store().Write(damage).ok());
  const absl::Status sent = a().core->Run(
      [](platform::Transaction&, node::CaseService&, node::CaseEffects& effects) {
        node::OutgoingMessage message;
        message.destination = contract::ProvinceCode(kAnhui);
        message.kind = v1::ACCEPTANCE;
        message.case_handle = ExchangeWorld::Handle('a');
        message.payload.set_format_version(1);
        message.payload.mutable_acceptance();
        effects.messages.push_back(std::move(message));
        return absl::OkStatus();
      },
      world.now());
  EXPECT_EQ(contract::ReasonOf(sent), v1::STORAGE_FAILED);
  EXPECT_EQ(contract::ReasonOf(a().core->FinishGroup(world.now())), v1::STORAGE_FAILED);
  EXPECT_THAT(a().sent, IsEmpty());
}

}  // namespace
}  // namespace yizhan::testing
