// Sessions, callers, directory changes, test runs, restart.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "tests/support/broker_fixture.h"

namespace yizhan::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

contract::RunId RunNamed(char c) { return *contract::RunId::From(std::string(16, c)); }

class SessionTest : public ::testing::Test {
 protected:
  v1::ErrorReason OpenAs(std::uint32_t certificate, const v1::OpenSessionRequest& request) {
    const auto opened =
        broker_.core->OpenSession(broker_.lab.certificate(certificate), request, broker_.now());
    return contract::ReasonOf(opened.status());
  }
  void OpenRun(char name, std::uint32_t a, std::uint32_t b) {
    broker::TestRun run;
    run.id = RunNamed(name);
    run.initiator = contract::ProvinceCode(a);
    run.counterpart = contract::ProvinceCode(b);
    run.open = true;
    run.messages_left = 3;
    run.bytes_left = 1 << 20;
    broker_.runs.runs[run.id] = run;
  }
  BrokerFixture broker_;
};

TEST_F(SessionTest, StoreBehindOrAnother_IsRestoredUntilARecoveryBeginsItAnew) {
  const auto hello = [&](char incarnation, std::uint64_t records, bool recovered = false) {
    v1::OpenSessionRequest request = broker_.Hello(32, {}, 'n');
    request.set_incarnation(std::string(16, incarnation));
    request.mutable_progress()->set_session_number(1000);
    request.mutable_progress()->set_issuer_number(records);
    request.mutable_progress()->set_recovered(recovered);
    return request;
  };
  EXPECT_EQ(OpenAs(32, hello('a', 0)), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(OpenAs(32, hello('a', 7)), v1::ERROR_REASON_UNSPECIFIED);
  // Another store, that says nothing of a recovery.
  EXPECT_EQ(OpenAs(32, hello('b', 7)), v1::RESTORED);
  EXPECT_EQ(OpenAs(32, hello('b', 7, true)), v1::ERROR_REASON_UNSPECIFIED);
  // The one before stays ended, recovered or not; so after a restart of the broker.
  EXPECT_EQ(OpenAs(32, hello('a', 9)), v1::RESTORED);
  EXPECT_EQ(OpenAs(32, hello('a', 9, true)), v1::RESTORED);
  ASSERT_TRUE(broker_.core->Commit(broker_.now()).ok());
  broker_.CrashAndReopen();
  EXPECT_EQ(OpenAs(32, hello('a', 9, true)), v1::RESTORED);
  EXPECT_EQ(OpenAs(32, hello('b', 7, true)), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_THAT(broker_.core->stats().security_events, IsEmpty());
}

TEST_F(SessionTest, ForeignCertificate_IsUnknown) {
  EXPECT_EQ(OpenAs(77, broker_.Hello(32, {}, 'n')), v1::CALLER_UNKNOWN);
}

TEST_F(SessionTest, CertificateOfAnotherProvince_IsSpoofed) {
  EXPECT_EQ(OpenAs(34, broker_.Hello(32, {}, 'n')), v1::SPOOFED_SOURCE);
  EXPECT_EQ(broker_.core->stats().security_events.at(v1::SPOOFED_SOURCE), 1u);
}

TEST_F(SessionTest, WrongClock_IsRefusedNamingBoth) {
  v1::OpenSessionRequest request = broker_.Hello(32, {}, 'n');
  request.set_now_unix_us(request.now_unix_us() - 301'000'000);
  const auto opened =
      broker_.core->OpenSession(broker_.lab.certificate(32), request, broker_.now());
  EXPECT_EQ(contract::ReasonOf(opened.status()), v1::CLOCK_SKEW);
  const v1::ErrorDetail detail = contract::DetailOf(opened.status());
  EXPECT_NE(detail.metadata().at("node_clock"), detail.metadata().at("broker_clock"));
}

TEST_F(SessionTest, MalformedHello_NamesTheField) {
  v1::OpenSessionRequest request = broker_.Hello(32, {}, 'n');
  request.set_protocol_version(9);
  EXPECT_EQ(OpenAs(32, request), v1::VERSION_UNSUPPORTED);
  request = broker_.Hello(32, {}, 'n');
  request.set_boot_nonce("short");
  EXPECT_EQ(OpenAs(32, request), v1::STREAM_MALFORMED);
  request = broker_.Hello(32, {}, 'n');
  request.set_lane(v1::LANE_UNSPECIFIED);
  EXPECT_EQ(OpenAs(32, request), v1::STREAM_MALFORMED);
}

TEST_F(SessionTest, NewerSessionOfAnotherProcess_FencesTheOlder) {
  const Client first = broker_.Connect(32, {}, 'a');
  const auto opened =
      broker_.core->OpenSession(first.certificate, broker_.Hello(32, {}, 'b'), broker_.now());
  ASSERT_TRUE(opened.ok());
  EXPECT_GT(opened->session_number(), first.session);
  broker_.Commit();
  Client& fenced = broker_.client(32);
  ASSERT_TRUE(fenced.submit_closed && fenced.receive_closed);
  EXPECT_EQ(contract::ReasonOf(*fenced.submit_closed), v1::SESSION_FENCED);
  EXPECT_EQ(contract::DetailOf(*fenced.receive_closed).metadata().at("boot_nonce"),
            "62626262626262626262626262626262");
  // A late stream of the fenced session learns it too.
  v1::SubmitRequest hello;
  hello.mutable_hello()->set_session_number(first.session);
  fenced.submit = broker::StreamId(500);
  fenced.submit_closed.reset();
  broker_.core->OnSubmit(fenced.submit, first.certificate, hello, broker_.now());
  broker_.Commit();
  EXPECT_EQ(contract::ReasonOf(*fenced.submit_closed), v1::SESSION_FENCED);
}

TEST_F(SessionTest, SameProcessAgain_IsNotFencedByAnother) {
  broker_.Connect(32, {}, 'a');
  Client& before = broker_.client(32);
  ASSERT_TRUE(
      broker_.core->OpenSession(before.certificate, broker_.Hello(32, {}, 'a'), broker_.now())
          .ok());
  broker_.Commit();
  EXPECT_EQ(contract::ReasonOf(*before.submit_closed), v1::SESSION_UNKNOWN);
  EXPECT_EQ(broker_.core->stats().sessions_fenced, 0u);
}

TEST_F(SessionTest, SessionOfAnother_CannotBeUsed) {
  Client& theirs = broker_.Connect(34);
  v1::SubmitRequest hello;
  hello.mutable_hello()->set_session_number(theirs.session);
  Client& mine = broker_.Connect(32);
  mine.submit = broker::StreamId(500);
  broker_.core->OnSubmit(mine.submit, mine.certificate, hello, broker_.now());
  broker_.Commit();
  EXPECT_EQ(contract::ReasonOf(*mine.submit_closed), v1::SPOOFED_SOURCE);
}

TEST_F(SessionTest, StreamWithoutHello_IsClosed) {
  Client& client = broker_.Connect(32);
  client.submit = broker::StreamId(500);
  v1::SubmitRequest batch;
  batch.mutable_batch();
  broker_.core->OnSubmit(client.submit, client.certificate, batch, broker_.now());
  broker_.Commit();
  EXPECT_EQ(contract::ReasonOf(*client.submit_closed), v1::STREAM_MALFORMED);
}

TEST_F(SessionTest, TooLargeBatch_ClosesTheStream) {
  Client& client = broker_.Connect(32);
  v1::SubmitRequest request;
  for (int i = 0; i < 257; ++i) request.mutable_batch()->add_items();
  broker_.core->OnSubmit(client.submit, client.certificate, request, broker_.now());
  broker_.Commit();
  EXPECT_EQ(contract::ReasonOf(*client.submit_closed), v1::STREAM_MALFORMED);
}

TEST_F(SessionTest, RevokedMember_LosesItsStreamsAtOnce) {
  Client& client = broker_.Connect(32);
  Client& other = broker_.Connect(34);
  broker_.Append(broker_.lab.SetStatus(32, v1::MEMBER_REVOKED));
  ASSERT_TRUE(client.submit_closed && client.receive_closed);
  EXPECT_EQ(contract::ReasonOf(*client.receive_closed), v1::CERTIFICATE_REVOKED);
  EXPECT_FALSE(other.receive_closed.has_value());
  EXPECT_EQ(OpenAs(32, broker_.Hello(32, {}, 'n')), v1::CALLER_UNKNOWN);
}

TEST_F(SessionTest, DirectoryChange_IsToldToEveryReceiveStream) {
  Client& client = broker_.Connect(32);
  ASSERT_THAT(client.heads, SizeIs(1)) << "the head at the beginning";
  broker_.OpenLink(32, 34);
  ASSERT_THAT(client.heads, SizeIs(2));
  EXPECT_EQ(client.heads[1].size(), broker_.lab.state().head().size());
  v1::FetchEntriesRequest fetch;
  fetch.set_from(client.heads[0].size());
  const auto fetched = broker_.core->FetchEntries(fetch);
  ASSERT_THAT(fetched->entries(), SizeIs(1));
  EXPECT_EQ(fetched->entries(0).entry(), broker_.lab.entries().back().entry());
}

TEST_F(SessionTest, EntryThatIsThere_AlreadyExistsAndAWrongOneIsRefused) {
  const auto again = broker_.core->AppendEntry(broker_.lab.entries()[1], broker_.now());
  EXPECT_EQ(again.status().code(), absl::StatusCode::kAlreadyExists);
  v1::SignedEntry report = broker_.lab.MakeReport(32, 34, RunNamed('r'));
  report.mutable_signatures()->RemoveLast();
  const auto refused = broker_.core->AppendEntry(report, broker_.now());
  EXPECT_EQ(contract::ReasonOf(refused.status()), v1::DIRECTORY_ENTRY_REFUSED);
  EXPECT_EQ(broker_.core->directory().head().size(), broker_.lab.entries().size());
}

TEST_F(SessionTest, TestLane_ExistsInsideAnOpenRunAlone) {
  EXPECT_EQ(OpenAs(32, broker_.Hello(32, RunNamed('r'), 'n')), v1::TEST_RUN_UNKNOWN);
  OpenRun('r', 32, 34);
  EXPECT_EQ(OpenAs(51, broker_.Hello(51, RunNamed('r'), 'n')), v1::TEST_RUN_UNKNOWN);
  broker_.Connect(32);
  broker_.Connect(32, RunNamed('r'));
  broker_.Connect(34);
  Client& recipient = broker_.Connect(34, RunNamed('r'));
  const v1::Envelope message =
      broker_.Make({.kind = v1::TEST_MESSAGE, .run = RunNamed('r'), .life = absl::Minutes(1)});
  EXPECT_TRUE(broker_.Send(message).has_receipt());
  EXPECT_THAT(recipient.deliveries, SizeIs(1));
  EXPECT_THAT(broker_.client(34).deliveries, IsEmpty()) << "the business session sees nothing";
  broker_.Give(34, broker_.Delivered(message));
  EXPECT_THAT(broker_.client(32, RunNamed('r')).controls, SizeIs(1));
  EXPECT_THAT(broker_.core->EvidenceOfRun(RunNamed('r')), SizeIs(2));
}

TEST_F(SessionTest, TestRun_IsBoundedAndItsRefusalsAreEvidence) {
  OpenRun('r', 32, 34);
  broker_.Connect(32, RunNamed('r'));
  const auto message = [&](std::uint32_t to, char c) {
    return broker_.Make({.to = to, .kind = v1::TEST_MESSAGE, .case_name = c, .run = RunNamed('r')});
  };
  v1::Envelope altered = message(34, 'a');
  altered.set_body(altered.body() + "x");
  EXPECT_EQ(broker_.Send(altered).error().reason(), v1::BODY_DIGEST_MISMATCH);
  EXPECT_THAT(broker_.Trace(altered), ElementsAre(v1::TRACE_REFUSED));
  const v1::SubmitResult elsewhere = broker_.Send(message(51, 'b'));
  EXPECT_EQ(elsewhere.error().reason(), v1::ENVELOPE_LINK_NOT_OPEN);
  EXPECT_TRUE(elsewhere.has_refusal());
  EXPECT_TRUE(broker_.Send(message(34, 'c')).has_receipt());
  EXPECT_EQ(broker_.Send(message(34, 'd')).error().reason(), v1::QUOTA_EXCEEDED);
  EXPECT_THAT(broker_.core->EvidenceOfRun(RunNamed('r')), SizeIs(3));
}

TEST_F(SessionTest, BusinessMessageOnTheClosedPairOfARun_LeavesEvidence) {
  OpenRun('r', 32, 34);
  broker_.Connect(32);
  const v1::Envelope envelope = broker_.Make({});
  EXPECT_EQ(broker_.Send(envelope).error().reason(), v1::ENVELOPE_LINK_NOT_OPEN);
  EXPECT_THAT(broker_.Trace(envelope), ElementsAre(v1::TRACE_REFUSED));
}

TEST_F(SessionTest, ClosedRun_LosesItsSessionsAndMailboxes) {
  OpenRun('r', 32, 34);
  broker_.Connect(32);
  Client& tester = broker_.Connect(32, RunNamed('r'));
  broker_.Send(broker_.Make({.kind = v1::TEST_MESSAGE, .run = RunNamed('r')}));
  EXPECT_EQ(broker_.Mailbox(34, v1::LANE_TEST)->messages(), 1u);
  broker_.runs.runs[RunNamed('r')].open = false;
  broker_.core->CloseRun(RunNamed('r'));
  broker_.Commit();
  EXPECT_EQ(contract::ReasonOf(*tester.submit_closed), v1::TEST_RUN_UNKNOWN);
  EXPECT_FALSE(broker_.Mailbox(34, v1::LANE_TEST).has_value());
  EXPECT_FALSE(broker_.client(32).submit_closed.has_value());
}

TEST_F(SessionTest, PushedRun_ReachesTheBusinessSessionOnce) {
  Client& client = broker_.Connect(32);
  v1::LinkRun run;
  run.set_run_id(RunNamed('r').str());
  broker_.core->PushRun(contract::ProvinceCode(32), run);
  broker_.Commit();
  broker_.Commit();
  EXPECT_THAT(client.runs, SizeIs(1));
}

TEST_F(SessionTest, Restart_RecoversMessagesReceiptsControlsAndEvidence) {
  broker_.OpenLink(32, 34);
  broker_.Connect(32);
  broker_.Connect(34);
  const v1::Envelope done = broker_.Make({.case_name = 'a'});
  broker_.Send(done);
  broker_.Disconnect(32);
  broker_.Give(34, broker_.Delivered(done));
  broker_.Connect(32);
  broker_.Disconnect(34);
  const v1::Envelope waiting = broker_.Make({.case_name = 'b'});
  const v1::ControlRecord receipt = broker_.Send(waiting).receipt();
  const std::uint64_t session = broker_.client(32).session;
  const v1::LogCheckpoint log = broker_.core->CountMessages().log_checkpoint();

  broker_.CrashAndReopen();
  EXPECT_EQ(broker_.core->CountMessages().log_checkpoint().SerializeAsString(),
            log.SerializeAsString());
  EXPECT_EQ(broker_.core->directory().head().SerializeAsString(),
            broker_.lab.state().head().SerializeAsString());
  Client& sender = broker_.Connect(32);
  EXPECT_GT(sender.session, session);
  ASSERT_THAT(sender.controls, SizeIs(1)) << "the receipt that the sender has not stored yet";
  EXPECT_EQ(AcceptanceIn(broker_.Send(waiting).receipt()), AcceptanceIn(receipt));
  EXPECT_TRUE(ControlOf(broker_.Send(done).receipt()).has_delivery());
  Client& recipient = broker_.Connect(34);
  ASSERT_THAT(recipient.deliveries, SizeIs(1));
  EXPECT_EQ(recipient.deliveries[0].position(), 2u);
  EXPECT_THAT(broker_.Trace(done), ElementsAre(v1::TRACE_ACCEPTED, v1::TRACE_DELIVERED));
}

TEST_F(SessionTest, Restart_MakesOldSessionsUnknown) {
  const std::uint64_t session = broker_.Connect(32).session;
  broker_.CrashAndReopen();
  Client& client = broker_.Connect(34);
  v1::SubmitRequest hello;
  hello.mutable_hello()->set_session_number(session);
  client.submit = broker::StreamId(500);
  broker_.core->OnSubmit(client.submit, broker_.lab.certificate(32), hello, broker_.now());
  broker_.Commit();
  EXPECT_EQ(contract::ReasonOf(*client.submit_closed), v1::SESSION_UNKNOWN);
}

TEST_F(SessionTest, GenesisOfAnotherNetwork_StopsTheStart) {
  BreakableStore fresh;
  platform::SeededRandom random(1);
  broker::BrokerCore::Options options;
  options.store = &fresh;
  options.algorithms = broker_.lab.algorithms();
  options.signer = &broker_.lab.broker_signer();
  options.random = &random;
  options.genesis = broker_.lab.entries();
  options.genesis_digest = *contract::Digest::From(std::string(32, 'x'));
  const auto wrong = broker::BrokerCore::Create(options, broker_.now());
  EXPECT_EQ(contract::ReasonOf(wrong.status()), v1::CONFIG_INVALID);
  options.genesis_digest = broker_.lab.genesis_digest();
  options.signer = &broker_.lab.signer(32);
  const auto wrong_key = broker::BrokerCore::Create(options, broker_.now());
  EXPECT_EQ(contract::ReasonOf(wrong_key.status()), v1::CONFIG_INVALID);
  EXPECT_THAT(wrong_key.status().message(), HasSubstr("keys.sign_private_key"));
}

TEST_F(SessionTest, Counts_AreByLanePairAndKind) {
  broker_.OpenLink(32, 34);
  broker_.Connect(32);
  broker_.Connect(34);
  const v1::Envelope envelope = broker_.Make({});
  broker_.Send(envelope);
  broker_.Give(34, broker_.Delivered(envelope));
  const v1::CountMessagesResponse counts = broker_.core->CountMessages();
  ASSERT_THAT(counts.counts(), SizeIs(1));
  EXPECT_EQ(counts.counts(0).kind(), v1::ELIGIBILITY_QUERY);
  EXPECT_EQ(counts.counts(0).accepted(), 1u);
  EXPECT_EQ(counts.counts(0).delivered(), 1u);
  EXPECT_EQ(counts.log_checkpoint().size(), 2u);
}

}  // namespace
}  // namespace yizhan::testing
