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
  };
  absl::StatusOr<Arrival> Parse(const v1::Envelope& envelope) const;  // an error: not for us
  // Signer, signature, body digest, times.
  absl::Status Verify(const Arrival& arrival);
  absl::Status CheckSigner(const Arrival& arrival);
  absl::Status OnKnown(const Arrival& arrival, Record& record);
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
  void SignAndSend(const SlotKey& slot, const std::string& record_bytes);
  absl::Status SendStored(const SlotKey& slot, const Record& record);
  void ReportHeld(const Arrival& arrival, std::uint64_t missing);

  absl::StatusOr<std::optional<Record>> Find(const SlotKey& slot) const;
  absl::StatusOr<store::CaseNumbers> Numbers(const SlotKey& slot) const;

  Lane* const lane_;
  LaneHost* const host_;
  contract::Opener opener_;
  std::map<contract::ProvinceCode, std::uint64_t> held_;  // by source
  std::vector<v1::Delivery> waiting_;  // for directory entries; comes again after the session
  std::vector<v1::ControlRecord> receipts_;
  std::vector<v1::HeldReport> held_reports_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_INBOX_INBOX_H_
