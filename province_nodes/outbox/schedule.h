// Which outgoing message is to be offered next.
#ifndef YIZHAN_PROVINCE_NODES_OUTBOX_SCHEDULE_H_
#define YIZHAN_PROVINCE_NODES_OUTBOX_SCHEDULE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/time/time.h"
#include "protos/contract/ids.h"
#include "province_nodes/store/node_store.h"
#include "province_nodes/store/recovery_gate.h"
#include "province_nodes/store/statistics.h"
#include "yizhan/v1/exchange.pb.h"

namespace yizhan::node {

// One thread. In memory alone: made again from the store after a restart, and
// never wrong to lose an entry's due time.
//  1. A message is offered only after its predecessor in (destination, case) was
//     accepted or has ended with its number filled.
//  2. What waits unanswered stays within the destination's credit.
//  3. Destinations take turns; one without credit does not delay the others.
class Schedule {
 public:
  enum class Stage { kUnaccepted, kAccepted, kTombstone };

  // Unaccepted messages to peers that it blocks wait until Resume. It must
  // outlive this object.
  void ObeyGate(const RecoveryGate* gate) { gate_ = gate; }
  void Resume(contract::ProvinceCode destination, absl::Time now);
  // Due now, whatever the gate says: its recipient misses it.
  void Urge(const SlotKey& slot, absl::Time now);

  // Adds the entry, or moves it to this stage.
  void Put(const SlotKey& slot, Stage stage, absl::Time due, absl::Time created);
  void SetDue(const SlotKey& slot, absl::Time due);
  // Kept, blocks its successors, is not offered.
  void Stop(const SlotKey& slot) { SetDue(slot, absl::InfiniteFuture()); }
  void Remove(const SlotKey& slot);
  bool Contains(const SlotKey& slot) const { return entries_.contains(slot); }
  // Counts a failed attempt; returns how many there were before.
  std::uint32_t CountTry(const SlotKey& slot);

  // The next that is due, taken off its due time. The caller sends it
  // (BeginFlight) or gives it another due time.
  std::optional<SlotKey> TakeDue(absl::Time now);
  std::uint64_t BeginFlight(const SlotKey& slot, std::uint64_t bytes);  // returns its tag
  std::optional<SlotKey> EndFlight(std::uint64_t tag);
  // Nothing is in flight any more; what was is due at once.
  void EndAllFlights(absl::Time now);
  // Everything accepted and unreceipted is due at once.
  void OfferAccepted(absl::Time now);
  // Unaccepted messages to this destination are due at once.
  void Wake(contract::ProvinceCode destination, absl::Time now);

  void SetCredit(const v1::DestinationCredit& credit);
  void ResetCredits() { credits_.clear(); }

  std::map<contract::ProvinceCode, NodeStatistics::Waiting> Waiting(absl::Time now) const;

 private:
  struct Entry {
    Stage stage = Stage::kUnaccepted;
    absl::Time due = absl::InfiniteFuture();
    absl::Time created;
    std::uint32_t tries = 0;
    bool blocked = false;  // was due; its predecessor or its own answer comes first
    bool gated = false;    // was due; waits for Resume
    bool urged = false;
    std::uint64_t tag = 0;  // in flight
  };
  struct Flight {
    SlotKey slot;
    std::uint64_t bytes = 0;
  };
  struct Load {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
  };

  bool IsBlocked(const SlotKey& slot) const;
  bool IsGated(const SlotKey& slot, const Entry& entry) const;
  bool HasCredit(contract::ProvinceCode destination) const;
  void WakeSuccessor(const SlotKey& slot);
  std::optional<SlotKey> TakeDueOf(contract::ProvinceCode destination, absl::Time now);

  const RecoveryGate* gate_ = nullptr;
  std::map<SlotKey, Entry> entries_;
  std::map<contract::ProvinceCode, std::set<std::pair<absl::Time, SlotKey>>> due_;
  std::map<std::uint64_t, Flight> flights_;
  std::map<contract::ProvinceCode, Load> loads_;                     // in flight
  std::map<contract::ProvinceCode, v1::DestinationCredit> credits_;  // 0: all that are not named
  std::uint64_t next_tag_ = 1;
  contract::ProvinceCode last_served_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_OUTBOX_SCHEDULE_H_
