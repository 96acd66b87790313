// The part of Outbox that brings back what a restored store has lost: its own
// messages, and ours to a restored peer.
#include <algorithm>
#include <utility>

#include "protos/contract/control.h"
#include "protos/contract/errors.h"
#include "province_nodes/outbox/outbox.h"
#include "province_nodes/store/proto_io.h"

namespace yizhan::node {
namespace {

// Messages of one call, so that a group stays short.
constexpr int kAgainAtOnce = 256;

// Everything that a store keeps of one message.
void Forget(platform::Transaction& txn, const LaneKeys& keys, const SlotKey& slot,
            const store::OutboxState& state) {
  txn.Delete(keys.OutboxState(slot));
  txn.Delete(keys.OutboxContent(slot));
  txn.Delete(keys.OutboxEnvelope(slot));
  if (const auto id = contract::MessageId::From(state.message_id())) {
    txn.Delete(keys.Message(*id, true));
  }
}

// By a tombstone that the recipient has.
void SetFilled(store::OutboxState& state) {
  state.set_tombstone_cause(v1::TOMBSTONE_REFUSED_BY_BROKER);
  state.set_tombstone_stored(true);
}

}  // namespace

absl::Status Outbox::RecoveryBegan() {
  const std::string prefix = lane_->keys.OutboxStates();
  std::vector<std::pair<SlotKey, State>> stopped;
  YIZHAN_RETURN_IF_ERROR(lane_->txn.Scan(
      prefix, platform::PrefixEnd(prefix), [&](absl::string_view key, absl::string_view value) {
        State state;
        if (state.ParseFromArray(value.data(), static_cast<int>(value.size())) && state.stopped()) {
          stopped.emplace_back(SlotKey::Decode(key.substr(prefix.size())), std::move(state));
        }
        return true;
      }));
  for (auto& [slot, state] : stopped) {
    state.set_stopped(false);
    Save(slot, state);
    if (schedule_.Contains(slot)) schedule_.SetDue(slot, lane_->now);
  }
  return absl::OkStatus();
}

// By the record that the recipient gave with it, if it has one.
absl::Status Outbox::EndReturned(const SlotKey& slot, State& state, const store::OwnReturned& own) {
  CountAccepted(slot, state);
  if (!own.has_receipt()) {
    state.set_passage(v1::PASSAGE_ACCEPTED);
    schedule_.Put(slot, Schedule::Stage::kAccepted, lane_->now + lane_->reoffer_interval,
                  absl::FromUnixMicros(state.created_unix_us()));
    Save(slot, state);
    return Tell(slot, state);
  }
  absl::StatusOr<contract::ParsedControl> receipt =
      contract::ParseControl(*lane_->algorithms.hasher, own.receipt());
  if (!receipt.ok()) return StoredValueDamaged("receipt of a returned message");
  v1::MessageCount& count = lane_->tally.Of(lane_->lane, lane_->province, slot.peer, state.kind());
  if (receipt->control.has_refusal()) {
    state.set_passage(v1::PASSAGE_REFUSED);
    state.set_reason(receipt->control.refusal().error().reason());
    state.set_detail(receipt->control.refusal().error().what());
    count.set_refused(count.refused() + 1);
  } else {
    state.set_passage(v1::PASSAGE_RECEIVED);
    count.set_delivered(count.delivered() + 1);
  }
  state.set_terminal(own.receipt().SerializeAsString());
  state.set_terminal_by_recipient(true);
  KeepUntil(slot, state);
  Save(slot, state);
  return Tell(slot, state);
}

absl::Status Outbox::TakeBack(const SlotKey& slot, const store::OwnReturned& own) {
  const std::string numbers_key = lane_->keys.Numbers(slot.peer, slot.case_handle);
  auto found = GetProto<store::CaseNumbers>(lane_->txn, numbers_key);
  if (!found.ok()) return found.status();
  store::CaseNumbers numbers = found->value_or(store::CaseNumbers());
  numbers.set_sent_sequence(slot.sequence);
  numbers.set_sent_header_digest(own.message().header_digest());
  PutProto(lane_->txn, numbers_key, numbers);

  State state;
  state.set_message_id(own.message().message_id());
  state.set_header_digest(own.message().header_digest());
  state.set_changed_unix_us(absl::ToUnixMicros(lane_->now));
  if (own.header().empty()) {
    // A number that our own tombstone filled, or whose content nobody can open.
    state.set_pair_counter(1);  // its own was lost with its header
    state.set_passage(v1::PASSAGE_NOT_DELIVERED);
    SetFilled(state);
    state.set_reason(v1::TOMBSTONE_CAME_FIRST);
    state.set_detail("Its number is used up; what it said was lost with the store");
    KeepUntil(slot, state);
    Save(slot, state);
    return absl::OkStatus();
  }
  absl::StatusOr<v1::Header> header = ParseStored<v1::Header>(own.header(), "returned header");
  if (!header.ok()) return header.status();
  absl::StatusOr<v1::Plaintext> plaintext =
      ParseStored<v1::Plaintext>(own.plaintext(), "returned plaintext");
  if (!plaintext.ok()) return plaintext.status();
  store::OutboxContent content;
  content.set_header(own.header());
  content.set_plaintext(own.plaintext());
  PutProto(lane_->txn, lane_->keys.OutboxContent(slot), content);
  store::MessageIndex index;
  index.set_peer(slot.peer.value());
  index.set_case_handle(slot.case_handle.str());
  index.set_sequence(slot.sequence);
  if (const auto id = contract::MessageId::From(state.message_id())) {
    PutProto(lane_->txn, lane_->keys.Message(*id, true), index);
  }
  state.set_kind(header->kind());
  state.set_pair_counter(header->pair_counter());
  state.set_created_unix_us(header->created_unix_us());
  state.set_seal_number(own.seal_number());
  state.set_seal_digest(own.seal_digest());
  state.set_expires_unix_us(own.expires_unix_us());
  state.set_recipient_key_id(own.recipient_key_id());
  OutgoingMessage message;
  message.destination = slot.peer;
  message.kind = header->kind();
  message.case_handle = slot.case_handle;
  if (message.payload.ParseFromString(plaintext->payload())) {
    YIZHAN_RETURN_IF_ERROR(host_->ApplyOwn(message));
  }
  return EndReturned(slot, state, own);
}

absl::StatusOr<bool> Outbox::OnReturnedKnown(const SlotKey& slot, const store::OwnReturned& own) {
  absl::StatusOr<std::optional<State>> found = Find(slot);
  if (!found.ok()) return found.status();
  if (!found->has_value()) return false;  // ended and swept
  State& state = **found;
  if (state.header_digest() != own.message().header_digest()) {
    YIZHAN_RETURN_IF_ERROR(Displace(slot));
    return true;
  }
  if (own.header().empty() && !own.has_receipt()) {
    // Given up after the backup: our own tombstone has filled its number.
    if (state.passage() != v1::PASSAGE_WAITING && state.passage() != v1::PASSAGE_ACCEPTED) {
      return false;
    }
    SetFilled(state);
    const v1::ErrorDetail given_up = contract::DetailOf(contract::MakeError(
        v1::TOMBSTONE_CAME_FIRST, v1::SIDE_MINE,
        "The message was given up before this node was restored, and its number filled",
        "Repeat the step in the case."));
    YIZHAN_RETURN_IF_ERROR(End(slot, state, v1::PASSAGE_NOT_DELIVERED, given_up));
    return false;
  }
  if (!own.has_receipt()) {
    YIZHAN_RETURN_IF_ERROR(OnAccepted(slot, state, own.seal_number()));
    return false;
  }
  absl::StatusOr<contract::ParsedControl> receipt =
      contract::ParseControl(*lane_->algorithms.hasher, own.receipt());
  if (!receipt.ok()) return StoredValueDamaged("receipt of a returned message");
  YIZHAN_RETURN_IF_ERROR(OnRecord(own.receipt(), *receipt));
  return false;
}

absl::Status Outbox::Displace(const SlotKey& slot) {
  const std::string numbers_key = lane_->keys.Numbers(slot.peer, slot.case_handle);
  auto numbers = GetProto<store::CaseNumbers>(lane_->txn, numbers_key);
  if (!numbers.ok()) return numbers.status();
  if (!numbers->has_value()) return StoredValueDamaged("case numbers");
  const std::uint64_t last = (*numbers)->sent_sequence();
  for (SlotKey each = slot; each.sequence <= last; ++each.sequence) {
    absl::StatusOr<std::optional<State>> state = Find(each);
    if (!state.ok()) return state.status();
    auto content = GetProto<store::OutboxContent>(lane_->txn, lane_->keys.OutboxContent(each));
    if (!content.ok()) return content.status();
    if (!state->has_value() || !content->has_value()) continue;
    absl::StatusOr<v1::Header> header =
        ParseStored<v1::Header>((*content)->header(), "outbox header");
    if (!header.ok()) return header.status();
    absl::StatusOr<v1::Plaintext> plaintext =
        ParseStored<v1::Plaintext>((*content)->plaintext(), "outbox plaintext");
    if (!plaintext.ok()) return plaintext.status();
    if (each.sequence == slot.sequence) {
      (*numbers)->set_sent_sequence(slot.sequence - 1);
      (*numbers)->set_sent_header_digest(header->previous_header_digest());
      PutProto(lane_->txn, numbers_key, **numbers);
    }
    store::Displaced displaced;
    displaced.set_kind(header->kind());
    displaced.set_payload(plaintext->payload());
    PutProto(lane_->txn, lane_->keys.Displaced(each), displaced);
    ++lane_->recovering.own_waiting;
    Forget(lane_->txn, lane_->keys, each, **state);
    schedule_.Remove(each);
  }
  return absl::OkStatus();
}

absl::Status Outbox::SendDisplaced(const SlotKey& old_slot, const store::Displaced& displaced) {
  OutgoingMessage message;
  message.destination = old_slot.peer;
  message.kind = displaced.kind();
  message.case_handle = old_slot.case_handle;
  if (!message.payload.ParseFromString(displaced.payload())) {
    return StoredValueDamaged("displaced message");
  }
  return Enqueue(message).status();
}

absl::StatusOr<bool> Outbox::LostByPeer(const State& state,
                                        absl::string_view new_incarnation) const {
  const bool filled = state.tombstone_cause() != v1::TOMBSTONE_CAUSE_UNSPECIFIED;
  if (filled && !state.terminal_by_recipient()) return state.tombstone_stored();
  if (!state.terminal_by_recipient() || state.resend()) return false;
  absl::StatusOr<v1::ControlRecord> record =
      ParseStored<v1::ControlRecord>(state.terminal(), "outbox terminal record");
  if (!record.ok()) return record.status();
  absl::StatusOr<v1::Control> control =
      ParseStored<v1::Control>(record->record(), "outbox terminal record");
  if (!control.ok()) return control.status();
  return control->issuer_incarnation() != new_incarnation;
}

absl::StatusOr<std::uint64_t> Outbox::SendAgain(contract::ProvinceCode peer,
                                                absl::string_view new_incarnation,
                                                std::string& cursor) {
  const std::string prefix = lane_->keys.OutboxStates();
  const std::string of_peer = prefix + std::string(1, static_cast<char>(peer.value()));
  const std::string begin = cursor.empty() ? of_peer : cursor + std::string(1, '\0');
  std::vector<std::pair<SlotKey, State>> states;
  bool readable = true;
  cursor.clear();
  YIZHAN_RETURN_IF_ERROR(lane_->txn.Scan(
      begin, platform::PrefixEnd(of_peer), [&](absl::string_view key, absl::string_view value) {
        State state;
        readable = state.ParseFromArray(value.data(), static_cast<int>(value.size()));
        states.emplace_back(SlotKey::Decode(key.substr(prefix.size())), std::move(state));
        const bool more = readable && states.size() < kAgainAtOnce;
        if (!more) cursor = std::string(key);
        return more;
      }));
  if (!readable) return StoredValueDamaged("outbox state");
  std::uint64_t again = 0;
  for (auto& [slot, state] : states) {
    absl::StatusOr<bool> lost = LostByPeer(state, new_incarnation);
    if (!lost.ok()) return lost.status();
    if (!*lost) continue;
    ++again;
    const bool tombstone = !state.terminal_by_recipient();
    if (tombstone) {
      state.set_tombstone_stored(false);
    } else {
      state.set_resend(true);
      again_accepted_.erase(slot);  // restored once more: an earlier sending counts for nothing
    }
    Save(slot, state);
    schedule_.Put(slot, tombstone ? Schedule::Stage::kTombstone : Schedule::Stage::kAccepted,
                  lane_->now, absl::FromUnixMicros(state.created_unix_us()));
  }
  return again;
}

}  // namespace yizhan::node
