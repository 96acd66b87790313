#include "broker/service/core_state.h"

#include <utility>

#include "protos/contract/control.h"
#include "protos/contract/limits.h"

namespace yizhan::broker {
namespace {

// Lines that nobody took yet; beyond it a flood of events is not worth memory.
constexpr std::size_t kMaxLogLines = 10'000;
// Test messages live for seconds, and both clocks were compared when the run began.
constexpr absl::Duration kTestClockSlack = absl::Seconds(1);

}  // namespace

CoreState::CoreState(BrokerCore::Options the_options)
    : options(std::move(the_options)),
      records(options.store),
      boxes(&records),
      mailboxes(&records, &boxes),
      controls(&records, &boxes),
      timers(&records),
      evidence(&records, options.algorithms.hasher),
      directory(&records, options.algorithms),
      proposals(&records, &directory),
      pilots(&records),
      admission(&directory, options.algorithms.hasher, options.limits.asymmetric_per_second),
      outgoing(&records, options.signer, options.algorithms.hasher),
      progresses(&records) {}

void CoreState::Log(LogLine::Level level, std::string text) {
  if (log_lines.size() < kMaxLogLines) log_lines.push_back({level, std::move(text)});
}

void CoreState::Security(v1::ErrorReason reason, std::string text) {
  ++stats.security_events[reason];
  Log(LogLine::Level::kSecurity, std::move(text));
}

Dispatcher& CoreState::DispatcherOf(const BoxKey& box) {
  const Dispatcher::Options dispatch{options.limits.lease, options.limits.park_after_attempts};
  return dispatchers.try_emplace(box, box, &mailboxes, dispatch).first->second;
}

Dispatcher* CoreState::FindDispatcher(const BoxKey& box) {
  const auto found = dispatchers.find(box);
  return found == dispatchers.end() ? nullptr : &found->second;
}

void CoreState::SignAcceptance(const v1::MessageRef& message, const stored::StoredKnown& known,
                               v1::ControlRecord* copy) {
  v1::Control control =
      NewControl({absl::FromUnixMicros(known.seal_accepted_unix_us()), absl::ZeroDuration()});
  v1::AcceptanceReceipt* receipt = control.mutable_acceptance();
  *receipt->mutable_message() = message;
  receipt->set_seal_number(known.seal_number());
  receipt->set_mailbox_position(known.accepted_position());
  receipt->set_log_position(known.log_position());
  outgoing.Add(control, {}, {copy});
}

v1::Control CoreState::NewControl(Moment now) const {
  contract::ControlIssuer issuer;
  issuer.incarnation = *contract::Incarnation::From(meta.incarnation());
  issuer.directory_head = directory.state().head();
  issuer.log_checkpoint = evidence.checkpoint();
  return contract::NewControl(issuer, now.wall);
}

contract::LogPosition CoreState::LogEvent(v1::TraceEvent event, const v1::MessageRef& message,
                                          v1::MessageKind kind, v1::ErrorReason reason,
                                          std::string detail, Moment now) {
  v1::TraceStep step;
  step.set_event(event);
  step.set_at_unix_us(now.unix_us());
  *step.mutable_message() = message;
  step.set_kind(kind);
  step.set_reason(reason);
  step.set_detail(std::move(detail));
  return evidence.Append(std::move(step));
}

absl::Time CoreState::GivenUpAt(v1::Lane lane, absl::Time expires) const {
  const absl::Duration skew = lane == v1::LANE_TEST ? kTestClockSlack : contract::kMaxClockSkew;
  return expires + skew + options.limits.lease;
}

std::string CoreState::TerminalKey(const contract::Identity& identity) const {
  return IdentityKey(identity, 't');
}

std::string CoreState::NextSenderControl(const contract::Identity& identity) {
  const BoxKey box = SenderBox(identity);
  return controls.KeyOf(box, controls.Reserve(box));
}

void CoreState::TakeOut(const contract::Identity& identity, stored::StoredKnown& known) {
  if (known.position() == 0) return;
  const BoxKey box = RecipientBox(identity);
  const contract::MailboxPosition position(known.position());
  if (const auto place = mailboxes.Read(box, position)) {
    mailboxes.Remove(box, position, *place);
  }
  if (Dispatcher* dispatcher = FindDispatcher(box)) dispatcher->OnGone(position);
  known.set_position(0);
}

}  // namespace yizhan::broker
