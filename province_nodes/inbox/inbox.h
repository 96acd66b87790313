// Messages of other provinces, from delivery to applied once.
#ifndef YIZHAN_PROVINCE_NODES_INBOX_INBOX_H_
#define YIZHAN_PROVINCE_NODES_INBOX_INBOX_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "protos/contract/control.h"
#include "protos/contract/envelope.h"
#include "protos/contract/seal.h"
#include "province_nodes/store/lane.h"
#include "province_nodes/store/store.pb.h"
#include "yizhan/v1/exchange.pb.h"

namespace yizhan::node {

// One thread. `lane` and `host` must outlive this object. Errors are storage
// errors.
//  1. A message is applied once, in the order of its case, together with its
//     dedup key; a repeated one gets the same receipt, byte for byte.
//  2. A refusal consumes the number only after signature, body digest, opening
//     and commitment have passed; an earlier failure names the seal and asks
//     for another sending.
//  3. Nothing is applied after it expired.
//  4. What waits for a predecessor is held, within a bound per source, and
//     reported, never silent.
//  5. The first of message and tombstone fills a number.
//  6. What came is kept as it came for kResendableAfterReceipt, so that its
//     sender can get it back. What comes once more, with a record that an earlier
//     incarnation of this store signed, is applied past expiry and closed routes,
//     and answered by that very record.
class Inbox {
 public:
  Inbox(Lane* lane, LaneHost* host);

  absl::Status Load();

  absl::Status OnDelivery(const v1::Delivery& delivery);
  // A verified tombstone of a peer.
  absl::Status OnTombstone(const contract::ParsedControl& parsed);
  // What waited for directory entries is looked at again.
  absl::Status OnDirectoryChanged();
  // Deliveries of the session that ended come again.
  void SessionClosed();
  absl::Status Sweep();
  // What is held of a case is applied, as far as its order goes.
  absl::Status Release(contract::ProvinceCode peer, const contract::CaseHandle& handle);
  std::uint64_t HeldOf(contract::ProvinceCode source) const;
  std::uint64_t received_again() const { return received_again_; }

  // Signed receipts and refusals, and held reports, to be sent.
  std::vector<v1::ControlRecord> TakeReceipts() { return std::exchange(receipts_, {}); }
  std::vector<v1::HeldReport> TakeHeld() { return std::exchange(held_reports_, {}); }
  std::uint64_t held() const;

 private:
  using Record = store::InboxRecord;

  // A delivered message with everything known about it.
  struct Arrival {
    const v1::Envelope* envelope;
    contract::ParsedEnvelope parsed;
    SlotKey slot;
    const v1::ControlRecord* acceptance = nullptr;  // the broker's, where it came along
    // Of an earlier incarnation of this store; empty: none was shown.
    v1::ControlRecord earlier_receipt = {};

    bool again() const { return !earlier_receipt.record().empty(); }
  };
  absl::StatusOr<Arrival> Parse(const v1::Envelope& envelope) const;  // an error: not for us
  // Signer, signature, body digest, times.
  absl::Status Verify(const Arrival& arrival);
  absl::Status CheckSigner(const Arrival& arrival);
  // The key as of the broker's signed acceptance of just this message.
  std::optional<contract::KeyOwner> SignerWhenAccepted(const Arrival& arrival,
                                                       const contract::KeyId& key);
  absl::Status OnKnown(const Arrival& arrival, Record& record);
  // The final record that this node signed about the message, if it is one.
  v1::ControlRecord CheckEarlier(const Arrival& arrival, const v1::ControlRecord& record);
  absl::Status OnConflict(const Arrival& arrival);
  absl::Status OnUnverified(const Arrival& arrival, const absl::Status& why);

  // applying.cc
  absl::Status Hold(const Arrival& arrival, const store::CaseNumbers& numbers);
  absl::Status ApplyNext(const Arrival& arrival, store::CaseNumbers numbers);
  absl::Status CheckBeforeApplying(const Arrival& arrival, const store::CaseNumbers& numbers) const;
  absl::Status ApplyOrRefuse(const Arrival& arrival, store::CaseNumbers& numbers,
                             const v1::Plaintext& plaintext);
  // Held successors of a filled number.
  absl::Status ApplyHeld(SlotKey filled);
  absl::Status ApplyReady(SlotKey filled);
  absl::Status AnswerAsBefore(const Arrival& arrival, const absl::Status& applied,
                              const InboundMessage& message);
  absl::StatusOr<bool> ApplyHeldOne(const SlotKey& next);
  absl::Status DropHeld(const SlotKey& slot);
  absl::Status Fill(const SlotKey& slot, store::CaseNumbers& numbers, absl::string_view digest);

  // answering.cc
  absl::Status Receipt(const Arrival& arrival, const InboundMessage& message);
  absl::Status RefuseFinally(const Arrival& arrival, const absl::Status& why);
  void AskToSealAgain(const Arrival& arrival, const absl::Status& why);
  v1::Control MakeRefusal(const Arrival& arrival, const absl::Status& why, bool consumes) const;
  Record MakeRecord(const Arrival& arrival, v1::Passage passage) const;
  void Remember(const Arrival& arrival, Record& record);
  // For the sender's recovery. Without envelope: the number was filled by a tombstone.
  absl::Status SweepCopies();
  void KeepCopy(const SlotKey& slot, const v1::Envelope* envelope, std::uint64_t number);
  void SignAndSend(const SlotKey& slot, const std::string& record_bytes);
  absl::Status SendStored(const SlotKey& slot, const Record& record);
  void ReportHeld(const Arrival& arrival, std::uint64_t missing);

  absl::StatusOr<std::optional<Record>> Find(const SlotKey& slot) const;
  absl::StatusOr<store::CaseNumbers> Numbers(const SlotKey& slot) const;

  Lane* const lane_;
  LaneHost* const host_;
  contract::Opener opener_;
  std::map<contract::ProvinceCode, std::uint64_t> held_;  // by source
  std::uint64_t received_again_ = 0;
  std::vector<v1::Delivery> waiting_;  // for directory entries; comes again after the session
  std::vector<v1::ControlRecord> receipts_;
  std::vector<v1::HeldReport> held_reports_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_INBOX_INBOX_H_
