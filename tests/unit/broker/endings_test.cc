// Ends without delivery, and what is remembered: expiry, tombstones, control records,
// dedup memory, recovery.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/limits.h"
#include "tests/unit/broker/delivery_fixture.h"

namespace yizhan::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class EndingsTest : public DeliveryTest {};

TEST_F(EndingsTest, ExpiredMessage_EndsWithANoticeOnlyAfterClockLimitAndLease) {
  Sent({.life = absl::Hours(2)});
  broker_.Advance(absl::Hours(2) + contract::kMaxClockSkew + absl::Seconds(29));
  EXPECT_THAT(broker_.client(32).controls, IsEmpty());
  broker_.Connect(34);
  EXPECT_THAT(broker_.client(34).deliveries, IsEmpty()) << "never delivered after its expiry";
  broker_.Advance(absl::Seconds(2));
  ASSERT_THAT(broker_.client(32).controls, SizeIs(1));
  const v1::Control notice = ControlOf(broker_.client(32).controls[0].control());
  EXPECT_EQ(notice.notice().cause(), v1::NOTICE_EXPIRED);
  EXPECT_EQ(broker_.Mailbox(34)->messages(), 0u);
}

TEST_F(EndingsTest, ReceiptAfterTheNotice_OutranksIt) {
  broker_.Connect(34);
  const v1::Envelope envelope = Sent({.life = absl::Hours(2)});
  broker_.Disconnect(34);
  broker_.Advance(absl::Hours(3));
  ASSERT_THAT(broker_.client(32).controls, SizeIs(1));
  broker_.Connect(34);
  broker_.Give(34, broker_.Delivered(envelope));
  ASSERT_THAT(broker_.client(32).controls, SizeIs(2));
  EXPECT_TRUE(ControlOf(broker_.client(32).controls[1].control()).has_delivery());
  EXPECT_TRUE(ControlOf(broker_.Send(envelope).receipt()).has_delivery());
}

TEST_F(EndingsTest, LaterSealAfterTheNotice_IsAcceptedAnew) {
  const v1::Envelope envelope = Sent({.life = absl::Hours(2)});
  broker_.Advance(absl::Hours(3));
  EXPECT_TRUE(ControlOf(broker_.Send(envelope).receipt()).has_notice());
  const v1::SubmitResult anew = broker_.Send(broker_.Reseal(envelope, 2, absl::Hours(48)));
  ASSERT_TRUE(anew.has_receipt()) << anew.error().what();
  EXPECT_TRUE(ControlOf(anew.receipt()).has_acceptance());
  EXPECT_THAT(broker_.Connect(34).deliveries, SizeIs(1));
}

TEST_F(EndingsTest, Tombstone_TakesTheMessageOutAndReachesTheRecipient) {
  const v1::Envelope envelope = Sent({});
  const v1::ControlRecord tombstone = broker_.TombstoneFor(envelope);
  EXPECT_TRUE(broker_.SendControl(32, tombstone).control_stored());
  EXPECT_TRUE(broker_.SendControl(32, tombstone).control_stored());
  EXPECT_EQ(broker_.Mailbox(34)->messages(), 0u);
  Client& recipient = broker_.Connect(34);
  EXPECT_THAT(recipient.deliveries, IsEmpty());
  ASSERT_THAT(recipient.controls, SizeIs(1));
  EXPECT_TRUE(ControlOf(recipient.controls[0].control()).has_tombstone());
  EXPECT_EQ(broker_.Send(envelope).error().reason(), v1::TOMBSTONE_CAME_FIRST);
  EXPECT_THAT(broker_.Trace(envelope), ElementsAre(v1::TRACE_ACCEPTED, v1::TRACE_TOMBSTONE));
}

TEST_F(EndingsTest, TombstoneAfterTheReceipt_GetsTheReceipt) {
  broker_.Connect(34);
  const v1::Envelope envelope = Sent({});
  broker_.Give(34, broker_.Delivered(envelope));
  const v1::SubmitResult late = broker_.SendControl(32, broker_.TombstoneFor(envelope));
  EXPECT_TRUE(ControlOf(late.receipt()).has_delivery());
}

TEST_F(EndingsTest, TombstoneOfAnotherProvince_IsRefused) {
  const v1::Envelope envelope = Sent({});
  broker_.Connect(51);
  EXPECT_EQ(broker_.SendControl(51, broker_.TombstoneFor(envelope)).error().reason(),
            v1::SPOOFED_SOURCE);
  EXPECT_EQ(broker_.Mailbox(34)->messages(), 1u);
}

TEST_F(EndingsTest, ControlRecords_StayUntilTheirCursorIsAcknowledged) {
  broker_.Connect(34);
  for (char c = 'a'; c < 'd'; ++c) broker_.Give(34, broker_.Delivered(Sent({.case_name = c})));
  ASSERT_THAT(broker_.client(32).controls, SizeIs(3));
  EXPECT_EQ(broker_.Mailbox(32)->control_records(), 3u);
  v1::ReceiveRequest request;
  request.set_control_cursor(2);
  broker_.Receive(32, request);
  EXPECT_EQ(broker_.Mailbox(32)->control_records(), 1u);
  broker_.Disconnect(32);
  Client& again = broker_.Connect(32, {}, 'n', 2);
  ASSERT_THAT(again.controls, SizeIs(1));
  EXPECT_EQ(again.controls[0].cursor(), 3u);
}

TEST_F(EndingsTest, DedupMemory_IsForgottenADayAfterTheMessagesLife) {
  broker_.Connect(34);
  const v1::Envelope envelope = Sent({.life = absl::Hours(2)});
  broker_.Give(34, broker_.Delivered(envelope));
  broker_.Advance(absl::Hours(25));
  EXPECT_TRUE(broker_.Send(envelope).has_receipt());
  broker_.Advance(absl::Hours(2));
  EXPECT_EQ(broker_.Send(envelope).error().reason(), v1::MESSAGE_EXPIRED);
}

TEST_F(EndingsTest, Recovery_PassesDedupWithTheRecipientsReceipt) {
  Client& recipient = broker_.Connect(34);
  const v1::Envelope envelope = Sent({.life = absl::Hours(2)});
  const v1::ControlRecord receipt = broker_.Delivered(envelope);
  broker_.Give(34, receipt);
  broker_.Advance(absl::Hours(3));
  v1::SubmitItem item = ItemOf(envelope);
  item.set_recovery(true);
  *item.mutable_earlier_receipt() = receipt;
  EXPECT_TRUE(broker_.SendAs(broker_.client(32), item).has_receipt());
  ASSERT_THAT(recipient.deliveries, SizeIs(2));
  EXPECT_TRUE(recipient.deliveries[1].recovery());
  EXPECT_EQ(recipient.deliveries[1].earlier_receipt().SerializeAsString(),
            receipt.SerializeAsString());
  broker_.Give(34, broker_.Delivered(envelope, 'j'));
  EXPECT_EQ(broker_.Mailbox(34)->messages(), 0u);
}

}  // namespace
}  // namespace yizhan::testing
