// Control records that senders submit: tombstones, and those of a recovery
// (submit_recovery.cc).
#include <string>

#include "absl/strings/str_cat.h"
#include "broker/service/submit_handler.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"

namespace yizhan::broker {
namespace {

using contract::MakeError;

// Control records that may wait for one province.
constexpr std::uint64_t kMaxControls = 2'000'000;

absl::Status QueueFull(contract::ProvinceCode destination) {
  return MakeError(v1::QUOTA_EXCEEDED, v1::SIDE_THEIRS,
                   absl::StrCat("too many control records wait for ", destination.str()),
                   "Wait: the recipient must fetch what lies there.");
}

}  // namespace

void SubmitHandler::HandleControl(const v1::ControlRecord& record) {
  const auto parsed = contract::ParseControl(*state_.options.algorithms.hasher, record);
  if (!parsed.ok()) return Refuse(parsed.status(), nullptr);
  const v1::Control& control = parsed->control;
  if (!control.has_tombstone() && !control.has_recovery_request() && !control.has_returned() &&
      !control.has_recovery_answer()) {
    return Refuse(MakeError(v1::STREAM_MALFORMED, v1::SIDE_MINE,
                            "only tombstones and records of a recovery are submitted",
                            "Send receipts in the Receive stream."),
                  nullptr);
  }
  const absl::Status checked =
      state_.admission.CheckControl(record, *parsed, session_.province, now_);
  if (!checked.ok()) {
    if (contract::ReasonOf(checked) == v1::SIGNATURE_INVALID) ++state_.stats.signature_failures;
    return Refuse(checked, nullptr);
  }
  if (session_.lane == v1::LANE_BUSINESS) state_.progresses.SawRecord(control);
  if (control.has_tombstone()) return HandleTombstone(record, *parsed);
  if (control.has_returned()) return HandleReturned(record, *parsed);
  if (control.has_recovery_answer()) return HandleRecoveryAnswer(record, *parsed);
  HandleRecoveryRequest(record, *parsed);
}

void SubmitHandler::HandleTombstone(const v1::ControlRecord& record,
                                    const contract::ParsedControl& parsed) {
  const contract::Identity& identity = parsed.identity;
  if (identity.source != session_.province || identity.lane != session_.lane ||
      identity.run != session_.run) {
    return Refuse(MakeError(v1::SPOOFED_SOURCE, v1::SIDE_MINE,
                            "the tombstone speaks of a message of another province or session",
                            "Fill only numbers of your own messages, in their lane."),
                  nullptr);
  }
  if (identity.lane == v1::LANE_BUSINESS) {
    const absl::Status cut =
        state_.admission.CheckNotCut(identity.source, identity.destination, now_.wall);
    if (!cut.ok()) return Refuse(cut, nullptr);
  }
  const std::string key = IdentityKey(identity, 'd');
  stored::StoredKnown known;
  const bool is_known = state_.records.Read(key, &known);
  if (is_known && known.header_digest() != parsed.header_digest.view()) {
    return Refuse(MakeError(v1::IDENTITY_CONFLICT, v1::SIDE_MINE,
                            "the tombstone names another header than the message had",
                            "Name the header digest of the message that was sent."),
                  nullptr);
  }
  if (known.end() == stored::STORED_END_DELIVERED || known.end() == stored::STORED_END_REFUSED) {
    state_.outgoing.CopyTo(IdentityKey(identity, 't'), result_->mutable_receipt());
    return;
  }
  const BoxKey box = RecipientBox(identity);
  const contract::ControlCursor before(known.tombstone_cursor());
  const bool waits = known.tombstone() && state_.controls.IsWaiting(box, before);
  if (!waits) {
    if (state_.controls.Waiting(box) >= kMaxControls) {
      return Refuse(QueueFull(identity.destination), nullptr);
    }
    const contract::ControlCursor cursor = state_.controls.Reserve(box);
    state_.outgoing.PutSigned(state_.controls.KeyOf(box, cursor), record);
    known.set_tombstone_cursor(cursor.value());
  }
  if (!known.tombstone()) {
    state_.LogEvent(v1::TRACE_TOMBSTONE, parsed.control.tombstone().message(), known.kind(),
                    v1::ERROR_REASON_UNSPECIFIED, "", now_);
  }
  state_.TakeOut(identity, known);
  known.set_tombstone(true);
  known.set_header_digest(parsed.header_digest.str());
  if (known.forget_unix_us() == 0) {
    const absl::Time forget = now_.wall + contract::kMaxMessageLife + contract::kDedupSlack;
    known.set_accepted_unix_us(now_.unix_us());
    known.set_forget_unix_us(absl::ToUnixMicros(forget));
    state_.timers.Set({forget, TimerKind::kForget, identity});
  }
  state_.records.Write(key, known);
  result_->set_control_stored(true);
}

}  // namespace yizhan::broker
