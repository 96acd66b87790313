// Delivery: credit, leases, order, receipts, parking.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "tests/unit/broker/delivery_fixture.h"

namespace yizhan::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(DeliveryTest, ConnectedRecipient_GetsTheMessageInTheGroupThatAcceptedIt) {
  Client& recipient = broker_.Connect(34);
  const v1::Envelope envelope = Sent({});
  ASSERT_THAT(recipient.deliveries, SizeIs(1));
  EXPECT_EQ(recipient.deliveries[0].attempt(), 1u);
  EXPECT_EQ(recipient.deliveries[0].envelope().SerializeAsString(), envelope.SerializeAsString());
  EXPECT_EQ(broker_.Mailbox(34)->leased(), 1u);
}

TEST_F(DeliveryTest, Credit_BoundsWhatIsOut) {
  for (char c = 'a'; c < 'f'; ++c) Sent({.case_name = c});
  Client& recipient = ConnectWithoutCredit(34);
  EXPECT_THAT(recipient.deliveries, IsEmpty());
  Credit(34, 2, 1 << 20);
  EXPECT_THAT(Positions(recipient), ElementsAre(1, 2));
  Credit(34, 100, 0);
  EXPECT_THAT(Positions(recipient), ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(DeliveryTest, BytesOfCredit_BoundWhatIsOut) {
  for (char c = 'a'; c < 'f'; ++c) Sent({.case_name = c, .payload_bytes = 4000});
  Client& recipient = ConnectWithoutCredit(34);
  Credit(34, 100, 5000);
  EXPECT_THAT(Positions(recipient), ElementsAre(1, 2)) << "the last one may pass the bound";
}

TEST_F(DeliveryTest, RecipientsReceipt_EndsTheMessageAndReachesTheSender) {
  broker_.Connect(34);
  const v1::Envelope envelope = Sent({});
  const v1::ControlRecord receipt = broker_.Delivered(envelope);
  broker_.Give(34, receipt);
  EXPECT_EQ(broker_.Mailbox(34)->messages(), 0u);
  EXPECT_EQ(broker_.Mailbox(34)->bytes(), 0u);
  const Client& sender = broker_.client(32);
  ASSERT_THAT(sender.controls, SizeIs(1));
  EXPECT_EQ(sender.controls[0].cursor(), 1u);
  EXPECT_EQ(sender.controls[0].control().SerializeAsString(), receipt.SerializeAsString());
  EXPECT_THAT(broker_.Trace(envelope), ElementsAre(v1::TRACE_ACCEPTED, v1::TRACE_DELIVERED));
  EXPECT_EQ(broker_.Send(envelope).receipt().SerializeAsString(), receipt.SerializeAsString())
      << "a repetition gets the terminal record";
}

TEST_F(DeliveryTest, BodyOfAReceiptedMessage_IsGoneFromTheStore) {
  broker_.Connect(34);
  const v1::Envelope envelope = Sent({.payload_bytes = 4000});
  broker_.Give(34, broker_.Delivered(envelope));
  const auto all = broker_.store.Scan("", "");
  for (; all->Valid(); all->Next()) {
    EXPECT_EQ(all->value().find(envelope.body().substr(0, 64)), absl::string_view::npos);
  }
}

TEST_F(DeliveryTest, SameReceiptTwice_ReachesTheSenderOnce) {
  broker_.Connect(34);
  const v1::Envelope envelope = Sent({});
  broker_.Give(34, broker_.Delivered(envelope));
  broker_.Give(34, broker_.Delivered(envelope));
  EXPECT_THAT(broker_.client(32).controls, SizeIs(1));
  EXPECT_THAT(broker_.core->stats().security_events, IsEmpty());
}

TEST_F(DeliveryTest, TwoDifferentFinalRecords_AreASecurityEventAndTheFirstStands) {
  broker_.Connect(34);
  const v1::Envelope envelope = Sent({});
  broker_.Give(34, broker_.Delivered(envelope));
  broker_.Give(34, broker_.Refused(envelope, v1::CASE_RULE_VIOLATED, true));
  EXPECT_EQ(broker_.core->stats().security_events.at(v1::IDENTITY_CONFLICT), 1u);
  EXPECT_TRUE(ControlOf(broker_.Send(envelope).receipt()).has_delivery());
}

TEST_F(DeliveryTest, ForgedReceipt_IsIgnoredAndTheMessageStays) {
  broker_.Connect(34);
  const v1::Envelope envelope = Sent({});
  v1::Control control = broker_.NewControl(34, 'i');
  *control.mutable_delivery()->mutable_message() = broker_.RefOf(envelope);
  v1::ReceiveRequest request;
  *request.add_receipts() = broker_.SignControl(control, broker_.lab.stranger());
  broker_.Receive(34, request);
  EXPECT_EQ(broker_.Mailbox(34)->messages(), 1u);
  EXPECT_THAT(broker_.client(32).controls, IsEmpty());
}

TEST_F(DeliveryTest, ReceiptOfAThirdProvince_IsIgnored) {
  const v1::Envelope envelope = Sent({});
  broker_.Connect(51);
  v1::Control control = broker_.NewControl(51, 'i');
  *control.mutable_delivery()->mutable_message() = broker_.RefOf(envelope);
  v1::ReceiveRequest request;
  *request.add_receipts() = broker_.SignControl(control, broker_.lab.signer(51));
  broker_.Receive(51, request);
  EXPECT_EQ(broker_.Mailbox(34)->messages(), 1u);
  EXPECT_EQ(broker_.core->stats().security_events.at(v1::SPOOFED_SOURCE), 1u);
}

TEST_F(DeliveryTest, FinalRefusal_EndsTheMessageAndNamesItsReason) {
  broker_.Connect(34);
  const v1::Envelope envelope = Sent({});
  broker_.Give(34, broker_.Refused(envelope, v1::CASE_RULE_VIOLATED, true));
  EXPECT_EQ(broker_.Mailbox(34)->messages(), 0u);
  ASSERT_THAT(broker_.client(32).controls, SizeIs(1));
  EXPECT_THAT(broker_.Trace(envelope), ElementsAre(v1::TRACE_ACCEPTED, v1::TRACE_REFUSED));
  EXPECT_EQ(broker_.core->stats().refused_by_recipient.at(v1::CASE_RULE_VIOLATED), 1u);
}

TEST_F(DeliveryTest, RefusalThatAsksForASeal_KeepsThePlaceUntilTheNewBodyComes) {
  Client& recipient = broker_.Connect(34);
  const v1::Envelope envelope = Sent({});
  broker_.Give(34, broker_.Refused(envelope, v1::CANNOT_OPEN, false));
  ASSERT_THAT(broker_.client(32).controls, SizeIs(1));
  EXPECT_EQ(broker_.Mailbox(34)->messages(), 1u);
  broker_.Advance(absl::Minutes(2));
  EXPECT_THAT(recipient.deliveries, SizeIs(1)) << "not again with the body that does not open";
  const v1::Envelope resealed = broker_.Reseal(envelope, 2, absl::Hours(48));
  EXPECT_TRUE(broker_.Send(resealed).has_receipt());
  ASSERT_THAT(recipient.deliveries, SizeIs(2));
  EXPECT_EQ(recipient.deliveries[1].position(), recipient.deliveries[0].position());
  EXPECT_EQ(recipient.deliveries[1].envelope().body(), resealed.body());
  broker_.Give(34, broker_.Delivered(resealed));
  EXPECT_EQ(broker_.Mailbox(34)->messages(), 0u);
}

TEST_F(DeliveryTest, LeaseOver_MessageGoesOutAgainWithTheNextAttempt) {
  Client& recipient = broker_.Connect(34);
  Sent({});
  broker_.Advance(absl::Seconds(29));
  EXPECT_THAT(recipient.deliveries, SizeIs(1));
  broker_.Advance(absl::Seconds(1));
  ASSERT_THAT(recipient.deliveries, SizeIs(2));
  EXPECT_EQ(recipient.deliveries[1].attempt(), 2u);
}

TEST_F(DeliveryTest, LeaseOver_LaterMessagesOfTheCaseFollowAgainInOrder) {
  Client& recipient = broker_.Connect(34);
  const v1::Envelope first = Sent({.case_name = 'a'});
  const v1::Envelope other = Sent({.case_name = 'b'});
  broker_.Advance(absl::Seconds(10));
  Sent({.kind = v1::ACCEPTANCE, .case_name = 'a', .sequence = 2});
  broker_.Give(34, broker_.Delivered(other));
  recipient.deliveries.clear();
  broker_.Advance(absl::Seconds(20));
  EXPECT_THAT(Positions(recipient), ElementsAre(1, 3));
  EXPECT_EQ(recipient.deliveries[0].attempt(), 2u);
  EXPECT_EQ(recipient.deliveries[1].attempt(), 1u) << "its own lease was not over";
}

TEST_F(DeliveryTest, TooManyAttempts_ParkTheMessageUntilAnOperatorReplaysIt) {
  Client& recipient = broker_.Connect(34);
  const v1::Envelope envelope = Sent({});
  for (int i = 0; i < 3; ++i) broker_.Advance(absl::Seconds(30));
  EXPECT_THAT(recipient.deliveries, SizeIs(3));
  broker_.Advance(absl::Minutes(5));
  EXPECT_THAT(recipient.deliveries, SizeIs(3));
  EXPECT_EQ(broker_.Mailbox(34)->parked(), 1u);
  const v1::ListParkedResponse parked = broker_.core->ListParked({});
  ASSERT_THAT(parked.messages(), SizeIs(1));
  EXPECT_EQ(parked.messages(0).attempts(), 3u);
  EXPECT_THAT(broker_.Trace(envelope), ElementsAre(v1::TRACE_ACCEPTED, v1::TRACE_PARKED));
  v1::ReplayParkedRequest replay;
  replay.set_province(34);
  replay.add_positions(1);
  EXPECT_EQ(broker_.core->ReplayParked(replay)->replayed(), 1u);
  broker_.Commit();
  ASSERT_THAT(recipient.deliveries, SizeIs(4));
  EXPECT_EQ(broker_.Mailbox(34)->parked(), 0u);
}

TEST_F(DeliveryTest, DiscardedMessage_EndsWithASignedNoticeToItsSender) {
  broker_.Connect(34);
  const v1::Envelope envelope = Sent({});
  for (int i = 0; i < 3; ++i) broker_.Advance(absl::Seconds(30));
  v1::DiscardParkedRequest request;
  request.set_province(34);
  request.set_position(1);
  v1::DiscardParkedResponse response;
  EXPECT_EQ(contract::ReasonOf(broker_.core->DiscardParked(request, &response, broker_.now())),
            v1::REQUEST_MALFORMED);
  request.set_reason("the recipient's system cannot read it");
  request.mutable_officer()->set_number("000001");
  ASSERT_TRUE(broker_.core->DiscardParked(request, &response, broker_.now()).ok());
  broker_.Commit();
  EXPECT_EQ(ControlOf(response.notice()).notice().cause(), v1::NOTICE_DISCARDED);
  ASSERT_THAT(broker_.client(32).controls, SizeIs(1));
  EXPECT_EQ(broker_.client(32).controls[0].control().SerializeAsString(),
            response.notice().SerializeAsString());
  EXPECT_EQ(broker_.Mailbox(34)->messages(), 0u);
  EXPECT_EQ(broker_.Mailbox(34)->parked(), 0u);
  EXPECT_EQ(contract::ReasonOf(broker_.core->DiscardParked(request, &response, broker_.now())),
            v1::NOT_FOUND);
}

TEST_F(DeliveryTest, Reconnect_BringsEverythingUnreceiptedAgainWithoutAnAttempt) {
  broker_.Connect(34);
  Sent({.case_name = 'a'});
  Sent({.case_name = 'b'});
  broker_.Disconnect(34);
  Client& recipient = broker_.Connect(34);
  EXPECT_THAT(Positions(recipient), ElementsAre(1, 2));
  EXPECT_EQ(recipient.deliveries[0].attempt(), 1u);
}

TEST_F(DeliveryTest, LongBacklog_GoesOutInOrderAndInBatches) {
  for (int i = 0; i < 600; ++i) {
    broker_.Submit(broker_.client(32), ItemOf(broker_.Make({.sequence = 1 + std::uint64_t(i)})));
  }
  broker_.Commit();
  Client& recipient = broker_.Connect(34);
  ASSERT_THAT(recipient.deliveries, SizeIs(600));
  for (std::size_t i = 0; i < 600; ++i) EXPECT_EQ(recipient.deliveries[i].position(), i + 1);
}

TEST_F(DeliveryTest, CutRoute_HoldsWhatWaitsUntilItIsLifted) {
  const v1::Envelope envelope = Sent({});
  broker_.Append(broker_.lab.ChangeRoute(32, 34, v1::ROUTE_CUT));
  Client& recipient = broker_.Connect(34);
  EXPECT_THAT(recipient.deliveries, IsEmpty());
  broker_.Append(broker_.lab.ChangeRoute(32, 34, v1::ROUTE_SUSPENDED));
  EXPECT_THAT(recipient.deliveries, SizeIs(1));
}

TEST_F(DeliveryTest, HeldMessage_ComesAgainLaterAndItsSourceRepeats) {
  Client& recipient = broker_.Connect(34);
  const v1::Envelope second = Sent({.kind = v1::ACCEPTANCE, .sequence = 2});
  v1::ReceiveRequest request;
  *request.add_held()->mutable_message() = broker_.RefOf(second);
  request.mutable_held(0)->set_missing_sequence(1);
  broker_.Receive(34, request);
  ASSERT_THAT(broker_.client(32).repeats, SizeIs(1));
  EXPECT_EQ(broker_.client(32).repeats[0].missing_sequence(), 1u);
  EXPECT_EQ(broker_.Mailbox(34)->leased(), 0u);
  const v1::Envelope first = Sent({});
  ASSERT_THAT(recipient.deliveries, SizeIs(2));
  broker_.Give(34, broker_.Delivered(first));
  ASSERT_THAT(recipient.deliveries, SizeIs(3)) << "its predecessor has come, so it comes at once";
  EXPECT_EQ(recipient.deliveries[2].position(), 1u);
  EXPECT_EQ(recipient.deliveries[2].attempt(), 1u);
}

}  // namespace
}  // namespace yizhan::testing
