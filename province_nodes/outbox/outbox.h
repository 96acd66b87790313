// Messages of this node on their way, from the case that made them to the
// recipient's signed receipt.
#ifndef YIZHAN_PROVINCE_NODES_OUTBOX_OUTBOX_H_
#define YIZHAN_PROVINCE_NODES_OUTBOX_OUTBOX_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "protos/contract/control.h"
#include "protos/contract/seal.h"
#include "province_nodes/outbox/schedule.h"
#include "province_nodes/store/lane.h"
#include "province_nodes/store/store.pb.h"
#include "yizhan/v1/exchange.pb.h"

namespace yizhan::node {

// A message that got its number, with its header.
struct NumberedMessage {
  SlotKey slot;
  v1::MessageRef ref;
  contract::MessageId message_id;
};

// One thread. `lane` and `host` must outlive this object. Errors are storage
// errors, but where it says otherwise.
//
//   WAITING -> ACCEPTED -> RECEIVED | REFUSED | NOT_DELIVERED
//
//  1. Header, plaintext and salt are made once; an attempt's seal, body and
//     signature are stored before they are sent, so that a restart sends the
//     same bytes.
//  2. The first terminal record wins; one of the recipient outranks a notice or
//     a refusal of the broker. Notices count for the latest seal alone.
//  3. A number that nobody will use (refused by the broker, expired, discarded)
//     is filled by a signed tombstone, sent until the broker has stored it.
//  4. A message stays re-sendable for kResendableAfterReceipt after its end.
class Outbox {
 public:
  Outbox(Lane* lane, LaneHost* host);

  absl::Status Load();

  // Numbers and keeps the message. BODY_TOO_LARGE, PAYLOAD_MALFORMED for one
  // that cannot be sent.
  absl::StatusOr<NumberedMessage> Enqueue(const OutgoingMessage& message);
  // A = H: numbered the same way, kept for people as received at once.
  absl::StatusOr<NumberedMessage> RecordLocal(const OutgoingMessage& message);
  absl::Status RefuseLocal(const NumberedMessage& message, const absl::Status& why);

  void SessionOpened(bool other_broker);
  void SessionClosed();
  // Chooses what may go now, seals it and queues it for signature.
  absl::Status Prepare();
  // Frames of what Prepare chose and was signed.
  std::vector<v1::SubmitRequest> TakeFrames();

  // False for a tag that is not of this outbox.
  absl::StatusOr<bool> OnResult(const v1::SubmitResult& result);
  void OnCredit(const v1::DestinationCredit& credit) { schedule_.SetCredit(credit); }
  // A verified acceptance, delivery, refusal or notice about a message of ours.
  absl::Status OnRecord(const v1::ControlRecord& record, const contract::ParsedControl& parsed);
  absl::Status OnRepeat(const v1::RepeatRequest& repeat);
  // Keys may have changed.
  void OnDirectoryChanged();
  absl::Status Sweep();

  // --- recovering.cc: of this node ---
  // What had stopped is tried again, once its peer has answered.
  absl::Status RecoveryBegan();
  // Takes a message that follows the case's last one as sent; it becomes the last.
  absl::Status TakeBack(const SlotKey& slot, const store::OwnReturned& own);
  // A returned message has a number that this store knows. True where it is
  // another message: those from there on have lost their numbers and wait as
  // Displaced.
  absl::StatusOr<bool> OnReturnedKnown(const SlotKey& slot, const store::OwnReturned& own);
  // Numbers a displaced message anew.
  absl::Status SendDisplaced(const SlotKey& old_slot, const store::Displaced& displaced);
  void Resume(contract::ProvinceCode peer) { schedule_.Resume(peer, lane_->now); }
  // --- of a peer ---
  // Sends once more what the peer's store has lost, a part at a time. `cursor` is
  // empty at first, and empty again at the end. Returns how many.
  absl::StatusOr<std::uint64_t> SendAgain(contract::ProvinceCode peer,
                                          absl::string_view new_incarnation, std::string& cursor);
  // An item of somebody else, with a tag of its own.
  void Submit(v1::SubmitItem item) { outgoing_.push_back(std::move(item)); }

  std::map<contract::ProvinceCode, NodeStatistics::Waiting> Waiting(absl::Time now) const {
    return schedule_.Waiting(now);
  }

 private:
  using State = store::OutboxState;

  // numbering.cc
  absl::StatusOr<NumberedMessage> Number(const OutgoingMessage& message, State& state);
  absl::StatusOr<v1::Header> MakeHeader(const OutgoingMessage& message,
                                        const store::CaseNumbers& numbers,
                                        absl::string_view commitment);

  // sending.cc
  absl::Status SendOne(const SlotKey& slot);
  absl::Status SealAndSend(const SlotKey& slot, State& state, const v1::PublicKey& key);
  absl::Status SendEnvelope(const SlotKey& slot, const State& state, v1::Envelope envelope,
                            bool sign, bool made);
  absl::Status SendTombstone(const SlotKey& slot, State& state);
  void Push(std::uint64_t tag, v1::SubmitItem item);

  // outbox.cc, ending.cc
  absl::StatusOr<std::optional<State>> Find(const SlotKey& slot) const;
  void Save(const SlotKey& slot, const State& state);
  absl::Status Tell(const SlotKey& slot, const State& state);
  // Changes passage, saves, tells.
  absl::Status SetPassage(const SlotKey& slot, State& state, v1::Passage passage,
                          const v1::ErrorDetail& why);
  absl::Status OnError(const SlotKey& slot, State& state, const v1::ErrorDetail& error);
  absl::Status SendAgainLater(const SlotKey& slot, State& state, const v1::ErrorDetail& error,
                              bool seal_again);
  void CountAccepted(const SlotKey& slot, State& state);
  absl::Status OnAccepted(const SlotKey& slot, State& state, std::uint64_t seal_number);
  absl::Status OnRecipientRecord(const SlotKey& slot, State& state, const v1::ControlRecord& record,
                                 const contract::ParsedControl& parsed);
  absl::Status OnBrokerRecord(const SlotKey& slot, State& state, const v1::ControlRecord& record,
                              const contract::ParsedControl& parsed);
  absl::Status OnResendRefused(const SlotKey& slot, State& state, const v1::Refusal& refusal);
  absl::Status OnSealRefused(const SlotKey& slot, State& state, const v1::Refusal& refusal);
  absl::Status End(const SlotKey& slot, State& state, v1::Passage passage,
                   const v1::ErrorDetail& why);
  absl::Status GiveUp(const SlotKey& slot, State& state, v1::TombstoneCause cause,
                      v1::Passage passage, const v1::ErrorDetail& why);
  v1::MessageRef RefOf(const SlotKey& slot, const State& state) const;
  void KeepUntil(const SlotKey& slot, State& state);
  absl::Status EndReturned(const SlotKey& slot, State& state, const store::OwnReturned& own);
  absl::Status Displace(const SlotKey& slot);
  // Whether the peer's new incarnation has to be sent it once more.
  absl::StatusOr<bool> LostByPeer(const State& state, absl::string_view new_incarnation) const;

  Lane* const lane_;
  LaneHost* const host_;
  contract::Sealer sealer_;
  Schedule schedule_;
  // Sent for a restored recipient, and accepted by the broker since. Lost with the
  // process, after which they are sent once more.
  std::set<SlotKey> again_accepted_;
  std::vector<v1::SubmitItem> outgoing_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_OUTBOX_OUTBOX_H_
