// Admission: what is stored, what is refused, and what a repetition gets.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/control.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "tests/support/broker_fixture.h"

namespace yizhan::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SubmitTest : public ::testing::Test {
 protected:
  SubmitTest() {
    broker_.OpenLink(32, 34);
    broker_.Connect(32);
  }
  void ExpectRefused(const v1::SubmitResult& result, v1::ErrorReason reason, bool final) {
    EXPECT_EQ(v1::ErrorReason_Name(result.error().reason()), v1::ErrorReason_Name(reason))
        << result.error().what();
    EXPECT_FALSE(result.has_receipt());
    EXPECT_EQ(result.has_refusal(), final);
    EXPECT_FALSE(result.error().next_step().empty());
  }
  void ExpectNothingStored() {
    EXPECT_EQ(broker_.Mailbox(34)->messages(), 0u);
    EXPECT_THAT(broker_.core->CountMessages().counts(), IsEmpty());
  }
  BrokerFixture broker_;
};

TEST_F(SubmitTest, GoodMessage_IsStoredLoggedAndReceiptedByTheBrokersKey) {
  const v1::Envelope envelope = broker_.Make({});
  const v1::SubmitResult result = broker_.Send(envelope);
  ASSERT_TRUE(result.has_receipt()) << result.error().what();
  EXPECT_EQ(result.tag(), 77u);
  const auto parsed = contract::ParseControl(*broker_.lab.algorithms().hasher, result.receipt());
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  contract::SignatureChecker checker(broker_.lab.algorithms().hasher,
                                     broker_.lab.algorithms().verifier);
  EXPECT_TRUE(contract::CheckControl(broker_.lab.state(), checker, result.receipt(), *parsed).ok());
  EXPECT_EQ(parsed->control.acceptance().mailbox_position(), 1u);
  EXPECT_EQ(parsed->control.acceptance().log_position(), 1u);
  EXPECT_EQ(parsed->header_digest, broker_.Parse(envelope).header_digest);
  EXPECT_THAT(broker_.Trace(envelope), ElementsAre(v1::TRACE_ACCEPTED));
  EXPECT_EQ(broker_.Mailbox(34)->messages(), 1u);
}

TEST_F(SubmitTest, Receipt_LeavesOnlyAfterTheGroupIsOnDisk) {
  Client& sender = broker_.client(32);
  const v1::Envelope envelope = broker_.Make({});
  broker_.Submit(sender, ItemOf(envelope));
  EXPECT_THAT(broker_.core->TakeEffects(), IsEmpty());
  broker_.store.broken = true;
  const absl::Status failed = broker_.TryCommit();
  EXPECT_EQ(contract::ReasonOf(failed), v1::STORAGE_FAILED);
  EXPECT_THAT(sender.results, IsEmpty());
  broker_.store.broken = false;
  EXPECT_FALSE(broker_.TryCommit().ok()) << "a failed store must stay failed";
  broker_.CrashAndReopen();
  broker_.Connect(32);
  EXPECT_EQ(broker_.Mailbox(34)->messages(), 0u);
  EXPECT_TRUE(broker_.Send(envelope).has_receipt());
}

TEST_F(SubmitTest, GroupOfMessages_IsOneWriteAndOneRootSignature) {
  Client& sender = broker_.client(32);
  const int before = broker_.store.writes;
  broker_.Submit(sender, ItemOf(broker_.Make({.case_name = 'a'})));
  broker_.Submit(sender, ItemOf(broker_.Make({.case_name = 'b'})));
  broker_.Submit(sender, ItemOf(broker_.Make({.case_name = 'c'})));
  broker_.Commit();
  EXPECT_EQ(broker_.store.writes, before + 1);
  ASSERT_THAT(sender.results, SizeIs(3));
  EXPECT_EQ(sender.results[0].receipt().signature().leaf_count(), 3u);
  EXPECT_EQ(sender.results[0].receipt().signature().root_signature(),
            sender.results[2].receipt().signature().root_signature());
}

TEST_F(SubmitTest, SameMessageAgain_GetsTheSameAcceptanceAndIsStoredOnce) {
  const v1::Envelope envelope = broker_.Make({});
  const v1::SubmitResult first = broker_.Send(envelope);
  const v1::SubmitResult again = broker_.Send(envelope);
  EXPECT_EQ(AcceptanceIn(first.receipt()), AcceptanceIn(again.receipt()));
  EXPECT_EQ(broker_.Mailbox(34)->messages(), 1u);
  EXPECT_THAT(broker_.Trace(envelope), SizeIs(1));
}

TEST_F(SubmitTest, SameMessageTwiceInOneGroup_GetsTheSameAcceptance) {
  Client& sender = broker_.client(32);
  const v1::Envelope envelope = broker_.Make({});
  broker_.Submit(sender, ItemOf(envelope));
  broker_.Submit(sender, ItemOf(envelope));
  broker_.Commit();
  ASSERT_THAT(sender.results, SizeIs(2));
  EXPECT_TRUE(sender.results[0].has_receipt());
  EXPECT_EQ(AcceptanceIn(sender.results[0].receipt()), AcceptanceIn(sender.results[1].receipt()));
}

TEST_F(SubmitTest, SameIdentityOtherHeader_IsAConflictAndASecurityEvent) {
  broker_.Send(broker_.Make({}));
  const v1::Envelope other = broker_.Make({});
  ExpectRefused(broker_.Send(other), v1::IDENTITY_CONFLICT, false);
  EXPECT_EQ(broker_.core->stats().security_events.at(v1::IDENTITY_CONFLICT), 1u);
  EXPECT_EQ(broker_.Mailbox(34)->messages(), 1u);
  EXPECT_THAT(broker_.Trace(other), IsEmpty());
}

TEST_F(SubmitTest, UnverifiedRepetition_LearnsNothing) {
  v1::Envelope envelope = broker_.Make({});
  broker_.Send(envelope);
  broker_.Sign(&envelope, broker_.lab.signer(34));
  ExpectRefused(broker_.Send(envelope), v1::SIGNER_NOT_SOURCE, false);
  v1::Envelope forged = broker_.Make({});
  forged.mutable_signature()->set_root_signature("nonsense");
  ExpectRefused(broker_.Send(forged), v1::SIGNATURE_INVALID, false);
  EXPECT_EQ(broker_.core->stats().signature_failures, 1u);
}

TEST_F(SubmitTest, HigherSeal_ReplacesTheBodyInPlaceWithANewReceipt) {
  broker_.Connect(34);
  broker_.Disconnect(34);
  const v1::Envelope envelope = broker_.Make({});
  const v1::SubmitResult first = broker_.Send(envelope);
  const v1::Envelope second = broker_.Reseal(envelope, 2, absl::Hours(48));
  const v1::SubmitResult resealed = broker_.Send(second);
  ASSERT_TRUE(resealed.has_receipt()) << resealed.error().what();
  const v1::Control receipt = ControlOf(resealed.receipt());
  EXPECT_EQ(receipt.acceptance().seal_number(), 2u);
  EXPECT_EQ(receipt.acceptance().mailbox_position(), 1u);
  EXPECT_EQ(broker_.Mailbox(34)->messages(), 1u);
  EXPECT_EQ(broker_.Mailbox(34)->bytes(), second.ByteSizeLong());
  ExpectRefused(broker_.Send(envelope), v1::SEAL_SUPERSEDED, false);
  Client& recipient = broker_.Connect(34);
  ASSERT_THAT(recipient.deliveries, SizeIs(1));
  EXPECT_EQ(recipient.deliveries[0].envelope().seal(), second.seal());
  EXPECT_THAT(broker_.Trace(envelope), ElementsAre(v1::TRACE_ACCEPTED, v1::TRACE_RESEALED));
}

TEST_F(SubmitTest, SourceOfAnotherProvince_IsSpoofed) {
  const v1::Envelope envelope = broker_.Make({.from = 34, .to = 32, .kind = v1::REVIEW_DECISION});
  ExpectRefused(broker_.SendAs(broker_.client(32), ItemOf(envelope)), v1::SPOOFED_SOURCE, false);
  EXPECT_EQ(broker_.core->stats().security_events.at(v1::SPOOFED_SOURCE), 1u);
  ExpectNothingStored();
}

TEST_F(SubmitTest, ClosedLink_IsFinallyRefusedWithASignedRecord) {
  const v1::Envelope envelope = broker_.Make({.to = 51});
  const v1::SubmitResult result = broker_.Send(envelope);
  ExpectRefused(result, v1::ENVELOPE_LINK_NOT_OPEN, true);
  const v1::Control refusal = ControlOf(result.refusal());
  EXPECT_TRUE(refusal.refusal().consumes_number());
  EXPECT_EQ(refusal.issuer(), 0u);
  EXPECT_EQ(refusal.refusal().error().reason(), v1::ENVELOPE_LINK_NOT_OPEN);
  EXPECT_EQ(refusal.refusal().seal_digest(), broker_.Parse(envelope).seal_digest.view());
  ExpectNothingStored();
}

TEST_F(SubmitTest, ClosedLinkWithAForgedSignature_GetsNoSignedRefusal) {
  v1::Envelope envelope = broker_.Make({.to = 51});
  broker_.Sign(&envelope, broker_.lab.stranger());
  ExpectRefused(broker_.Send(envelope), v1::SIGNER_UNKNOWN, false);
}

TEST_F(SubmitTest, EachFinalReason_IsSigned) {
  ExpectRefused(broker_.Send(broker_.Make({.kind = v1::TEST_MESSAGE})), v1::KIND_NOT_ALLOWED, true);
  ExpectRefused(broker_.Send(broker_.Make({.life = absl::Minutes(5)})), v1::LIFE_OUT_OF_RANGE,
                true);
  ExpectRefused(broker_.Send(broker_.Make({.life = absl::Hours(24 * 91)})), v1::LIFE_OUT_OF_RANGE,
                true);
  ExpectRefused(broker_.Send(broker_.Make({.to = 99})), v1::DESTINATION_UNKNOWN, true);
  v1::Envelope large = broker_.Make({});
  large.set_body(std::string(contract::kMaxBodyBytes + 1, 'x'));
  ExpectRefused(broker_.Send(large), v1::BODY_TOO_LARGE, true);
  const v1::Envelope old = broker_.Make({.life = absl::Hours(2)});
  broker_.Advance(absl::Hours(3));
  ExpectRefused(broker_.Send(old), v1::MESSAGE_EXPIRED, true);
  ExpectNothingStored();
}

TEST_F(SubmitTest, AcceptedMessageAgainAfterItsExpiry_IsNotFinallyRefused) {
  const v1::Envelope envelope = broker_.Make({.life = absl::Hours(2)});
  broker_.Send(envelope);
  broker_.Advance(absl::Hours(2) + absl::Minutes(1));
  EXPECT_TRUE(broker_.Send(envelope).has_receipt());
}

TEST_F(SubmitTest, SuspendedRoute_StopsNewCasesAlone) {
  broker_.Send(broker_.Make({}));
  broker_.Append(broker_.lab.ChangeRoute(32, 34, v1::ROUTE_SUSPENDED));
  ExpectRefused(broker_.Send(broker_.Make({.case_name = 'b'})), v1::NEW_CASE_ON_SUSPENDED_ROUTE,
                true);
  const v1::Envelope running = broker_.Make({.kind = v1::ACCEPTANCE, .sequence = 2});
  EXPECT_TRUE(broker_.Send(running).has_receipt());
}

TEST_F(SubmitTest, CutRoute_HoldsWithARetry) {
  broker_.Append(broker_.lab.ChangeRoute(32, 34, v1::ROUTE_CUT));
  const v1::SubmitResult result = broker_.Send(broker_.Make({}));
  ExpectRefused(result, v1::LINK_CUT, false);
  EXPECT_GT(result.error().retry_after_ms(), 0);
}

TEST_F(SubmitTest, AlteredBody_IsRefusedAndNothingDelivered) {
  broker_.Connect(34);
  v1::Envelope envelope = broker_.Make({});
  (*envelope.mutable_body())[10] ^= 1;
  ExpectRefused(broker_.Send(envelope), v1::BODY_DIGEST_MISMATCH, false);
  EXPECT_THAT(broker_.client(34).deliveries, IsEmpty());
  ExpectNothingStored();
}

TEST_F(SubmitTest, AlteredHeader_FailsItsSignature) {
  v1::Envelope envelope = broker_.Make({});
  v1::Header header;
  header.ParseFromString(envelope.header());
  header.set_case_handle(std::string(16, 'z'));
  envelope.set_header(header.SerializeAsString());
  ExpectRefused(broker_.Send(envelope), v1::SIGNATURE_INVALID, false);
  ExpectNothingStored();
}

TEST_F(SubmitTest, SealedToAKeyThatTheRecipientLacks_IsRefused) {
  v1::Envelope envelope = broker_.Make({});
  v1::Seal seal;
  seal.ParseFromString(envelope.seal());
  seal.set_recipient_key_id(broker_.lab.sealing_key(51).key_id());
  envelope.set_seal(seal.SerializeAsString());
  broker_.Sign(&envelope, broker_.lab.signer(32));
  ExpectRefused(broker_.Send(envelope), v1::RECIPIENT_KEY_UNKNOWN, false);
}

TEST_F(SubmitTest, CreatedTooFarAhead_NamesBothClocks) {
  v1::Envelope envelope = broker_.Make({});
  v1::Header header;
  header.ParseFromString(envelope.header());
  header.set_created_unix_us(broker_.now().unix_us() + 6 * 60 * 1'000'000LL);
  envelope.set_header(header.SerializeAsString());
  broker_.Sign(&envelope, broker_.lab.signer(32));
  const v1::SubmitResult result = broker_.Send(envelope);
  ExpectRefused(result, v1::CREATED_IN_FUTURE, false);
  EXPECT_THAT(result.error().what(), HasSubstr("here"));
}

TEST_F(SubmitTest, MalformedItem_GetsItsResultAndTheStreamLives) {
  v1::SubmitItem empty;
  empty.set_tag(5);
  ExpectRefused(broker_.SendAs(broker_.client(32), empty), v1::STREAM_MALFORMED, false);
  v1::Envelope broken = broker_.Make({});
  broken.set_header("no header");
  v1::SubmitItem item = ItemOf(broken);
  ExpectRefused(broker_.SendAs(broker_.client(32), item), v1::HEADER_MALFORMED, false);
  EXPECT_FALSE(broker_.client(32).submit_closed.has_value());
  EXPECT_TRUE(broker_.Send(broker_.Make({})).has_receipt());
}

TEST(SubmitLimits, FullPair_IsRefusedAndOthersAreUnhurt) {
  broker::BrokerLimits limits;
  limits.mailbox_messages = 2;
  BrokerFixture broker(limits);
  broker.OpenLink(32, 34);
  broker.OpenLink(51, 34);
  broker.Connect(32);
  broker.Connect(51);
  EXPECT_TRUE(broker.Send(broker.Make({.case_name = 'a'})).has_receipt());
  EXPECT_TRUE(broker.Send(broker.Make({.case_name = 'b'})).has_receipt());
  const v1::SubmitResult full = broker.Send(broker.Make({.case_name = 'c'}));
  EXPECT_EQ(full.error().reason(), v1::QUOTA_EXCEEDED);
  EXPECT_GT(full.error().retry_after_ms(), 0);
  EXPECT_TRUE(broker.Send(broker.Make({.from = 51, .case_name = 'd'})).has_receipt());
}

TEST(SubmitLimits, DiskNearlyFull_RefusesNewAndStillDelivers) {
  BrokerFixture broker;
  broker.OpenLink(32, 34);
  broker.Connect(32);
  broker.Send(broker.Make({}));
  broker.core->SetFreeDiskBytes(1000);
  EXPECT_EQ(broker.Send(broker.Make({.case_name = 'b'})).error().reason(), v1::STORAGE_FULL);
  EXPECT_THAT(broker.Connect(34).deliveries, SizeIs(1));
}

TEST(SubmitLimits, ForgedSignatures_SpendTheBudgetOfTheirSourceAlone) {
  broker::BrokerLimits limits;
  limits.asymmetric_per_second = 1;
  BrokerFixture broker(limits);
  broker.OpenLink(32, 34);
  broker.OpenLink(51, 34);
  broker.Connect(32);
  broker.Connect(51);
  v1::Envelope forged = broker.Make({});
  forged.mutable_signature()->set_root_signature("nonsense");
  EXPECT_EQ(broker.Send(forged).error().reason(), v1::SIGNATURE_INVALID);
  EXPECT_EQ(broker.Send(forged).error().reason(), v1::SIGNATURE_INVALID);
  EXPECT_EQ(broker.Send(forged).error().reason(), v1::VERIFICATION_BUDGET_EXCEEDED);
  EXPECT_TRUE(broker.Send(broker.Make({.from = 51})).has_receipt());
  broker.Advance(absl::Seconds(1));
  EXPECT_TRUE(broker.Send(broker.Make({})).has_receipt());
}

}  // namespace
}  // namespace yizhan::testing
