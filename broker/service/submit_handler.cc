#include "broker/service/submit_handler.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/control.h"
#include "protos/contract/errors.h"

namespace yizhan::broker {
namespace {

using contract::MakeError;

// Where the error itself does not know when a retry may help.
std::int64_t RetryAfterMs(v1::ErrorReason reason) {
  switch (reason) {
    case v1::QUOTA_EXCEEDED:
    case v1::VERIFICATION_BUDGET_EXCEEDED:
      return 1'000;
    case v1::RECIPIENT_KEY_UNKNOWN:
    case v1::SIGNER_UNKNOWN:
      return 5'000;
    case v1::STORAGE_FULL:
    case v1::LINK_CUT:
      return 30'000;
    default:
      return 0;
  }
}

bool SmellsOfAttack(v1::ErrorReason reason) {
  return reason == v1::SPOOFED_SOURCE || reason == v1::IDENTITY_CONFLICT ||
         reason == v1::SIGNER_NOT_SOURCE;
}

}  // namespace

void SubmitHandler::Handle(const v1::SubmitItem& item) {
  result_->set_tag(item.tag());
  switch (item.item_case()) {
    case v1::SubmitItem::kEnvelope:
      return HandleEnvelope(item);
    case v1::SubmitItem::kControl:
      return HandleControl(item.control());
    case v1::SubmitItem::ITEM_NOT_SET:
      return Refuse(MakeError(v1::STREAM_MALFORMED, v1::SIDE_MINE,
                              absl::StrCat("item ", item.tag(),
                                           " holds neither envelope nor "
                                           "control record"),
                              "Set one of the two."),
                    nullptr);
  }
}

void SubmitHandler::HandleEnvelope(const v1::SubmitItem& item) {
  const v1::Envelope& envelope = item.envelope();
  absl::StatusOr<Looked> looked = state_.admission.Parse(envelope);
  if (!looked.ok()) return Refuse(looked.status(), nullptr);
  const Parsed& parsed = looked->parsed;
  if (absl::Status s = state_.admission.CheckSource(parsed, session_); !s.ok()) {
    return Refuse(s, nullptr);
  }
  absl::Status passage = looked->refusal;
  if (passage.ok()) passage = state_.admission.CheckPassage(parsed, now_.wall);

  stored::StoredKnown known;
  const bool is_known = state_.records.Read(IdentityKey(parsed.identity, 'd'), &known);
  const bool recovers = item.recovery() && item.has_earlier_receipt() && looked->refusal.ok();
  if (!is_known && !recovers) {
    if (!passage.ok() && !Admission::IsFinal(contract::ReasonOf(passage))) {
      return Refuse(passage, &parsed);
    }
    const absl::Status room =
        passage.ok() ? CheckRoom(parsed, envelope.ByteSizeLong()) : absl::OkStatus();
    if (!room.ok()) return Refuse(room, &parsed);
  }
  if (absl::Status s = state_.admission.CheckSignature(envelope, parsed, now_); !s.ok()) {
    if (contract::ReasonOf(s) == v1::SIGNATURE_INVALID) ++state_.stats.signature_failures;
    return Refuse(s, &parsed);
  }
  // The recipient's own word is worth more than expiry and closed routes.
  if (recovers && contract::ReasonOf(passage) != v1::LINK_CUT &&
      ShowsEarlierReceipt(item, parsed)) {
    passage = absl::OkStatus();
  }
  if (is_known) return HandleKnown(item, parsed, std::move(known), passage);
  if (!passage.ok()) {
    return Admission::IsFinal(contract::ReasonOf(passage)) ? RefuseFinally(passage, parsed)
                                                           : Refuse(passage, &parsed);
  }
  if (absl::Status s = state_.admission.CheckBody(envelope, parsed); !s.ok()) {
    return Refuse(s, &parsed);
  }
  if (absl::Status s = state_.pilots.Take(state_.directory.state(), parsed, now_.wall); !s.ok()) {
    return Refuse(s, &parsed);
  }
  Accept(item, parsed, stored::StoredKnown());
}

bool SubmitHandler::ShowsEarlierReceipt(const v1::SubmitItem& item, const Parsed& parsed) {
  const auto receipt =
      contract::ParseControl(*state_.options.algorithms.hasher, item.earlier_receipt());
  return receipt.ok() && contract::IsTerminal(receipt->control) &&
         receipt->control.issuer() == parsed.identity.destination.value() &&
         receipt->identity == parsed.identity && receipt->header_digest == parsed.header_digest &&
         contract::CheckControl(state_.directory.state(), state_.directory.checker(),
                                item.earlier_receipt(), *receipt)
             .ok();
}

absl::Status SubmitHandler::CheckRoom(const Parsed& parsed, std::size_t bytes) {
  if (session_.lane == v1::LANE_TEST) {
    const absl::Status charged = state_.runs->Charge(parsed.identity.run, 1, bytes);
    charged_ = charged.ok();
    return charged;
  }
  const BrokerLimits& limits = state_.options.limits;
  const stored::StoredUse use =
      state_.mailboxes.UseOf(RecipientBox(parsed.identity), parsed.identity.source);
  if (use.messages() + 1 > limits.mailbox_messages || use.bytes() + bytes > limits.mailbox_bytes) {
    return MakeError(v1::QUOTA_EXCEEDED, v1::SIDE_THEIRS,
                     absl::StrCat(use.messages(), " messages and ", use.bytes(), " bytes from ",
                                  parsed.identity.source.str(), " wait for ",
                                  parsed.identity.destination.str(), "; no more may"),
                     "Wait: the recipient must fetch what lies there.");
  }
  if (state_.free_disk_bytes < limits.disk_reserve_bytes + bytes) {
    return MakeError(v1::STORAGE_FULL, v1::SIDE_BROKER,
                     "the broker's disk is nearly full; it delivers, but takes nothing new",
                     "Wait; the broker's operators must free space.");
  }
  return absl::OkStatus();
}

void SubmitHandler::HandleKnown(const v1::SubmitItem& item, const Parsed& parsed,
                                stored::StoredKnown known, const absl::Status& passage) {
  if (known.header_digest() != parsed.header_digest.view()) {
    return IsForgotten(parsed, known) ? TakeAnew(item, parsed, known, passage)
                                      : HandleConflict(parsed, known);
  }
  const bool ended_by_recipient =
      known.end() == stored::STORED_END_DELIVERED || known.end() == stored::STORED_END_REFUSED;
  if (item.recovery() && known.position() == 0 && (ended_by_recipient || passage.ok())) {
    if (contract::ReasonOf(passage) == v1::LINK_CUT) return Refuse(passage, &parsed);
    const absl::Status body = state_.admission.CheckBody(item.envelope(), parsed);
    return body.ok() ? Accept(item, parsed, std::move(known)) : Refuse(body, &parsed);
  }
  if (known.tombstone() && !ended_by_recipient) {
    return Refuse(MakeError(v1::TOMBSTONE_CAME_FIRST, v1::SIDE_MINE,
                            "the sender's own tombstone fills this number already",
                            "Nothing to do: the case goes on with the next number."),
                  &parsed);
  }
  ++state_.stats.duplicates[parsed.identity.lane];
  // The same number with another sealing: by a store that was restored since.
  if (!ended_by_recipient && (parsed.seal.number() != known.seal_number() ||
                              parsed.seal_digest.view() != known.seal_digest())) {
    return HandleResealed(item, parsed, std::move(known), passage);
  }
  // On its way to a restored recipient once more: its earlier end says nothing of that.
  const bool on_its_way = item.recovery() && known.position() != 0;
  const bool ended = known.end() != stored::STORED_END_NONE && !on_its_way;
  if (!ended) OfferUnsealedAgain(parsed, known);
  if (!ended) {
    state_.SignAcceptance(contract::MakeMessageRef(parsed), known, result_->mutable_receipt());
  } else if (!state_.outgoing.CopyTo(state_.TerminalKey(parsed.identity),
                                     result_->mutable_receipt())) {
    state_.records.Fail(absl::DataLossError("a message that ended has lost its terminal record"));
  }
}

// Its sender does not know that the recipient asked for another sealing, or has
// not made it yet: the recipient sees the old one again, and asks again.
void SubmitHandler::OfferUnsealedAgain(const Parsed& parsed, const stored::StoredKnown& known) {
  if (known.position() == 0) return;
  const BoxKey box = RecipientBox(parsed.identity);
  const contract::MailboxPosition position(known.position());
  auto place = state_.mailboxes.Read(box, position);
  if (!place || !place->waits_for_seal()) return;
  place->set_waits_for_seal(false);
  state_.mailboxes.Update(box, position, *place);
  if (Dispatcher* dispatcher = state_.FindDispatcher(box)) dispatcher->OnReady(position);
}

// Its source was recovered since, and no peer could tell it of the number.
bool SubmitHandler::IsForgotten(const Parsed& parsed, const stored::StoredKnown& known) const {
  return parsed.identity.lane == v1::LANE_BUSINESS && known.position() == 0 &&
         state_.progresses.WasEnded(parsed.identity.source, known.store_incarnation(),
                                    parsed.header.store_incarnation());
}

// A recipient that knows the number after all refuses it.
void SubmitHandler::TakeAnew(const v1::SubmitItem& item, const Parsed& parsed,
                             const stored::StoredKnown& forgotten, const absl::Status& passage) {
  absl::Status good = passage;
  if (good.ok()) good = CheckRoom(parsed, item.envelope().ByteSizeLong());
  if (good.ok()) good = state_.admission.CheckBody(item.envelope(), parsed);
  if (!good.ok()) return Refuse(good, &parsed);
  stored::StoredKnown anew;
  anew.set_forget_unix_us(forgotten.forget_unix_us());
  Accept(item, parsed, std::move(anew));
}

void SubmitHandler::HandleConflict(const Parsed& parsed, const stored::StoredKnown& known) {
  if (known.store_incarnation() != parsed.header.store_incarnation()) {
    return Refuse(MakeError(v1::RESTORED, v1::SIDE_MINE,
                            "this number was used by an earlier incarnation of the sender's store",
                            "Stop the node and run `yizhan node recover`."),
                  &parsed);
  }
  Refuse(MakeError(
             v1::IDENTITY_CONFLICT, v1::SIDE_MINE,
             absl::StrCat("another message of ", parsed.identity.source.str(), " to ",
                          parsed.identity.destination.str(), " has this case and sequence already"),
             "Two processes write one store, or a store was copied: stop the node and look."),
         &parsed);
}

void SubmitHandler::HandleResealed(const v1::SubmitItem& item, const Parsed& parsed,
                                   stored::StoredKnown known, const absl::Status& passage) {
  if (parsed.seal.number() <= known.seal_number()) {
    return Refuse(MakeError(v1::SEAL_SUPERSEDED, v1::SIDE_MINE,
                            absl::StrCat("seal ", parsed.seal.number(),
                                         " came after the broker took seal ", known.seal_number()),
                            "Nothing to do: the later sealing is on its way."),
                  &parsed);
  }
  if (known.end() == stored::STORED_END_DISCARDED) {
    state_.outgoing.CopyTo(IdentityKey(parsed.identity, 't'), result_->mutable_receipt());
    return;
  }
  // Not final: the message was accepted once, under its earlier seal.
  if (!passage.ok()) return Refuse(passage, &parsed);
  if (absl::Status s = CheckRoom(parsed, item.envelope().ByteSizeLong()); !s.ok()) {
    return Refuse(s, &parsed);
  }
  if (absl::Status s = state_.admission.CheckBody(item.envelope(), parsed); !s.ok()) {
    return Refuse(s, &parsed);
  }
  if (known.position() != 0) return ReplaceBody(item, parsed, std::move(known));
  Accept(item, parsed, std::move(known));
}

void SubmitHandler::Refuse(const absl::Status& error, const Parsed* parsed) {
  v1::ErrorDetail* detail = result_->mutable_error();
  *detail = contract::DetailOf(error);
  if (detail->retry_after_ms() == 0) detail->set_retry_after_ms(RetryAfterMs(detail->reason()));
  if (parsed != nullptr) detail->set_message_id(parsed->header.message_id());
  ++state_.stats.refused[detail->reason()];
  if (SmellsOfAttack(detail->reason())) {
    state_.Security(detail->reason(),
                    absl::StrCat("from province ", session_.province.str(), ": ", detail->what()));
  }
  if (parsed != nullptr) LogRefusal(*parsed, detail->reason());
}

void SubmitHandler::RefuseFinally(const absl::Status& error, const Parsed& parsed) {
  Refuse(error, &parsed);
  v1::Control control = state_.NewControl(now_);
  v1::Refusal* refusal = control.mutable_refusal();
  *refusal->mutable_message() = contract::MakeMessageRef(parsed);
  refusal->set_seal_digest(parsed.seal_digest.str());
  refusal->set_consumes_number(true);
  *refusal->mutable_error() = result_->error();
  state_.outgoing.Add(control, {}, {result_->mutable_refusal()});
}

// Evidence for the report of a test run: of its own lane, and of the business
// messages by which the two prove that their link is closed. Bounded by the
// run's budget.
void SubmitHandler::LogRefusal(const Parsed& parsed, v1::ErrorReason reason) {
  if (state_.runs == nullptr) return;
  contract::RunId run = parsed.identity.run;
  if (session_.lane != v1::LANE_TEST) {
    // Of a pair that is tested again its routes are open: it shows the refusal at
    // another destination.
    auto tested =
        state_.runs->FindBetween(parsed.identity.source, parsed.identity.destination, now_.wall);
    if (!tested) tested = state_.runs->FindOf(parsed.identity.source, now_.wall);
    if (!tested) return;
    run = tested->id;
  }
  if (!charged_ && !state_.runs->Charge(run, 1, 0).ok()) return;
  charged_ = true;
  state_.LogEvent(v1::TRACE_REFUSED, contract::MakeMessageRef(parsed), parsed.header.kind(), reason,
                  "by the broker", now_);
}

}  // namespace yizhan::broker
