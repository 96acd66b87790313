#include "broker/service/receive_handler.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/control.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"

namespace yizhan::broker {
namespace {

// A recipient that gives more credit gets it in portions; the shell's queue
// holds this much.
constexpr std::int64_t kMaxCreditBytes =
    2 * static_cast<std::int64_t>(contract::kDefaultCreditBytes);
constexpr std::int64_t kMaxCreditMessages =
    16 * static_cast<std::int64_t>(contract::kDefaultCreditMessages);
constexpr int kMaxReceipts = 4096;

void AddCredit(Credit& credit, std::uint64_t messages, std::uint64_t bytes) {
  const auto add = [](std::int64_t& left, std::uint64_t more, std::int64_t most) {
    left = std::min(left + static_cast<std::int64_t>(
                               std::min<std::uint64_t>(more, static_cast<std::uint64_t>(most))),
                    most);
  };
  add(credit.messages, messages, kMaxCreditMessages);
  add(credit.bytes, bytes, kMaxCreditBytes);
}

}  // namespace

bool ReceiveHandler::IsMine(const contract::Identity& identity) const {
  return RecipientBox(identity) == session_.box;
}

absl::Status ReceiveHandler::Handle(const v1::ReceiveRequest& request) {
  if (request.receipts_size() > kMaxReceipts || request.held_size() > kMaxReceipts) {
    return contract::MakeError(v1::STREAM_MALFORMED, v1::SIDE_MINE,
                               absl::StrCat("a frame holds more than ", kMaxReceipts, " receipts"),
                               "Send fewer in one frame.");
  }
  for (const v1::ControlRecord& record : request.receipts()) {
    if (absl::Status s = HandleReceipt(record); !s.ok()) return s;
  }
  if (request.control_cursor() > 0) {
    // Only what was sent on this stream can have been stored.
    const contract::ControlCursor cursor(request.control_cursor());
    state_.controls.Acknowledge(session_.box, std::min(cursor, session_.receive->sent));
    session_.receive->Acknowledged(cursor);
  }
  for (const v1::HeldReport& held : request.held()) HandleHeld(held);
  AddCredit(session_.receive->credit, request.credit_messages(), request.credit_bytes());
  return absl::OkStatus();
}

absl::Status ReceiveHandler::HandleReceipt(const v1::ControlRecord& record) {
  const auto parsed = contract::ParseControl(*state_.options.algorithms.hasher, record);
  const auto ignore = [&](v1::ErrorReason reason, absl::string_view why) {
    state_.Security(reason, absl::StrCat("receipt from province ", session_.box.province.str(),
                                         " ignored: ", why));
    return absl::OkStatus();
  };
  if (!parsed.ok()) return ignore(v1::STREAM_MALFORMED, parsed.status().message());
  const v1::Control& control = parsed->control;
  if (!control.has_delivery() && !control.has_refusal()) {
    return ignore(v1::STREAM_MALFORMED, "neither delivery receipt nor refusal");
  }
  if (!IsMine(parsed->identity)) {
    return ignore(v1::SPOOFED_SOURCE, "it speaks of a message to another province or lane");
  }
  stored::StoredKnown known;
  if (!state_.records.Read(IdentityKey(parsed->identity, 'd'), &known) ||
      known.header_digest() != parsed->header_digest.view()) {
    // After a loss of the broker's store this is common, and no attack.
    state_.Log(LogLine::Level::kInfo, "receipt for a message that is not known here ignored");
    return absl::OkStatus();
  }
  const absl::Status checked =
      state_.admission.CheckControl(record, *parsed, session_.box.province, now_);
  if (!checked.ok()) {
    const v1::ErrorReason reason = contract::ReasonOf(checked);
    if (reason == v1::VERIFICATION_BUDGET_EXCEEDED) return checked;
    if (reason == v1::SIGNATURE_INVALID) ++state_.stats.signature_failures;
    return ignore(reason, checked.message());
  }
  if (parsed->identity.lane == v1::LANE_BUSINESS &&
      !state_.admission
           .CheckNotCut(parsed->identity.source, parsed->identity.destination, now_.wall)
           .ok()) {
    return absl::OkStatus();  // the message goes out again once the link is no longer cut
  }
  if (contract::IsTerminal(control)) {
    End(record, *parsed, std::move(known));
  } else {
    AskForSeal(record, *parsed, known);
  }
  return absl::OkStatus();
}

void ReceiveHandler::End(const v1::ControlRecord& record, const contract::ParsedControl& parsed,
                         stored::StoredKnown known) {
  const contract::Identity& identity = parsed.identity;
  const v1::Control& control = parsed.control;
  if (identity.lane == v1::LANE_BUSINESS) state_.progresses.SawRecord(control);
  const bool delivered = control.has_delivery();
  const stored::StoredEnd end =
      delivered ? stored::STORED_END_DELIVERED : stored::STORED_END_REFUSED;
  const bool ended_before =
      known.end() == stored::STORED_END_DELIVERED || known.end() == stored::STORED_END_REFUSED;
  if (ended_before) {
    if (known.end() != end && known.end_incarnation() == control.issuer_incarnation()) {
      state_.Security(v1::IDENTITY_CONFLICT,
                      absl::StrCat("province ", session_.box.province.str(),
                                   " signed two different final records of one message"));
    }
    const bool was_waiting = known.position() != 0;
    state_.TakeOut(identity, known);
    // A recovery, delivered once more: its sender waits for that.
    if (was_waiting) state_.outgoing.PutSigned(state_.NextSenderControl(identity), record);
    state_.records.Write(IdentityKey(identity, 'd'), known);
    return;
  }
  const v1::MessageRef& message =
      delivered ? control.delivery().message() : control.refusal().message();
  const v1::ErrorReason reason =
      delivered ? v1::ERROR_REASON_UNSPECIFIED : control.refusal().error().reason();
  state_.TakeOut(identity, known);
  known.set_end(end);
  known.set_end_incarnation(control.issuer_incarnation());
  state_.records.Write(IdentityKey(identity, 'd'), known);
  state_.outgoing.PutSigned(state_.TerminalKey(identity), record);
  state_.controls.PutTerminal(SenderBox(identity), identity);
  state_.LogEvent(delivered ? v1::TRACE_DELIVERED : v1::TRACE_REFUSED, message, known.kind(),
                  reason, "", now_);
  if (delivered) {
    ++state_.stats.delivered[identity.lane];
  } else {
    ++state_.stats.refused_by_recipient[reason];
  }
}

void ReceiveHandler::AskForSeal(const v1::ControlRecord& record,
                                const contract::ParsedControl& parsed,
                                const stored::StoredKnown& known) {
  const v1::Refusal& refusal = parsed.control.refusal();
  const contract::MailboxPosition position(known.position());
  auto place = known.position() == 0 ? std::nullopt : state_.mailboxes.Read(session_.box, position);
  // About an older sealing than the one here, or a repetition: nothing to do.
  if (!place || place->waits_for_seal() || place->seal_digest() != refusal.seal_digest()) return;
  place->set_waits_for_seal(true);
  state_.mailboxes.Update(session_.box, position, *place);
  state_.DispatcherOf(session_.box).OnGone(position);
  state_.outgoing.PutSigned(state_.NextSenderControl(parsed.identity), record);
  ++state_.stats.refused_by_recipient[refusal.error().reason()];
  state_.Log(LogLine::Level::kWarning,
             absl::StrCat("province ", session_.box.province.str(), " could not open a message of ",
                          parsed.identity.source.str(), " and asks for another sealing: ",
                          v1::ErrorReason_Name(refusal.error().reason())));
}

void ReceiveHandler::HandleHeld(const v1::HeldReport& held) {
  const auto identity = contract::IdentityOf(held.message());
  if (!identity.ok() || !IsMine(*identity)) return;
  stored::StoredKnown known;
  if (!state_.records.Read(IdentityKey(*identity, 'd'), &known) || known.position() == 0) return;
  // Credit is the recipient's to give again, as for every delivery.
  if (!state_.DispatcherOf(session_.box)
           .OnHeld(contract::MailboxPosition(known.position()), now_)) {
    return;  // was not out
  }
  Session* source = state_.sessions.OfBox(SenderBox(*identity));
  if (source == nullptr || !source->receive) return;
  Effect effect;
  effect.stream = source->receive->id;
  effect.receive = std::make_unique<v1::ReceiveResponse>();
  v1::RepeatRequest* repeat = effect.receive->add_repeats();
  *repeat->mutable_held() = held.message();
  repeat->set_missing_sequence(held.missing_sequence());
  state_.effects.push_back(std::move(effect));
}

}  // namespace yizhan::broker
