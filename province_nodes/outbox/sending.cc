// The part of Outbox that seals, signs and frames what may go.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/envelope.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "protos/contract/signing.h"
#include "province_nodes/app/node_observer.h"
#include "province_nodes/outbox/outbox.h"
#include "province_nodes/store/proto_io.h"

namespace yizhan::node {
namespace {

constexpr absl::Duration kRetryWithoutKey = absl::Seconds(10);
constexpr absl::Duration kRetryWithoutSigner = absl::Seconds(2);
// Messages sealed in one group; more wait for the next, so that a commit stays short.
constexpr int kMaxPrepared = 512;
// Signature with a path of 10 digests, and framing.
constexpr std::size_t kSignatureBytes = 700;

v1::ErrorDetail Expired(const store::OutboxState& state) {
  return contract::DetailOf(contract::MakeError(
      v1::MESSAGE_EXPIRED, v1::SIDE_NETWORK,
      absl::StrCat(
          "The message expired at ",
          absl::FormatTime(absl::FromUnixMicros(state.expires_unix_us()), absl::UTCTimeZone()),
          " before it was accepted"),
      "Its number is filled by a tombstone; repeat the step in the case."));
}

}  // namespace

absl::Status Outbox::Prepare() {
  for (int i = 0; i < kMaxPrepared; ++i) {
    const std::optional<SlotKey> slot = schedule_.TakeDue(lane_->now);
    if (!slot.has_value()) break;
    YIZHAN_RETURN_IF_ERROR(SendOne(*slot));
  }
  return absl::OkStatus();
}

absl::Status Outbox::SendOne(const SlotKey& slot) {
  absl::StatusOr<std::optional<State>> found = Find(slot);
  if (!found.ok()) return found.status();
  if (!found->has_value()) {
    // Rolled back with the event that made it.
    schedule_.Remove(slot);
    return absl::OkStatus();
  }
  State& state = **found;
  if (state.tombstone_cause() != v1::TOMBSTONE_CAUSE_UNSPECIFIED && !state.tombstone_stored()) {
    return SendTombstone(slot, state);
  }
  const bool waiting = state.passage() == v1::PASSAGE_WAITING;
  // A recipient that was restored may have other keys now.
  const bool may_seal = waiting || state.resend();
  const bool sealed = state.seal_number() > 0 && !state.seal_again();
  if (waiting && sealed && lane_->now >= absl::FromUnixMicros(state.expires_unix_us())) {
    return GiveUp(slot, state, v1::TOMBSTONE_EXPIRED, v1::PASSAGE_NOT_DELIVERED, Expired(state));
  }
  const v1::PublicKey* key = lane_->directory->SealingKey(slot.peer, lane_->now);
  const bool seal =
      may_seal && (!sealed || (key != nullptr && key->key_id() != state.recipient_key_id()));
  std::optional<v1::Envelope> envelope;
  if (!seal) {
    auto stored = GetProto<v1::Envelope>(lane_->txn, lane_->keys.OutboxEnvelope(slot));
    if (!stored.ok()) return stored.status();
    envelope = *std::move(stored);
  }
  // One that a peer returned after a recovery was never sealed in this store.
  if (!envelope.has_value()) {
    if (key != nullptr) return SealAndSend(slot, state, *key);
    schedule_.SetDue(slot, lane_->now + kRetryWithoutKey);
    const v1::ErrorDetail error = contract::DetailOf(contract::MakeError(
        v1::RECIPIENT_KEY_UNKNOWN, v1::SIDE_THEIRS,
        absl::StrCat("Province ", slot.peer.str(), " has no valid sealing key in the directory"),
        "Ask that province to register one; the message waits."));
    return waiting ? SetPassage(slot, state, v1::PASSAGE_WAITING, error) : absl::OkStatus();
  }
  const bool sign = envelope->signature().key_id() != lane_->signer->key_id().view();
  return SendEnvelope(slot, state, *std::move(envelope), sign, /*made=*/false);
}

absl::Status Outbox::SealAndSend(const SlotKey& slot, State& state, const v1::PublicKey& key) {
  auto content = GetProto<store::OutboxContent>(lane_->txn, lane_->keys.OutboxContent(slot));
  if (!content.ok()) return content.status();
  if (!content->has_value()) return StoredValueDamaged("outbox content");
  absl::StatusOr<v1::Plaintext> plaintext =
      ParseStored<v1::Plaintext>((*content)->plaintext(), "outbox plaintext");
  if (!plaintext.ok()) return plaintext.status();
  const absl::Time expires = lane_->now + lane_->message_life;
  const std::optional<contract::KeyId> key_id = contract::KeyId::From(key.key_id());
  absl::StatusOr<contract::Sealer::Sealed> sealed =
      sealer_.Seal((*content)->header(), key_id.value_or(contract::KeyId()), key.spki_der(),
                   *plaintext, state.seal_number() + 1, expires, lane_->now);
  if (!sealed.ok()) {
    schedule_.SetDue(slot, lane_->now + kRetryWithoutKey);
    if (state.passage() != v1::PASSAGE_WAITING) return absl::OkStatus();
    return SetPassage(slot, state, v1::PASSAGE_WAITING, contract::DetailOf(sealed.status()));
  }
  if (state.seal_number() > 0) ++lane_->statistics.sealed_again;
  state.set_seal_number(state.seal_number() + 1);
  state.set_seal_digest(lane_->algorithms.hasher->Hash(sealed->seal).str());
  state.set_expires_unix_us(absl::ToUnixMicros(expires));
  state.set_recipient_key_id(key.key_id());
  state.set_seal_again(false);
  Save(slot, state);
  v1::Envelope envelope;
  envelope.set_header(std::move(*(*content)->mutable_header()));
  envelope.set_seal(std::move(sealed->seal));
  envelope.set_body(std::move(sealed->body));
  return SendEnvelope(slot, state, std::move(envelope), /*sign=*/true, /*made=*/true);
}

absl::Status Outbox::SendEnvelope(const SlotKey& slot, const State& state, v1::Envelope envelope,
                                  bool sign, bool made) {
  const std::uint64_t tag = schedule_.BeginFlight(slot, envelope.ByteSizeLong() + kSignatureBytes);
  v1::SubmitItem item;
  *item.mutable_envelope() = std::move(envelope);
  if (state.resend()) {
    item.set_recovery(true);
    if (!item.mutable_earlier_receipt()->ParseFromString(state.terminal())) {
      return StoredValueDamaged("outbox terminal record");
    }
  }
  if (!sign) {
    Push(tag, std::move(item));
    return absl::OkStatus();
  }
  const contract::Digest leaf =
      contract::LeafDigest(*lane_->algorithms.hasher, contract::kEnvelopeType,
                           {item.envelope().header(), item.envelope().seal()});
  lane_->sign_queue.Add(leaf, [this, slot, tag, item = std::move(item),
                               made](const v1::Signature* signature) mutable {
    if (signature == nullptr) {
      // What was sealed stays, to be signed later.
      if (made) PutProto(lane_->txn, lane_->keys.OutboxEnvelope(slot), item.envelope());
      schedule_.EndFlight(tag);
      schedule_.SetDue(slot, lane_->now + kRetryWithoutSigner);
      return absl::OkStatus();
    }
    *item.mutable_envelope()->mutable_signature() = *signature;
    PutProto(lane_->txn, lane_->keys.OutboxEnvelope(slot), item.envelope());
    if (made && lane_->test()) {
      lane_->after_commit.push_back([envelope = item.envelope()](NodeObserver& observer) {
        observer.OnEnvelopeMade(envelope);
      });
    }
    Push(tag, std::move(item));
    return absl::OkStatus();
  });
  return absl::OkStatus();
}

absl::Status Outbox::SendTombstone(const SlotKey& slot, State& state) {
  v1::SubmitItem item;
  if (!state.tombstone().empty()) {
    absl::StatusOr<v1::ControlRecord> record =
        ParseStored<v1::ControlRecord>(state.tombstone(), "tombstone");
    if (!record.ok()) return record.status();
    *item.mutable_control() = *std::move(record);
    Push(schedule_.BeginFlight(slot, item.ByteSizeLong()), std::move(item));
    return absl::OkStatus();
  }
  v1::Control control = lane_->NewControl();
  v1::Tombstone& tombstone = *control.mutable_tombstone();
  *tombstone.mutable_message() = RefOf(slot, state);
  tombstone.set_pair_counter(state.pair_counter());
  tombstone.set_cause(state.tombstone_cause());
  item.mutable_control()->set_record(control.SerializeAsString());
  ++lane_->statistics.tombstones;
  const std::uint64_t tag = schedule_.BeginFlight(slot, item.ByteSizeLong() + kSignatureBytes);
  const contract::Digest leaf =
      contract::ControlLeaf(*lane_->algorithms.hasher, item.control().record());
  lane_->sign_queue.Add(leaf, [this, slot, tag, item = std::move(item),
                               state](const v1::Signature* signature) mutable {
    if (signature == nullptr) {
      schedule_.EndFlight(tag);
      schedule_.SetDue(slot, lane_->now + kRetryWithoutSigner);
      return absl::OkStatus();
    }
    *item.mutable_control()->mutable_signature() = *signature;
    state.set_tombstone(item.control().SerializeAsString());
    Save(slot, state);
    Push(tag, std::move(item));
    return absl::OkStatus();
  });
  return absl::OkStatus();
}

void Outbox::Push(std::uint64_t tag, v1::SubmitItem item) {
  item.set_tag(tag);
  outgoing_.push_back(std::move(item));
}

std::vector<v1::SubmitRequest> Outbox::TakeFrames() {
  std::vector<v1::SubmitRequest> frames;
  std::size_t bytes = 0;
  for (v1::SubmitItem& item : outgoing_) {
    const std::size_t size = item.ByteSizeLong();
    const bool full = !frames.empty() && (frames.back().batch().items_size() >=
                                              static_cast<int>(contract::kMaxBatchMessages) ||
                                          bytes + size > contract::kMaxBatchBytes);
    if (frames.empty() || full) {
      frames.emplace_back();
      bytes = 0;
    }
    *frames.back().mutable_batch()->add_items() = std::move(item);
    bytes += size;
  }
  outgoing_.clear();
  return frames;
}

}  // namespace yizhan::node
