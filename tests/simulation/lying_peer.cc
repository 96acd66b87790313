#include "tests/simulation/lying_peer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/control.h"
#include "protos/contract/limits.h"
#include "protos/contract/signing.h"

namespace yizhan::simulation {
namespace {

constexpr int kFlood = 200;

std::function<void()> Nothing() { return {}; }

}  // namespace

LyingPeer::LyingPeer(World world, std::uint32_t province, std::uint64_t seed)
    : world_(world),
      province_(province),
      dice_(seed),
      random_(dice_.Next()),
      sealer_(world.lab->algorithms(), &random_) {}

void LyingPeer::LieUntil(absl::Time end) {
  world_.time->In(dice_.Between(absl::Seconds(1), absl::Seconds(8)), [this, end] { Act(end); });
}

void LyingPeer::Act(absl::Time end) {
  if (world_.time->now() > end) return;
  LieUntil(end);
  if (!world_.broker->up()) return;
  if (!streams_open_) return OpenSession();
  if (recovery_request_.has_recovery_request()) return LieInRecovery();
  switch (dice_.Below(8)) {
    case 0:
    case 1:
      return LieInRecord();
    case 2:
      return UseForeignSession();
    case 3:
      return Flood();
    default:
      return LieInEnvelope();
  }
}

void LyingPeer::OpenSession() {
  const auto lost = [this] { streams_open_ = false; };
  const auto hear = [this](const broker::Effect& effect) { Hear(effect); };
  submit_ = world_.broker->OpenStream({province_, hear, lost});
  receive_ = world_.broker->OpenStream({province_, hear, [] {}});
  world_.broker->Post(
      [this, submit = submit_, receive = receive_](broker::BrokerCore& core, broker::Moment now) {
        v1::OpenSessionRequest request;
        request.set_protocol_version(contract::kProtocolVersion);
        request.set_province(province_);
        request.set_lane(v1::LANE_BUSINESS);
        request.set_incarnation(random_.Bytes(contract::Incarnation::kSize));
        request.set_boot_nonce(random_.Bytes(contract::BootNonce::kSize));
        request.set_now_unix_us(now.unix_us());
        const auto me = world_.lab->certificate(province_);
        const auto opened = core.OpenSession(me, request, now);
        if (!opened.ok()) return Nothing();
        v1::SubmitRequest hello;
        hello.mutable_hello()->set_session_number(opened->session_number());
        core.OnSubmit(submit, me, hello, now);
        v1::ReceiveRequest receive_hello;
        receive_hello.mutable_hello()->set_session_number(opened->session_number());
        receive_hello.set_credit_messages(64);
        receive_hello.set_credit_bytes(1 << 20);
        core.OnReceive(receive, me, receive_hello, now);
        streams_open_ = true;
        return Nothing();
      });
}

void LyingPeer::Hear(const broker::Effect& effect) {
  if (effect.submit == nullptr && effect.receive == nullptr) streams_open_ = false;
  if (effect.receive == nullptr) return;
  for (const v1::ControlItem& item : effect.receive->controls()) {
    v1::Control control;
    if (control.ParseFromString(item.control().record()) && control.has_recovery_request()) {
      recovery_request_ = std::move(control);
    }
  }
}

void LyingPeer::Tell(v1::SubmitItem item) {
  item.set_tag(dice_.Next());
  world_.broker->Post([this, item = std::move(item), stream = submit_](broker::BrokerCore& core,
                                                                       broker::Moment now) {
    v1::SubmitRequest request;
    *request.mutable_batch()->add_items() = item;
    core.OnSubmit(stream, world_.lab->certificate(province_), request, now);
    return Nothing();
  });
}

void LyingPeer::TellReceipt(v1::ControlRecord record) {
  world_.broker->Post([this, record = std::move(record), stream = receive_](
                          broker::BrokerCore& core, broker::Moment now) {
    v1::ReceiveRequest request;
    *request.add_receipts() = record;
    core.OnReceive(stream, world_.lab->certificate(province_), request, now);
    return Nothing();
  });
}

LyingPeer::Draft LyingPeer::NewDraft() {
  Draft draft;
  v1::Header& header = draft.header;
  header.set_format_version(contract::kFormatVersion);
  header.set_suite(v1::SUITE_SM);
  header.set_lane(v1::LANE_BUSINESS);
  header.set_source(province_);
  header.set_destination(dice_.OneIn(2) ? 32 : 34);
  header.set_kind(v1::ELIGIBILITY_QUERY);
  header.set_case_handle(random_.Bytes(contract::CaseHandle::kSize));
  header.set_sequence(1);
  header.set_pair_counter(1);
  header.set_created_unix_us(absl::ToUnixMicros(world_.time->now()));
  header.set_store_incarnation(std::string(contract::Incarnation::kSize, 'L'));
  *header.mutable_directory_head() = world_.lab->state().head();
  header.mutable_log_checkpoint()->set_log_id(std::string(contract::LogId::kSize, 'l'));
  header.mutable_log_checkpoint()->set_digest(contract::Digest().str());
  header.set_random(random_.Bytes(16));
  header.set_message_id(contract::MakeMessageId(header.created_unix_us(), random_.Bytes(10)).str());
  draft.signer = &world_.lab->signer(province_);
  return draft;
}

v1::Envelope LyingPeer::Make(const Draft& draft) {
  const contract::Hasher& hasher = *world_.lab->algorithms().hasher;
  v1::Plaintext plaintext;
  plaintext.set_commitment_salt(random_.Bytes(32));
  plaintext.set_payload("not what it should be");
  v1::Header header = draft.header;
  if (header.commitment().empty()) {
    header.set_commitment(
        contract::Commitment(hasher, plaintext.commitment_salt(), plaintext.payload()).str());
  }
  v1::Envelope envelope;
  envelope.set_header(header.SerializeAsString());
  const v1::PublicKey& key = world_.lab->sealing_key(header.destination());
  const absl::Time now = world_.time->now();
  auto sealed = sealer_.Seal(envelope.header(), *contract::KeyId::From(key.key_id()),
                             key.spki_der(), plaintext, 1, now + absl::Hours(24), now);
  if (!sealed.ok()) return envelope;
  if (!draft.unopenable.empty()) {
    v1::Seal seal;
    if (seal.ParseFromString(sealed->seal)) {
      seal.set_body_digest(hasher.Hash(absl::string_view(draft.unopenable)).str());
    }
    sealed->seal = seal.SerializeAsString();
    sealed->body = draft.unopenable;
  }
  envelope.set_seal(sealed->seal);
  envelope.set_body(sealed->body + draft.body_change);
  const absl::string_view parts[] = {envelope.header(), envelope.seal()};
  auto signature = contract::SignOne(*draft.signer, hasher, contract::kEnvelopeType, parts);
  if (signature.ok()) *envelope.mutable_signature() = *std::move(signature);
  return envelope;
}

void LyingPeer::LieInEnvelope() {
  Draft draft = NewDraft();
  v1::SubmitItem item;
  switch (dice_.Below(8)) {
    case 0:
      Count("peer_body_digest");
      draft.body_change = "x";
      break;
    case 1:
      Count("peer_unopenable");
      draft.unopenable = random_.Bytes(1040);
      break;
    case 2:
      Count("peer_commitment");
      draft.header.set_commitment(random_.Bytes(contract::Digest::kSize));
      break;
    case 3:
      Count("peer_sequence_gap");
      draft.header.set_sequence(5);
      draft.header.set_previous_header_digest(random_.Bytes(contract::Digest::kSize));
      break;
    case 4:
      Count("peer_two_headers");
      *item.mutable_envelope() = Make(draft);
      Tell(item);
      draft.header.set_random(random_.Bytes(16));
      break;
    case 5:
      Count("peer_spoofed_source");
      draft.header.set_source(draft.header.destination() == 32 ? 34 : 32);
      break;
    case 6:
      Count("peer_stranger");
      draft.signer = &world_.lab->stranger();
      break;
    default:
      Count("peer_bad_signature");
      *item.mutable_envelope() = Make(draft);
      (*item.mutable_envelope()->mutable_signature()->mutable_root_signature())[3] ^= 1;
      return Tell(item);
  }
  *item.mutable_envelope() = Make(draft);
  Tell(std::move(item));
}

v1::Control LyingPeer::NewControl() const {
  contract::ControlIssuer issuer;
  issuer.province = contract::ProvinceCode(province_);
  issuer.directory_head = world_.lab->state().head();
  return contract::NewControl(issuer, world_.time->now());
}

v1::ControlRecord LyingPeer::Sign(const v1::Control& control) const {
  v1::ControlRecord record;
  record.set_record(control.SerializeAsString());
  const absl::string_view bytes = record.record();
  auto signature =
      contract::SignOne(world_.lab->signer(province_), *world_.lab->algorithms().hasher,
                        contract::kControlType, absl::MakeConstSpan(&bytes, 1));
  if (signature.ok()) *record.mutable_signature() = *std::move(signature);
  return record;
}

// About a message of others: that it was received, or that it never will be.
void LyingPeer::LieInRecord() {
  if (world_.ears->overheard().empty()) return;
  const v1::MessageRef& message =
      world_.ears->overheard()[dice_.Below(world_.ears->overheard().size())];
  v1::Control control = NewControl();
  if (dice_.OneIn(2)) {
    Count("peer_foreign_receipt");
    *control.mutable_delivery()->mutable_message() = message;
    if (dice_.OneIn(2)) control.set_issuer(message.destination());
    return TellReceipt(Sign(control));
  }
  Count("peer_foreign_tombstone");
  *control.mutable_tombstone()->mutable_message() = message;
  control.mutable_tombstone()->set_pair_counter(1);
  control.mutable_tombstone()->set_cause(v1::TOMBSTONE_EXPIRED);
  if (dice_.OneIn(2)) control.set_issuer(message.source());
  v1::SubmitItem item;
  *item.mutable_control() = Sign(control);
  Tell(std::move(item));
}

void LyingPeer::TellControl(const v1::Control& control) {
  v1::SubmitItem item;
  *item.mutable_control() = Sign(control);
  Tell(std::move(item));
}

void LyingPeer::LieInRecovery() {
  Count("peer_false_return");
  const v1::Control request = std::exchange(recovery_request_, v1::Control());
  Draft draft = NewDraft();
  draft.header.set_source(request.issuer());
  draft.header.set_destination(province_);
  const v1::Envelope envelope = Make(draft);
  // Opened with its own key, and sealed for who is to believe it.
  v1::Plaintext plaintext;
  plaintext.set_commitment_salt(random_.Bytes(32));
  plaintext.set_payload("never said");
  const v1::PublicKey& key = world_.lab->sealing_key(request.issuer());
  const absl::Time now = world_.time->now();
  const auto sealed = sealer_.Seal(envelope.header(), *contract::KeyId::From(key.key_id()),
                                   key.spki_der(), plaintext, 1, now + absl::Hours(24), now);
  if (!sealed.ok()) return;
  v1::Control control = NewControl();
  v1::Returned& returned = *control.mutable_returned();
  v1::MessageRef& ref = *returned.mutable_message();
  ref.set_lane(v1::LANE_BUSINESS);
  ref.set_source(request.issuer());
  ref.set_destination(province_);
  ref.set_case_handle(draft.header.case_handle());
  ref.set_sequence(draft.header.sequence());
  ref.set_header_digest(world_.lab->algorithms().hasher->Hash(envelope.header()).str());
  ref.set_message_id(draft.header.message_id());
  returned.set_header(envelope.header());
  returned.set_seal(envelope.seal());
  *returned.mutable_signature() = envelope.signature();
  returned.set_returned_seal(sealed->seal);
  returned.set_returned_body(sealed->body);
  TellControl(control);
  v1::Control answer = NewControl();
  answer.mutable_recovery_answer()->set_peer(request.issuer());
  answer.mutable_recovery_answer()->set_new_incarnation(
      request.recovery_request().new_incarnation());
  answer.mutable_recovery_answer()->set_complete(true);
  TellControl(answer);
}

// With the own certificate, in a session that may be anybody's.
void LyingPeer::UseForeignSession() {
  Count("peer_foreign_session");
  const broker::StreamId stream =
      world_.broker->OpenStream({province_, [](broker::Effect) {}, [] {}});
  const std::uint64_t number = 1 + dice_.Below(40);
  world_.broker->Post([this, stream, number](broker::BrokerCore& core, broker::Moment now) {
    v1::ReceiveRequest hello;
    hello.mutable_hello()->set_session_number(number);
    hello.mutable_hello()->set_control_cursor(1 << 20);
    hello.set_credit_messages(64);
    hello.set_credit_bytes(1 << 20);
    // In a session of its own it is another Receive stream, which is allowed.
    core.OnReceive(stream, world_.lab->certificate(province_), hello, now);
    return Nothing();
  });
}

void LyingPeer::Flood() {
  Count("peer_flood");
  v1::SubmitItem item;
  *item.mutable_envelope() = Make(NewDraft());
  for (int i = 0; i < kFlood; ++i) {
    (*item.mutable_envelope()->mutable_signature()->mutable_root_signature())[i % 32] ^= 1;
    Tell(item);
  }
}

}  // namespace yizhan::simulation
