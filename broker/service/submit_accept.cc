// Acceptance: what is stored for a message in the one write of its group.
#include <algorithm>
#include <string>
#include <utility>

#include "broker/service/submit_handler.h"
#include "protos/contract/limits.h"

namespace yizhan::broker {
namespace {

stored::StoredPlace PlaceOf(const v1::SubmitItem& item, const contract::ParsedEnvelope& parsed,
                            std::size_t bytes, Moment now) {
  stored::StoredPlace place;
  *place.mutable_message() = contract::MakeMessageRef(parsed);
  place.set_kind(parsed.header.kind());
  place.set_bytes(bytes);
  place.set_seal_number(parsed.seal.number());
  place.set_seal_digest(parsed.seal_digest.str());
  place.set_accepted_unix_us(now.unix_us());
  place.set_expires_unix_us(parsed.seal.expires_unix_us());
  if (item.recovery()) {
    // Applies past its expiry; the broker gives it up as if it were new.
    const absl::Time until = std::max(parsed.expires, now.wall + contract::kDefaultMessageLife);
    place.set_expires_unix_us(absl::ToUnixMicros(until));
    place.set_recovery(true);
    *place.mutable_earlier_receipt() = item.earlier_receipt();
  }
  return place;
}

}  // namespace

void SubmitHandler::Accept(const v1::SubmitItem& item, const Parsed& parsed,
                           stored::StoredKnown known) {
  const stored::StoredPlace place = PlaceOf(item, parsed, item.envelope().ByteSizeLong(), now_);
  const contract::MailboxPosition position =
      state_.mailboxes.Append(RecipientBox(parsed.identity), place, item.envelope());

  const bool again = item.recovery() && !known.header_digest().empty();
  known.set_header_digest(parsed.header_digest.str());
  known.set_message_id(parsed.header.message_id());
  known.set_kind(parsed.header.kind());
  known.set_store_incarnation(parsed.header.store_incarnation());
  known.set_position(position.value());
  known.set_accepted_position(position.value());
  known.set_accepted_unix_us(now_.unix_us());
  // A later sealing than the one whose expiry we noticed begins anew; the
  // recipient's own record stays what it is.
  if (known.end() == stored::STORED_END_EXPIRED) known.set_end(stored::STORED_END_NONE);
  state_.progresses.SawMessage(parsed);
  GiveReceipt(parsed, known, place, again ? v1::TRACE_RECOVERED : v1::TRACE_ACCEPTED);
  ++state_.stats.accepted[parsed.identity.lane];
}

void SubmitHandler::ReplaceBody(const v1::SubmitItem& item, const Parsed& parsed,
                                stored::StoredKnown known) {
  const BoxKey box = RecipientBox(parsed.identity);
  const contract::MailboxPosition position(known.position());
  auto before = state_.mailboxes.Read(box, position);
  if (!before) {
    state_.records.Fail(absl::DataLossError("a known message has lost its place"));
    return;
  }
  if (before->parked()) {
    state_.mailboxes.Unpark(box, position, *before);
    before->set_parked(false);
  }
  stored::StoredPlace place = PlaceOf(item, parsed, item.envelope().ByteSizeLong(), now_);
  place.set_accepted_unix_us(before->accepted_unix_us());
  state_.mailboxes.Replace(box, position, *before, place, item.envelope());
  if (Dispatcher* dispatcher = state_.FindDispatcher(box)) dispatcher->OnReady(position);
  GiveReceipt(parsed, known, place, v1::TRACE_RESEALED);
}

void SubmitHandler::GiveReceipt(const Parsed& parsed, stored::StoredKnown& known,
                                const stored::StoredPlace& place, v1::TraceEvent event) {
  const contract::Identity& identity = parsed.identity;
  const absl::Time expires = absl::FromUnixMicros(place.expires_unix_us());
  known.set_seal_number(parsed.seal.number());
  known.set_seal_digest(parsed.seal_digest.str());
  known.set_forget_unix_us(absl::ToUnixMicros(expires + contract::kDedupSlack));
  state_.timers.Set({state_.GivenUpAt(identity.lane, expires), TimerKind::kExpire, identity});
  const contract::LogPosition logged = state_.LogEvent(event, place.message(), parsed.header.kind(),
                                                       v1::ERROR_REASON_UNSPECIFIED, "", now_);
  known.set_log_position(logged.value());
  known.set_seal_accepted_unix_us(now_.unix_us());
  state_.records.Write(IdentityKey(identity, 'd'), known);
  state_.SignAcceptance(place.message(), known, result_->mutable_receipt());
}

}  // namespace yizhan::broker
