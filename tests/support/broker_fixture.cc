#include "tests/support/broker_fixture.h"

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "protos/contract/control.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "protos/contract/signing.h"

namespace yizhan::testing {
namespace {

[[noreturn]] void Die(absl::string_view what) {
  std::fprintf(stderr, "broker fixture: %s\n", std::string(what).c_str());
  std::abort();
}

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) Die(value.status().ToString());
  return *std::move(value);
}

std::string Filled(char with, std::size_t size) { return std::string(size, with); }

}  // namespace

std::optional<broker::TestRun> FakeTestRuns::Find(const contract::RunId& run, absl::Time) const {
  const auto found = runs.find(run);
  if (found == runs.end()) return std::nullopt;
  return found->second;
}

std::optional<broker::TestRun> FakeTestRuns::FindBetween(contract::ProvinceCode a,
                                                         contract::ProvinceCode b,
                                                         absl::Time) const {
  for (const auto& [id, run] : runs) {
    if (run.open && run.Has(a) && run.Has(b)) return run;
  }
  return std::nullopt;
}

std::optional<broker::TestRun> FakeTestRuns::FindOf(contract::ProvinceCode province,
                                                    absl::Time) const {
  for (const auto& [id, run] : runs) {
    if (run.open && run.Has(province)) return run;
  }
  return std::nullopt;
}

absl::Status FakeTestRuns::Charge(const contract::RunId& id, std::uint64_t messages,
                                  std::uint64_t bytes) {
  broker::TestRun& run = runs.at(id);
  if (run.messages_left < messages || run.bytes_left < bytes) {
    return contract::MakeError(v1::QUOTA_EXCEEDED, v1::SIDE_MINE, "the run's budget is spent", "");
  }
  run.messages_left -= messages;
  run.bytes_left -= bytes;
  return absl::OkStatus();
}

BrokerFixture::BrokerFixture(broker::BrokerLimits limits,
                             const std::vector<std::uint32_t>& provinces)
    : lab(provinces, absl::FromUnixSeconds(1'772'413'200)),
      limits_(limits),
      now_{absl::FromUnixSeconds(1'772'413'200), absl::Hours(1)},
      sealer_(lab.algorithms(), &random_),
      genesis_(lab.entries()) {
  Open();
}

void BrokerFixture::Open() {
  broker::BrokerCore::Options options;
  options.store = &store;
  options.algorithms = lab.algorithms();
  options.signer = &lab.broker_signer();
  options.random = &random_;
  options.limits = limits_;
  options.genesis = genesis_;
  options.genesis_digest = lab.genesis_digest();
  options.build = "test";
  core = OrDie(broker::BrokerCore::Create(std::move(options), now_));
  core->SetTestRuns(&runs);
}

void BrokerFixture::CrashAndReopen() {
  core.reset();
  clients_.clear();
  Open();
}

v1::OpenSessionRequest BrokerFixture::Hello(std::uint32_t province, const contract::RunId& run,
                                            char nonce) const {
  v1::OpenSessionRequest request;
  request.set_protocol_version(contract::kProtocolVersion);
  request.set_province(province);
  request.set_lane(run.is_zero() ? v1::LANE_BUSINESS : v1::LANE_TEST);
  if (!run.is_zero()) request.set_test_run_id(run.str());
  request.set_incarnation(Filled('i', 16));
  request.set_boot_nonce(Filled(nonce, 16));
  request.set_now_unix_us(now_.unix_us());
  request.set_build("test");
  return request;
}

Client& BrokerFixture::Connect(std::uint32_t province, const contract::RunId& run, char nonce,
                               std::uint64_t cursor) {
  const auto certificate = lab.certificate(province);
  const auto opened = core->OpenSession(certificate, Hello(province, run, nonce), now_);
  if (!opened.ok()) Die(opened.status().ToString());
  Commit();  // effects for the session before go to the client before
  Client& client = clients_[{province, run}] = Client();
  client.certificate = certificate;
  client.session = opened->session_number();
  client.submit = broker::StreamId(next_stream_++);
  client.receive = broker::StreamId(next_stream_++);
  v1::SubmitRequest submit;
  submit.mutable_hello()->set_session_number(client.session);
  core->OnSubmit(client.submit, certificate, submit, now_);
  v1::ReceiveRequest receive;
  receive.mutable_hello()->set_session_number(client.session);
  receive.mutable_hello()->set_control_cursor(cursor);
  receive.set_credit_messages(contract::kDefaultCreditMessages);
  receive.set_credit_bytes(contract::kDefaultCreditBytes);
  Receive(client, receive);
  return client;
}

void BrokerFixture::Disconnect(std::uint32_t province) {
  Client& gone = client(province);
  core->StreamClosed(gone.submit);
  core->StreamClosed(gone.receive);
  Commit();
}

Client& BrokerFixture::client(std::uint32_t province, const contract::RunId& run) {
  const auto found = clients_.find({province, run});
  if (found == clients_.end()) Die(absl::StrCat("province ", province, " is not connected"));
  return found->second;
}

contract::ParsedEnvelope BrokerFixture::Parse(const v1::Envelope& envelope) const {
  return OrDie(contract::ParseEnvelope(*lab.algorithms().hasher, envelope));
}

v1::MessageRef BrokerFixture::RefOf(const v1::Envelope& envelope) const {
  return contract::MakeMessageRef(Parse(envelope));
}

v1::Envelope BrokerFixture::Make(const MessageSpec& spec) {
  v1::Plaintext plaintext;
  plaintext.set_commitment_salt(random_.Bytes(32));
  plaintext.set_payload(random_.Bytes(spec.payload_bytes));
  const contract::Hasher& hasher = *lab.algorithms().hasher;
  v1::Header header;
  header.set_format_version(contract::kFormatVersion);
  header.set_suite(v1::SUITE_SM);
  header.set_lane(spec.run.is_zero() ? v1::LANE_BUSINESS : v1::LANE_TEST);
  if (!spec.run.is_zero()) header.set_test_run_id(spec.run.str());
  header.set_source(spec.from);
  header.set_destination(spec.to);
  header.set_kind(spec.kind);
  header.set_case_handle(Filled(spec.case_name, 16));
  header.set_sequence(spec.sequence);
  if (spec.sequence > 1) header.set_previous_header_digest(Filled('p', 32));
  header.set_pair_counter(next_counter_++);
  header.set_commitment(
      contract::Commitment(hasher, plaintext.commitment_salt(), plaintext.payload()).str());
  header.set_created_unix_us(now_.unix_us());
  header.set_store_incarnation(Filled('i', 16));
  header.set_random(random_.Bytes(16));
  header.set_message_id(contract::MakeMessageId(now_.unix_us(), random_.Bytes(10)).str());
  v1::Envelope envelope;
  envelope.set_header(header.SerializeAsString());
  const v1::PublicKey& key = lab.sealing_key(spec.to == 99 ? 34 : spec.to);
  contract::Sealer::Sealed sealed =
      OrDie(sealer_.Seal(envelope.header(), *contract::KeyId::From(key.key_id()), key.spki_der(),
                         plaintext, spec.seal_number, now_.wall + spec.life, now_.wall));
  envelope.set_seal(std::move(sealed.seal));
  envelope.set_body(std::move(sealed.body));
  Sign(&envelope, lab.signer(spec.from));
  return envelope;
}

v1::Envelope BrokerFixture::Reseal(const v1::Envelope& envelope, std::uint64_t number,
                                   absl::Duration life) {
  const contract::ParsedEnvelope parsed = Parse(envelope);
  v1::Plaintext plaintext;
  plaintext.set_commitment_salt(random_.Bytes(32));
  plaintext.set_payload(random_.Bytes(100));
  const v1::PublicKey& key = lab.sealing_key(parsed.header.destination());
  contract::Sealer::Sealed sealed =
      OrDie(sealer_.Seal(envelope.header(), *contract::KeyId::From(key.key_id()), key.spki_der(),
                         plaintext, number, now_.wall + life, now_.wall));
  v1::Envelope out = envelope;
  out.set_seal(std::move(sealed.seal));
  out.set_body(std::move(sealed.body));
  Sign(&out, lab.signer(parsed.header.source()));
  return out;
}

void BrokerFixture::Sign(v1::Envelope* envelope, const contract::Signer& signer) {
  const absl::string_view parts[] = {envelope->header(), envelope->seal()};
  *envelope->mutable_signature() =
      OrDie(contract::SignOne(signer, *lab.algorithms().hasher, contract::kEnvelopeType, parts));
}

void BrokerFixture::Submit(Client& who, const v1::SubmitItem& item) {
  v1::SubmitRequest request;
  *request.mutable_batch()->add_items() = item;
  core->OnSubmit(who.submit, who.certificate, request, now_);
}

v1::SubmitResult BrokerFixture::SendAs(Client& who, const v1::SubmitItem& item) {
  const std::size_t before = who.results.size();
  Submit(who, item);
  Commit();
  if (who.results.size() != before + 1) Die("an item did not get exactly one result");
  return who.results.back();
}

v1::SubmitResult BrokerFixture::Send(const v1::Envelope& envelope) {
  v1::Header header;
  header.ParseFromString(envelope.header());
  const auto run = contract::RunId::From(header.test_run_id()).value_or(contract::RunId());
  return SendAs(client(header.source(), run), ItemOf(envelope));
}

v1::SubmitResult BrokerFixture::SendControl(std::uint32_t from, const v1::ControlRecord& record) {
  v1::SubmitItem item;
  *item.mutable_control() = record;
  return SendAs(client(from), item);
}

absl::Status BrokerFixture::TryCommit() {
  const absl::Status committed = core->Commit(now_);
  if (committed.ok()) Distribute();
  return committed;
}

void BrokerFixture::Commit() {
  if (const absl::Status s = TryCommit(); !s.ok()) Die(s.ToString());
}

void BrokerFixture::Distribute() {
  for (broker::Effect& effect : core->TakeEffects()) {
    for (auto& [key, client] : clients_) {
      if (effect.stream == client.submit) {
        if (!effect.close.ok()) client.submit_closed = effect.close;
        if (effect.submit == nullptr) continue;
        for (const auto& r : effect.submit->results()) client.results.push_back(r);
      } else if (effect.stream == client.receive) {
        if (!effect.close.ok()) client.receive_closed = effect.close;
        if (effect.receive == nullptr) continue;
        for (const auto& d : effect.receive->deliveries()) client.deliveries.push_back(d);
        for (const auto& c : effect.receive->controls()) client.controls.push_back(c);
        for (const auto& r : effect.receive->repeats()) client.repeats.push_back(r);
        for (const auto& r : effect.receive->runs()) client.runs.push_back(r);
        if (effect.receive->has_directory_head()) {
          client.heads.push_back(effect.receive->directory_head());
        }
      }
    }
  }
}

v1::Control BrokerFixture::NewControl(std::uint32_t issuer, char incarnation) {
  contract::ControlIssuer who;
  who.province = contract::ProvinceCode(issuer);
  who.incarnation = *contract::Incarnation::From(Filled(incarnation, 16));
  return contract::NewControl(who, now_.wall);
}

v1::ControlRecord BrokerFixture::SignControl(const v1::Control& control,
                                             const contract::Signer& signer) {
  v1::ControlRecord record;
  record.set_record(control.SerializeAsString());
  const absl::string_view bytes = record.record();
  *record.mutable_signature() = OrDie(contract::SignOne(
      signer, *lab.algorithms().hasher, contract::kControlType, absl::MakeConstSpan(&bytes, 1)));
  return record;
}

v1::ControlRecord BrokerFixture::Delivered(const v1::Envelope& envelope, char incarnation) {
  const v1::MessageRef ref = RefOf(envelope);
  v1::Control control = NewControl(ref.destination(), incarnation);
  *control.mutable_delivery()->mutable_message() = ref;
  return SignControl(control, lab.signer(ref.destination()));
}

v1::ControlRecord BrokerFixture::Refused(const v1::Envelope& envelope, v1::ErrorReason reason,
                                         bool final, char incarnation) {
  const v1::MessageRef ref = RefOf(envelope);
  v1::Control control = NewControl(ref.destination(), incarnation);
  v1::Refusal* refusal = control.mutable_refusal();
  *refusal->mutable_message() = ref;
  refusal->set_seal_digest(Parse(envelope).seal_digest.str());
  refusal->set_consumes_number(final);
  refusal->mutable_error()->set_reason(reason);
  return SignControl(control, lab.signer(ref.destination()));
}

v1::ControlRecord BrokerFixture::TombstoneFor(const v1::Envelope& envelope) {
  const v1::MessageRef ref = RefOf(envelope);
  v1::Control control = NewControl(ref.source(), 'i');
  *control.mutable_tombstone()->mutable_message() = ref;
  control.mutable_tombstone()->set_pair_counter(1);
  control.mutable_tombstone()->set_cause(v1::TOMBSTONE_EXPIRED);
  return SignControl(control, lab.signer(ref.source()));
}

void BrokerFixture::Receive(Client& who, const v1::ReceiveRequest& request) {
  core->OnReceive(who.receive, who.certificate, request, now_);
  Commit();
}

void BrokerFixture::Give(std::uint32_t recipient, const v1::ControlRecord& receipt) {
  const auto run = contract::RunId::From(
      ControlOf(receipt).has_delivery() ? ControlOf(receipt).delivery().message().test_run_id()
                                        : ControlOf(receipt).refusal().message().test_run_id());
  v1::ReceiveRequest request;
  *request.add_receipts() = receipt;
  Receive(client(recipient, run.value_or(contract::RunId())), request);
}

void BrokerFixture::OpenLink(std::uint32_t a, std::uint32_t b) {
  lab.SetNow(now_.wall);
  Append(lab.OpenRoutes(a, b));
}

void BrokerFixture::Append(const v1::SignedEntry& entry) {
  const auto appended = core->AppendEntry(entry, now_);
  if (!appended.ok()) Die(appended.status().ToString());
  Commit();
}

void BrokerFixture::Advance(absl::Duration by) {
  now_.wall += by;
  now_.monotonic += by;
  lab.SetNow(now_.wall);
  core->Tick(now_);
  Commit();
}

std::optional<v1::MailboxInfo> BrokerFixture::Mailbox(std::uint32_t province, v1::Lane lane) {
  const v1::ListMailboxesResponse all = core->ListMailboxes(now_);
  for (const v1::MailboxInfo& info : all.mailboxes()) {
    if (info.province() == province && info.lane() == lane) return info;
  }
  return std::nullopt;
}

std::vector<v1::TraceEvent> BrokerFixture::Trace(const v1::Envelope& envelope) {
  std::vector<v1::TraceEvent> events;
  for (const v1::TraceStep& step : core->EvidenceOf(Parse(envelope).header_digest)) {
    events.push_back(step.event());
  }
  return events;
}

v1::Control ControlOf(const v1::ControlRecord& record) {
  v1::Control control;
  if (!control.ParseFromString(record.record())) Die("a control record does not parse");
  return control;
}

std::string AcceptanceIn(const v1::ControlRecord& record) {
  const v1::Control control = ControlOf(record);
  if (!control.has_acceptance()) return "";
  return absl::StrCat(control.issued_unix_us(), " ", control.acceptance().SerializeAsString());
}

v1::SubmitItem ItemOf(const v1::Envelope& envelope) {
  v1::SubmitItem item;
  item.set_tag(77);
  *item.mutable_envelope() = envelope;
  return item;
}

}  // namespace yizhan::testing
