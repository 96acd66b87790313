// Control records between a restored node and its peers.
#include <string>

#include "absl/strings/str_cat.h"
#include "broker/service/submit_handler.h"
#include "protos/contract/errors.h"

namespace yizhan::broker {
namespace {

using contract::MakeError;

// Of the queue of one province: requests and answers, which are few, and
// returned messages, which may be large.
constexpr std::uint64_t kMaxWaiting = 2'000'000;
constexpr std::uint64_t kMaxWaitingForReturned = 4096;
// Places that one question may look at; beyond it the mailbox has to empty first.
constexpr int kMaxLook = 20'000;

absl::Status WaitForRecipient(absl::string_view what) {
  v1::ErrorDetail detail;
  detail.set_reason(v1::QUOTA_EXCEEDED);
  detail.set_side(v1::SIDE_THEIRS);
  detail.set_what(std::string(what));
  detail.set_next_step("Wait, and send again after the delay.");
  detail.set_retry_after_ms(1'000);
  return MakeError(detail);
}

// Messages of `source` in the mailbox that its owner has not answered, as far as
// they are more than `held`. One that waits for another sealing was answered.
std::uint64_t CountUnseen(CoreState& state, const BoxKey& box, contract::ProvinceCode source,
                          std::uint64_t held) {
  const std::uint64_t all = state.mailboxes.UseOf(box, source).messages();
  if (all <= held) return all;
  std::uint64_t unseen = 0;
  int looked = 0;
  bool complete = true;
  state.mailboxes.Scan(box, contract::MailboxPosition(1),
                       [&](contract::MailboxPosition, const stored::StoredPlace& place) {
                         const bool counts =
                             place.message().source() == source.value() && !place.waits_for_seal();
                         unseen += counts ? 1 : 0;
                         complete = ++looked < kMaxLook;
                         return complete && unseen <= held;
                       });
  return complete ? unseen : all;
}

}  // namespace

void SubmitHandler::QueueForPeer(contract::ProvinceCode peer, const v1::ControlRecord& record,
                                 std::uint64_t most_waiting) {
  if (session_.lane != v1::LANE_BUSINESS || peer == session_.province ||
      state_.directory.state().FindMember(peer) == nullptr) {
    return Refuse(MakeError(v1::DESTINATION_UNKNOWN, v1::SIDE_MINE,
                            absl::StrCat("province ", peer.value(), " is no member"),
                            "Name a peer of the directory, in the BUSINESS lane."),
                  nullptr);
  }
  const absl::Status cut = state_.admission.CheckNotCut(session_.province, peer, now_.wall);
  if (!cut.ok()) return Refuse(cut, nullptr);
  const BoxKey box{v1::LANE_BUSINESS, peer, contract::RunId()};
  if (state_.controls.Waiting(box) >= most_waiting) {
    return Refuse(WaitForRecipient(absl::StrCat(state_.controls.Waiting(box),
                                                " control records wait for ", peer.str())),
                  nullptr);
  }
  state_.outgoing.PutSigned(state_.controls.KeyOf(box, state_.controls.Reserve(box)), record);
  result_->set_control_stored(true);
}

void SubmitHandler::HandleRecoveryRequest(const v1::ControlRecord& record,
                                          const contract::ParsedControl& parsed) {
  QueueForPeer(contract::ProvinceCode(parsed.control.recovery_request().peer()), record,
               kMaxWaiting);
}

void SubmitHandler::HandleReturned(const v1::ControlRecord& record,
                                   const contract::ParsedControl& parsed) {
  if (state_.free_disk_bytes < state_.options.limits.disk_reserve_bytes + record.ByteSizeLong()) {
    return Refuse(MakeError(v1::STORAGE_FULL, v1::SIDE_BROKER,
                            "the broker's disk is nearly full; it delivers, but takes nothing new",
                            "Wait; the broker's operators must free space."),
                  nullptr);
  }
  QueueForPeer(parsed.identity.source, record, kMaxWaitingForReturned);
}

void SubmitHandler::HandleRecoveryAnswer(const v1::ControlRecord& record,
                                         const contract::ParsedControl& parsed) {
  const v1::RecoveryAnswer& answer = parsed.control.recovery_answer();
  const contract::ProvinceCode peer(answer.peer());
  if (answer.complete()) return QueueForPeer(peer, record, kMaxWaiting);
  // The restored node must learn of each number that it has used, so nothing of
  // it may be here that the issuer has not seen.
  const std::uint64_t waiting = CountUnseen(state_, session_, peer, answer.held());
  if (waiting > answer.held()) {
    return Refuse(WaitForRecipient(absl::StrCat(
                      waiting - answer.held(), " messages of the restored province ", peer.str(),
                      " still wait for ", session_.province.str(),
                      "; parked ones must be replayed or ", "discarded by the broker's operator")),
                  nullptr);
  }
  result_->set_control_stored(true);
}

}  // namespace yizhan::broker
