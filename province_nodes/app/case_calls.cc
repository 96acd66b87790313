// The part of the core that calls the case service and carries out its wishes.
#include <iterator>
#include <utility>

#include "protos/contract/errors.h"
#include "province_nodes/app/core_impl.h"
#include "province_nodes/store/proto_io.h"

namespace yizhan::node {

absl::Status CoreImpl::Run(const Command& command, absl::Time now) {
  if (!BeginEvent(now)) return fault_;
  if (meta_.restored()) return StoreIsBehind();
  const Lane::Mark mark = lane_.SetMark();
  CaseEffects effects;
  absl::Status status = command(lane_.txn, *cases_, effects);
  if (status.ok()) status = CheckNotRecovering(effects);
  if (status.ok()) status = CarryOut(std::move(effects));
  if (!status.ok()) lane_.RollBackTo(mark);
  if (IsStorageError(status)) Take(status);
  return status;
}

absl::Status CoreImpl::Read(const Query& query) {
  if (!fault_.ok()) return fault_;
  const absl::Status status = query(lane_.txn, *cases_);
  if (IsStorageError(status)) Take(status);
  return status;
}

absl::StatusOr<v1::MessageRef> CoreImpl::SendTestMessage(const OutgoingMessage& message,
                                                         absl::Time now) {
  if (!BeginEvent(now)) return fault_;
  if (!lane_.test() || message.kind != v1::TEST_MESSAGE) {
    return contract::MakeError(v1::KIND_NOT_ALLOWED, v1::SIDE_MINE,
                               "Only test messages are sent without a case, in the TEST lane alone",
                               "Send through the case.");
  }
  const Lane::Mark mark = lane_.SetMark();
  absl::StatusOr<NumberedMessage> numbered = outbox_.Enqueue(message);
  if (!numbered.ok()) {
    lane_.RollBackTo(mark);
    if (IsStorageError(numbered.status())) Take(numbered.status());
    return numbered.status();
  }
  return numbered->ref;
}

absl::Status CoreImpl::TellPassage(const SlotKey& slot, const v1::CaseMessage& message) {
  if (message.kind() == v1::TEST_MESSAGE) return absl::OkStatus();
  const Lane::Mark mark = lane_.SetMark();
  CaseEffects effects;
  absl::Status status = cases_->OnPassage(lane_.txn, slot.case_handle, message, effects);
  if (status.ok()) status = CarryOut(std::move(effects));
  if (status.ok() || IsStorageError(status)) return status;
  // The exchange goes on whatever the case thinks of it.
  lane_.RollBackTo(mark);
  lane_.ReportSecurity(contract::ReasonOf(status), slot.peer, std::string(status.message()));
  return absl::OkStatus();
}

absl::Status CoreImpl::Apply(const InboundMessage& message) {
  if (message.kind == v1::TEST_MESSAGE) return observer_->OnTestMessage(message);
  CaseEffects effects;
  const absl::StatusOr<bool> followed =
      recovery_.IsFollowed({message.source, message.case_handle, message.sequence});
  if (!followed.ok()) return followed.status();
  if (!*followed) {
    YIZHAN_RETURN_IF_ERROR(cases_->OnMessage(lane_.txn, message, effects));
    return CarryOut(std::move(effects));
  }
  // What follows from it was sent before the restore, and comes next.
  InboundMessage with_sequel = message;
  with_sequel.followed = true;
  YIZHAN_RETURN_IF_ERROR(cases_->OnMessage(lane_.txn, with_sequel, effects));
  effects.messages.clear();
  return CarryOut(std::move(effects));
}

absl::Status CoreImpl::CarryOut(CaseEffects effects) {
  std::deque<OutgoingMessage> queue;
  for (;;) {
    std::move(effects.messages.begin(), effects.messages.end(), std::back_inserter(queue));
    effects.messages.clear();
    Announce(effects);
    if (queue.empty()) return absl::OkStatus();
    const OutgoingMessage message = std::move(queue.front());
    queue.pop_front();
    if (message.destination == lane_.province) {
      YIZHAN_RETURN_IF_ERROR(DeliverLocally(message, queue));
    } else {
      YIZHAN_RETURN_IF_ERROR(outbox_.Enqueue(message).status());
    }
    effects = CaseEffects();
  }
}

absl::Status CoreImpl::DeliverLocally(const OutgoingMessage& message,
                                      std::deque<OutgoingMessage>& queue) {
  absl::StatusOr<NumberedMessage> numbered = outbox_.RecordLocal(message);
  if (!numbered.ok()) return numbered.status();
  InboundMessage inbound;
  inbound.source = lane_.province;
  inbound.kind = message.kind;
  inbound.case_handle = message.case_handle;
  inbound.sequence = numbered->slot.sequence;
  inbound.header_digest = *contract::Digest::From(numbered->ref.header_digest());
  inbound.message_id = numbered->message_id;
  inbound.payload = message.payload;
  const Lane::Mark mark = lane_.SetMark();
  CaseEffects effects;
  const absl::Status status = cases_->OnMessage(lane_.txn, inbound, effects);
  v1::MessageCount& count =
      lane_.tally.Of(lane_.lane, lane_.province, lane_.province, message.kind);
  count.set_accepted(count.accepted() + 1);
  if (status.ok()) {
    count.set_delivered(count.delivered() + 1);
    std::move(effects.messages.begin(), effects.messages.end(), std::back_inserter(queue));
    Announce(effects);
    return absl::OkStatus();
  }
  if (IsStorageError(status)) return status;
  count.set_refused(count.refused() + 1);
  lane_.RollBackTo(mark);
  return outbox_.RefuseLocal(*numbered, status);
}

void CoreImpl::Announce(CaseEffects& effects) {
  for (v1::CaseView& view : effects.changed) {
    lane_.after_commit.push_back(
        [view = std::move(view)](NodeObserver& observer) { observer.OnCaseChanged(view); });
  }
  for (SystemTask& task : effects.tasks) {
    lane_.after_commit.push_back(
        [task = std::move(task)](NodeObserver& observer) { observer.OnSystemTask(task); });
  }
  effects.changed.clear();
  effects.tasks.clear();
}

}  // namespace yizhan::node
