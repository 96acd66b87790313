#include "province_nodes/outbox/outbox.h"

#include <algorithm>
#include <utility>

#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "province_nodes/app/node_observer.h"
#include "province_nodes/store/proto_io.h"

namespace yizhan::node {
namespace {

constexpr int kSweptAtOnce = 128;

}  // namespace

Outbox::Outbox(Lane* lane, LaneHost* host)
    : lane_(lane), host_(host), sealer_(lane->algorithms, lane->random) {
  schedule_.ObeyGate(&lane->recovering);
}

absl::Status Outbox::Load() {
  const std::string prefix = lane_->keys.OutboxStates();
  bool readable = true;
  YIZHAN_RETURN_IF_ERROR(lane_->txn.Scan(
      prefix, platform::PrefixEnd(prefix), [&](absl::string_view key, absl::string_view value) {
        const SlotKey slot = SlotKey::Decode(key.substr(prefix.size()));
        State state;
        readable = state.ParseFromArray(value.data(), static_cast<int>(value.size()));
        if (!readable || slot.peer == lane_->province) return readable;
        const absl::Time created = absl::FromUnixMicros(state.created_unix_us());
        if (state.tombstone_cause() != v1::TOMBSTONE_CAUSE_UNSPECIFIED) {
          if (!state.tombstone_stored()) {
            schedule_.Put(slot, Schedule::Stage::kTombstone, lane_->now, created);
          }
        } else if (state.passage() == v1::PASSAGE_WAITING) {
          schedule_.Put(slot, Schedule::Stage::kUnaccepted, lane_->now, created);
          if (state.stopped()) schedule_.Stop(slot);
        } else if (state.passage() == v1::PASSAGE_ACCEPTED || state.resend()) {
          schedule_.Put(slot, Schedule::Stage::kAccepted, lane_->now, created);
        }
        return true;
      }));
  return readable ? absl::OkStatus() : StoredValueDamaged("outbox state");
}

absl::StatusOr<std::optional<Outbox::State>> Outbox::Find(const SlotKey& slot) const {
  return GetProto<State>(lane_->txn, lane_->keys.OutboxState(slot));
}

void Outbox::Save(const SlotKey& slot, const State& state) {
  PutProto(lane_->txn, lane_->keys.OutboxState(slot), state);
}

v1::MessageRef Outbox::RefOf(const SlotKey& slot, const State& state) const {
  v1::MessageRef ref;
  ref.set_lane(lane_->lane);
  if (lane_->test()) ref.set_test_run_id(lane_->run.str());
  ref.set_source(lane_->province.value());
  ref.set_destination(slot.peer.value());
  ref.set_case_handle(slot.case_handle.str());
  ref.set_sequence(slot.sequence);
  ref.set_header_digest(state.header_digest());
  ref.set_message_id(state.message_id());
  return ref;
}

absl::Status Outbox::Tell(const SlotKey& slot, const State& state) {
  v1::CaseMessage message;
  message.set_message_id(state.message_id());
  message.set_kind(state.kind());
  message.set_outgoing(true);
  message.set_sequence(slot.sequence);
  message.set_passage(state.passage());
  message.set_reason(state.reason());
  message.set_detail(state.detail());
  message.set_at_unix_us(state.changed_unix_us());
  lane_->after_commit.push_back([ref = RefOf(slot, state), message](NodeObserver& observer) {
    observer.OnPassage(ref, message);
  });
  return host_->TellPassage(slot, message);
}

absl::Status Outbox::SetPassage(const SlotKey& slot, State& state, v1::Passage passage,
                                const v1::ErrorDetail& why) {
  const bool same = state.passage() == passage && state.reason() == why.reason();
  state.set_passage(passage);
  state.set_reason(why.reason());
  state.set_detail(why.what());
  if (!same) state.set_changed_unix_us(absl::ToUnixMicros(lane_->now));
  Save(slot, state);
  return same ? absl::OkStatus() : Tell(slot, state);
}

void Outbox::KeepUntil(const SlotKey& slot, State& state) {
  const std::int64_t until = absl::ToUnixMicros(lane_->now + contract::kResendableAfterReceipt);
  state.set_keep_until_unix_us(until);
  lane_->txn.Put(
      lane_->keys.OutboxEnds() + EncodeU64(static_cast<std::uint64_t>(until)) + slot.Encode(), "");
}

void Outbox::SessionOpened(bool other_broker) {
  schedule_.ResetCredits();
  if (other_broker) schedule_.OfferAccepted(lane_->now);
}

void Outbox::SessionClosed() {
  schedule_.EndAllFlights(lane_->now);
  outgoing_.clear();
}

void Outbox::OnDirectoryChanged() {
  for (const contract::ProvinceCode member : lane_->directory->Members()) {
    schedule_.Wake(member, lane_->now);
  }
}

absl::Status Outbox::OnRepeat(const v1::RepeatRequest& repeat) {
  const absl::StatusOr<contract::Identity> held = contract::IdentityOf(repeat.held());
  if (!held.ok() || held->source != lane_->province || held->lane != lane_->lane ||
      held->run != lane_->run) {
    lane_->ReportSecurity(v1::STREAM_MALFORMED, {}, "The broker asks to repeat a foreign message");
    return absl::OkStatus();
  }
  const SlotKey slot{held->destination, held->case_handle, repeat.missing_sequence()};
  if (schedule_.Contains(slot)) {
    schedule_.Urge(slot, lane_->now);
    return absl::OkStatus();
  }
  absl::StatusOr<std::optional<State>> found = Find(slot);
  if (!found.ok()) return found.status();
  if (!found->has_value()) return absl::OkStatus();
  State& state = **found;
  const bool filled = state.tombstone_cause() != v1::TOMBSTONE_CAUSE_UNSPECIFIED;
  if (filled) {
    state.set_tombstone_stored(false);
    Save(slot, state);
  }
  schedule_.Put(slot, filled ? Schedule::Stage::kTombstone : Schedule::Stage::kAccepted, lane_->now,
                absl::FromUnixMicros(state.created_unix_us()));
  return absl::OkStatus();
}

absl::Status Outbox::Sweep() {
  const std::string prefix = lane_->keys.OutboxEnds();
  const std::string end =
      prefix + EncodeU64(static_cast<std::uint64_t>(absl::ToUnixMicros(lane_->now)));
  std::vector<std::string> ended;
  YIZHAN_RETURN_IF_ERROR(
      lane_->txn.Scan(prefix, end, [&](absl::string_view key, absl::string_view) {
        ended.emplace_back(key);
        return ended.size() < kSweptAtOnce;
      }));
  for (const std::string& key : ended) {
    lane_->txn.Delete(key);
    const SlotKey slot =
        SlotKey::Decode(absl::string_view(key).substr(prefix.size() + sizeof(std::uint64_t)));
    absl::StatusOr<std::optional<State>> state = Find(slot);
    if (!state.ok()) return state.status();
    // Ended again later (a receipt after a notice), or sent again: kept longer.
    if (!state->has_value() || schedule_.Contains(slot)) continue;
    if ((*state)->keep_until_unix_us() > absl::ToUnixMicros(lane_->now)) continue;
    lane_->txn.Delete(lane_->keys.OutboxState(slot));
    lane_->txn.Delete(lane_->keys.OutboxContent(slot));
    lane_->txn.Delete(lane_->keys.OutboxEnvelope(slot));
    if (const auto id = contract::MessageId::From((*state)->message_id())) {
      lane_->txn.Delete(lane_->keys.Message(*id, true));
    }
  }
  return absl::OkStatus();
}

}  // namespace yizhan::node
