#include "broker/service/sweeper.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace yizhan::broker {
namespace {

// Timers worked off in one call, so that a wave of expiries does not stop the core.
constexpr std::size_t kMaxTimers = 512;

void SweepLeases(CoreState& state, Moment now) {
  for (auto& [number, session] : state.sessions.all()) {
    Dispatcher* dispatcher = session.receive ? state.FindDispatcher(session.box) : nullptr;
    if (dispatcher == nullptr) continue;
    for (const contract::MailboxPosition position : dispatcher->ExpireLeases(now)) {
      const auto place = state.mailboxes.Read(session.box, position);
      if (!place) continue;
      state.LogEvent(v1::TRACE_PARKED, place->message(), place->kind(),
                     v1::ERROR_REASON_UNSPECIFIED, place->parked_cause(), now);
      state.Log(LogLine::Level::kWarning,
                absl::StrCat("message at position ", position.value(), " of mailbox ",
                             session.box.province.str(), " parked: ", place->parked_cause()));
    }
  }
}

// The one timer of an accepted message until here, whatever became of it: setting
// and clearing others with each delivery would cost more than looking now.
void Expire(CoreState& state, const Timer& timer, Moment now) {
  stored::StoredKnown known;
  if (!state.records.Read(IdentityKey(timer.identity, 'd'), &known)) return;
  const auto forget_later = [&] {
    state.timers.Set(
        {absl::FromUnixMicros(known.forget_unix_us()), TimerKind::kForget, timer.identity});
  };
  if (known.position() == 0) return forget_later();
  const auto place = state.mailboxes.Read(RecipientBox(timer.identity),
                                          contract::MailboxPosition(known.position()));
  if (!place) return forget_later();
  const absl::Time expires = absl::FromUnixMicros(place->expires_unix_us());
  const absl::Time given_up = state.GivenUpAt(timer.identity.lane, expires);
  // The lease setting may have grown since; recoveries apply past expiry.
  if (given_up > now.wall) return state.timers.Set({given_up, TimerKind::kExpire, timer.identity});
  forget_later();
  EndByNotice(state, timer.identity, std::move(known), *place, v1::NOTICE_EXPIRED,
              "not received before it expired", nullptr, now);
}

void Forget(CoreState& state, const Timer& timer, Moment now) {
  stored::StoredKnown known;
  const std::string key = IdentityKey(timer.identity, 'd');
  if (!state.records.Read(key, &known)) return;
  const absl::Time forget = absl::FromUnixMicros(known.forget_unix_us());
  if (forget > now.wall) return state.timers.Set({forget, TimerKind::kForget, timer.identity});
  state.records.Delete(key);
  const absl::Time retain =
      absl::FromUnixMicros(known.accepted_unix_us()) + state.options.limits.retention;
  state.timers.Set({std::max(retain, timer.due), TimerKind::kRetain, timer.identity});
}

void Drop(CoreState& state, const Timer& timer) {
  // Known again: a recovery within the retention time; its own timers follow.
  if (state.records.Has(IdentityKey(timer.identity, 'd'))) return;
  for (const char table : {'t', 'g'}) state.records.Delete(IdentityKey(timer.identity, table));
}

}  // namespace

void EndByNotice(CoreState& state, const contract::Identity& identity, stored::StoredKnown known,
                 const stored::StoredPlace& place, v1::NoticeCause cause, absl::string_view detail,
                 v1::ControlRecord* copy, Moment now) {
  state.TakeOut(identity, known);
  const bool ended_by_recipient =
      known.end() == stored::STORED_END_DELIVERED || known.end() == stored::STORED_END_REFUSED;
  if (!ended_by_recipient) {
    known.set_end(cause == v1::NOTICE_EXPIRED ? stored::STORED_END_EXPIRED
                                              : stored::STORED_END_DISCARDED);
  }
  state.records.Write(IdentityKey(identity, 'd'), known);
  v1::Control control = state.NewControl(now);
  v1::Notice* notice = control.mutable_notice();
  *notice->mutable_message() = place.message();
  notice->set_seal_digest(place.seal_digest());
  notice->set_cause(cause);
  notice->set_detail(std::string(detail));
  std::vector<std::string> keys = {state.NextSenderControl(identity)};
  if (!ended_by_recipient) keys.push_back(state.TerminalKey(identity));
  std::vector<v1::ControlRecord*> copies;
  if (copy != nullptr) copies.push_back(copy);
  state.outgoing.Add(control, keys, copies);
  state.LogEvent(v1::TRACE_NOTICE, place.message(), place.kind(), v1::ERROR_REASON_UNSPECIFIED,
                 std::string(detail), now);
  ++state.stats.notices[identity.lane];
}

void Sweep(CoreState& state, Moment now) {
  SweepLeases(state, now);
  for (const Timer& timer : state.timers.TakeDue(now.wall, kMaxTimers)) {
    switch (timer.kind) {
      case TimerKind::kExpire:
        Expire(state, timer, now);
        break;
      case TimerKind::kForget:
        Forget(state, timer, now);
        break;
      case TimerKind::kRetain:
        Drop(state, timer);
        break;
    }
  }
}

}  // namespace yizhan::broker
