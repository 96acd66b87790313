// The part of Outbox that hears what became of messages.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/control.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "province_nodes/app/node_observer.h"
#include "province_nodes/outbox/outbox.h"
#include "province_nodes/store/proto_io.h"

namespace yizhan::node {
namespace {

constexpr absl::Duration kFirstRetry = absl::Milliseconds(500);
constexpr absl::Duration kLongestRetry = absl::Minutes(5);
// Sealings that a recipient may refuse before only a new key of the recipient
// brings the next one at once. Its fault (a key file, a clock) may be mended
// without a word to us, so that one is tried now and then all the same.
constexpr std::uint32_t kMaxRefusedSeals = 8;
constexpr absl::Duration kSealAgainAtLast = absl::Minutes(15);

bool IsEnded(const store::OutboxState& state) {
  return state.passage() == v1::PASSAGE_RECEIVED || state.passage() == v1::PASSAGE_REFUSED ||
         state.passage() == v1::PASSAGE_NOT_DELIVERED;
}

// As the record that ended it.
bool IsSameIncarnation(const store::OutboxState& state, const v1::Control& control) {
  v1::ControlRecord record;
  v1::Control before;
  return record.ParseFromString(state.terminal()) && before.ParseFromString(record.record()) &&
         before.issuer_incarnation() == control.issuer_incarnation();
}

// What a new sealing and signature may heal.
bool HealsBySealing(v1::ErrorReason reason) {
  switch (reason) {
    case v1::SEAL_SUPERSEDED:
    case v1::RECIPIENT_KEY_UNKNOWN:
    case v1::CANNOT_OPEN:
    case v1::COMMITMENT_MISMATCH:
    case v1::SIGNATURE_INVALID:
    case v1::SIGNER_UNKNOWN:
    case v1::BODY_DIGEST_MISMATCH:
    case v1::SEAL_MALFORMED:
    case v1::LIFE_OUT_OF_RANGE:
    case v1::LINK_CUT:  // held time does not consume the message's life
      return true;
    default:
      return false;
  }
}

}  // namespace

absl::StatusOr<bool> Outbox::OnResult(const v1::SubmitResult& result) {
  const std::optional<SlotKey> slot = schedule_.EndFlight(result.tag());
  if (!slot.has_value()) return false;
  absl::StatusOr<std::optional<State>> found = Find(*slot);
  if (!found.ok()) return found.status();
  if (!found->has_value()) return true;
  State& state = **found;
  if (result.control_stored()) {
    state.set_tombstone_stored(true);
    KeepUntil(*slot, state);
    Save(*slot, state);
    schedule_.Remove(*slot);
    return true;
  }
  const bool final_refusal = result.has_error() && result.has_refusal();
  if (result.has_receipt() || final_refusal) {
    const v1::ControlRecord& record = final_refusal ? result.refusal() : result.receipt();
    absl::StatusOr<contract::ParsedControl> parsed =
        contract::ParseControl(*lane_->algorithms.hasher, record);
    absl::Status good =
        parsed.ok() ? contract::CheckControl(*lane_->directory, lane_->checker, record, *parsed)
                    : parsed.status();
    if (good.ok()) {
      if (absl::Status status = OnRecord(record, *parsed); !status.ok()) return status;
      return true;
    }
    ++lane_->statistics.signature_failures;
    lane_->ReportSecurity(
        contract::ReasonOf(good), {},
        absl::StrCat("A record in the broker's answer does not hold: ", good.message()));
    absl::Status status = SendAgainLater(*slot, state, contract::DetailOf(good), false);
    if (!status.ok()) return status;
    return true;
  }
  absl::Status status = OnError(*slot, state, result.error());
  if (!status.ok()) return status;
  return true;
}

absl::Status Outbox::OnError(const SlotKey& slot, State& state, const v1::ErrorDetail& error) {
  ++lane_->statistics.refused_by_others[error.reason()];
  if (error.reason() == v1::IDENTITY_CONFLICT || error.reason() == v1::RESTORED) {
    lane_->ReportSecurity(error.reason(), slot.peer,
                          absl::StrCat("Sending of a case has stopped: ", error.what()));
    state.set_stopped(true);
    schedule_.Stop(slot);
    return SetPassage(slot, state, state.passage(), error);
  }
  const bool expired = state.seal_number() > 0 && lane_->now + contract::kMaxClockSkew >=
                                                      absl::FromUnixMicros(state.expires_unix_us());
  if (error.reason() == v1::MESSAGE_EXPIRED && expired && !IsEnded(state)) {
    return GiveUp(slot, state, v1::TOMBSTONE_EXPIRED, v1::PASSAGE_NOT_DELIVERED, error);
  }
  const bool heals = !IsEnded(state) && HealsBySealing(error.reason());
  if (heals && state.passage() == v1::PASSAGE_ACCEPTED) {
    // Offered again to a broker that does not have it, or never had.
    state.set_passage(v1::PASSAGE_WAITING);
    schedule_.Put(slot, Schedule::Stage::kUnaccepted, lane_->now,
                  absl::FromUnixMicros(state.created_unix_us()));
  }
  return SendAgainLater(slot, state, error, heals);
}

absl::Status Outbox::SendAgainLater(const SlotKey& slot, State& state, const v1::ErrorDetail& error,
                                    bool seal_again) {
  const absl::Duration own = lane_->Backoff(schedule_.CountTry(slot), kFirstRetry, kLongestRetry);
  const absl::Duration asked = absl::Milliseconds(std::clamp<std::int64_t>(
      error.retry_after_ms(), 0, absl::ToInt64Milliseconds(kLongestRetry)));
  schedule_.SetDue(
      slot,
      lane_->now + (asked > absl::ZeroDuration() ? lane_->Backoff(0, asked, kLongestRetry) : own));
  if (state.resend()) return absl::OkStatus();  // until its restored recipient has it
  if (IsEnded(state)) {
    // Sent again on request of the recipient; its end stands.
    if (state.tombstone_cause() == v1::TOMBSTONE_CAUSE_UNSPECIFIED) schedule_.Remove(slot);
    return absl::OkStatus();
  }
  if (seal_again) state.set_seal_again(true);
  return SetPassage(slot, state, state.passage(), error);
}

absl::Status Outbox::OnRecord(const v1::ControlRecord& record,
                              const contract::ParsedControl& parsed) {
  const SlotKey slot{parsed.identity.destination, parsed.identity.case_handle,
                     parsed.identity.sequence};
  lane_->after_commit.push_back(
      [record, parsed](NodeObserver& observer) { observer.OnControl(record, parsed); });
  absl::StatusOr<std::optional<State>> found = Find(slot);
  if (!found.ok()) return found.status();
  if (!found->has_value()) return absl::OkStatus();  // ended long ago
  State& state = **found;
  if (parsed.header_digest.view() != state.header_digest()) {
    lane_->ReportSecurity(v1::IDENTITY_CONFLICT, slot.peer,
                          "A control record names another header than the one that was sent");
    return absl::OkStatus();
  }
  if (parsed.control.has_acceptance()) {
    return OnAccepted(slot, state, parsed.control.acceptance().seal_number());
  }
  if (parsed.control.issuer() == slot.peer.value()) {
    return OnRecipientRecord(slot, state, record, parsed);
  }
  return OnBrokerRecord(slot, state, record, parsed);
}

// Once a message. A record of the recipient may overtake the acceptance, which it
// implies.
void Outbox::CountAccepted(const SlotKey& slot, State& state) {
  if (state.was_accepted()) return;
  state.set_was_accepted(true);
  ++lane_->statistics.accepted;
  v1::MessageCount& count = lane_->tally.Of(lane_->lane, lane_->province, slot.peer, state.kind());
  count.set_accepted(count.accepted() + 1);
}

absl::Status Outbox::OnAccepted(const SlotKey& slot, State& state, std::uint64_t seal_number) {
  if (state.resend()) {
    again_accepted_.insert(slot);
    schedule_.Put(slot, Schedule::Stage::kAccepted, lane_->now + lane_->reoffer_interval,
                  absl::FromUnixMicros(state.created_unix_us()));
    return absl::OkStatus();
  }
  if (IsEnded(state)) {
    if (state.tombstone_cause() == v1::TOMBSTONE_CAUSE_UNSPECIFIED) schedule_.Remove(slot);
    return absl::OkStatus();
  }
  if (state.seal_again() || seal_number < state.seal_number()) {
    // Of a sealing that the recipient has refused since: another one is owed.
    CountAccepted(slot, state);
    Save(slot, state);
    return absl::OkStatus();
  }
  schedule_.Put(slot, Schedule::Stage::kAccepted, lane_->now + lane_->reoffer_interval,
                absl::FromUnixMicros(state.created_unix_us()));
  if (state.passage() == v1::PASSAGE_ACCEPTED) return absl::OkStatus();
  CountAccepted(slot, state);
  return SetPassage(slot, state, v1::PASSAGE_ACCEPTED, {});
}

absl::Status Outbox::OnRecipientRecord(const SlotKey& slot, State& state,
                                       const v1::ControlRecord& record,
                                       const contract::ParsedControl& parsed) {
  const bool refused = parsed.control.has_refusal();
  if (refused && !parsed.control.refusal().consumes_number()) {
    if (state.resend()) return OnResendRefused(slot, state, parsed.control.refusal());
    return IsEnded(state) ? absl::OkStatus() : OnSealRefused(slot, state, parsed.control.refusal());
  }
  const v1::Passage passage = refused ? v1::PASSAGE_REFUSED : v1::PASSAGE_RECEIVED;
  if (state.terminal_by_recipient()) {
    if (state.passage() != passage && IsSameIncarnation(state, parsed.control)) {
      lane_->ReportSecurity(v1::IDENTITY_CONFLICT, slot.peer,
                            "The recipient ended one message in two ways");
    }
    if (state.resend() && again_accepted_.erase(slot) == 0) {
      // Of before the restore, on its way or repeated by the broker: the restored
      // recipient does not have the message yet.
      schedule_.Put(slot, Schedule::Stage::kAccepted, lane_->now,
                    absl::FromUnixMicros(state.created_unix_us()));
      return absl::OkStatus();
    }
    if (state.resend()) {
      state.set_resend(false);
      KeepUntil(slot, state);
      Save(slot, state);
    }
    if (state.tombstone_cause() == v1::TOMBSTONE_CAUSE_UNSPECIFIED) schedule_.Remove(slot);
    return absl::OkStatus();
  }
  state.set_terminal(record.SerializeAsString());
  state.set_terminal_by_recipient(true);
  CountAccepted(slot, state);
  // The recipient has used the number: nothing is left to fill.
  if (!state.tombstone_stored()) state.clear_tombstone_cause();
  v1::MessageCount& count = lane_->tally.Of(lane_->lane, lane_->province, slot.peer, state.kind());
  if (refused) {
    ++lane_->statistics.refused_by_others[parsed.control.refusal().error().reason()];
    count.set_refused(count.refused() + 1);
    return End(slot, state, passage, parsed.control.refusal().error());
  }
  ++lane_->statistics.receipted;
  count.set_delivered(count.delivered() + 1);
  return End(slot, state, passage, {});
}

absl::Status Outbox::OnBrokerRecord(const SlotKey& slot, State& state,
                                    const v1::ControlRecord& record,
                                    const contract::ParsedControl& parsed) {
  if (IsEnded(state)) return absl::OkStatus();
  v1::MessageCount& count = lane_->tally.Of(lane_->lane, lane_->province, slot.peer, state.kind());
  if (parsed.control.has_notice()) {
    const v1::Notice& notice = parsed.control.notice();
    if (notice.seal_digest() != state.seal_digest()) return absl::OkStatus();  // an older seal
    if (notice.cause() == v1::NOTICE_EXPIRED &&
        parsed.control.issued_unix_us() < state.expires_unix_us()) {
      lane_->ReportSecurity(v1::MESSAGE_EXPIRED, {},
                            "The broker signed that a message expired, before it did");
      return absl::OkStatus();
    }
    ++lane_->statistics.notices;
    CountAccepted(slot, state);
    count.set_noticed(count.noticed() + 1);
    state.set_terminal(record.SerializeAsString());
    const bool discarded = notice.cause() == v1::NOTICE_DISCARDED;
    v1::ErrorDetail why = contract::DetailOf(contract::MakeError(
        v1::MESSAGE_EXPIRED, v1::SIDE_THEIRS,
        absl::StrCat(discarded ? "An operator of the broker discarded the message: "
                               : "The message expired before the recipient took it. ",
                     notice.detail()),
        "Ask the other province why it did not take it, then repeat the step in the case."));
    return GiveUp(slot, state, discarded ? v1::TOMBSTONE_DISCARDED : v1::TOMBSTONE_EXPIRED,
                  v1::PASSAGE_NOT_DELIVERED, why);
  }
  const v1::Refusal& refusal = parsed.control.refusal();
  if (!refusal.consumes_number()) return OnError(slot, state, refusal.error());
  ++lane_->statistics.refused_by_others[refusal.error().reason()];
  count.set_refused(count.refused() + 1);
  state.set_terminal(record.SerializeAsString());
  return GiveUp(slot, state, v1::TOMBSTONE_REFUSED_BY_BROKER, v1::PASSAGE_REFUSED, refusal.error());
}

// The message has ended long ago; only its sealing is to be made anew.
absl::Status Outbox::OnResendRefused(const SlotKey& slot, State& state,
                                     const v1::Refusal& refusal) {
  if (refusal.seal_digest() != state.seal_digest()) return absl::OkStatus();  // an older seal
  state.set_seal_again(true);
  Save(slot, state);
  schedule_.SetDue(
      slot, lane_->now + lane_->Backoff(schedule_.CountTry(slot), kFirstRetry, kLongestRetry));
  return absl::OkStatus();
}

absl::Status Outbox::OnSealRefused(const SlotKey& slot, State& state, const v1::Refusal& refusal) {
  if (refusal.seal_digest() != state.seal_digest()) return absl::OkStatus();  // an older seal
  CountAccepted(slot, state);
  const v1::ErrorDetail& error = refusal.error();
  ++lane_->statistics.refused_by_others[error.reason()];
  if (error.reason() == v1::IDENTITY_CONFLICT || error.reason() == v1::RESTORED) {
    return OnError(slot, state, error);
  }
  state.set_refused_seals(state.refused_seals() + 1);
  const absl::Time created = absl::FromUnixMicros(state.created_unix_us());
  if (state.refused_seals() > kMaxRefusedSeals) {
    v1::ErrorDetail last = error;
    last.set_what(
        absl::StrCat("Sealed ", state.seal_number(), " times, refused each time: ", error.what()));
    // Each sealing begins a new life; so that it ends, the last one is the first
    // after a whole life of refusals.
    const bool once_more = lane_->now < created + lane_->message_life;
    state.set_seal_again(once_more);
    schedule_.Put(
        slot, Schedule::Stage::kUnaccepted,
        once_more ? lane_->now + kSealAgainAtLast : absl::FromUnixMicros(state.expires_unix_us()),
        created);
    return SetPassage(slot, state, v1::PASSAGE_WAITING, last);
  }
  state.set_seal_again(true);
  schedule_.Put(slot, Schedule::Stage::kUnaccepted,
                lane_->now + lane_->Backoff(state.refused_seals() - 1, kFirstRetry, kLongestRetry),
                created);
  return SetPassage(slot, state, v1::PASSAGE_WAITING, error);
}

absl::Status Outbox::End(const SlotKey& slot, State& state, v1::Passage passage,
                         const v1::ErrorDetail& why) {
  KeepUntil(slot, state);
  schedule_.Remove(slot);
  return SetPassage(slot, state, passage, why);
}

absl::Status Outbox::GiveUp(const SlotKey& slot, State& state, v1::TombstoneCause cause,
                            v1::Passage passage, const v1::ErrorDetail& why) {
  state.set_tombstone_cause(cause);
  schedule_.Put(slot, Schedule::Stage::kTombstone, lane_->now,
                absl::FromUnixMicros(state.created_unix_us()));
  return SetPassage(slot, state, passage, why);
}

}  // namespace yizhan::node
