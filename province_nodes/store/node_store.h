// Format and identity of a node's store, and the layout of its keys.
//
//   n/format                         StoreIdentity; unknown versions are refused
//   n/dir/ <index 8>                 SignedEntry of the directory log
//   then per lane, P = "b/" (BUSINESS) or "t/" <run id 16> "/":
//   P m                              LaneMeta
//   P n <peer 1> <case 16>           CaseNumbers: counters of a case with a peer
//   P p <peer 1>                     pair counter towards a peer, 8
//   P oc <peer 1> <case 16> <seq 8>  OutboxContent, written once
//   P oe <peer 1> <case 16> <seq 8>  sealed and signed Envelope of the latest attempt
//   P os <peer 1> <case 16> <seq 8>  OutboxState
//   P ox <until 8> <peer..seq 25>    end of keeping, of the outbox
//   P im <peer 1> <case 16> <seq 8>  InboxRecord: dedup key with the signed receipt
//   P ih <peer 1> <case 16> <seq 8>  held Envelope
//   P ix <until 8> <peer..seq 25>    end of dedup memory
//   P ic <peer 1> <number 8> <until 8> <case 16> <seq 8>
//                                    received Envelope, for its sender's recovery; empty: tombstone
//   P l <~message id 16> <dir 1>     MessageIndex, newest first
//   P ct <src 1> <dst 1> <kind 1>    MessageCount
//   P rm                             Recovery of this node
//   P rp <peer 1>                    RecoveryPeer
//   P ro <peer 1> <case 16> <seq 8>  OwnReturned, until it has its place in the case
//   P rd <peer 1> <case 16> <seq 8>  Displaced
//   P rj <peer 1>                    ReturnJob: what a restored peer is given
//   P c/ ...                         the case service's own keys
// Numbers are big-endian, so that keys sort as they count.
#ifndef YIZHAN_PROVINCE_NODES_STORE_NODE_STORE_H_
#define YIZHAN_PROVINCE_NODES_STORE_NODE_STORE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "adapters/platform/kv/key_value_store.h"
#include "adapters/platform/kv/transaction.h"
#include "protos/contract/crypto.h"
#include "protos/contract/ids.h"

namespace yizhan::node {

inline constexpr std::uint32_t kStoreFormatVersion = 1;

// Reads the store's incarnation; an empty store gets one. CONFIG_INVALID for a
// store of another province, VERSION_UNSUPPORTED for another format,
// STORAGE_FAILED where it cannot be read.
absl::StatusOr<contract::Incarnation> OpenNodeStore(platform::KeyValueStore& store,
                                                    contract::ProvinceCode province,
                                                    contract::Random& random, absl::Time now);

// Gives the store a new incarnation, within the transaction, and remembers the
// one that it ends.
absl::Status ChangeIncarnation(platform::Transaction& txn, const contract::Incarnation& to);
// Whether a recovery began the store's incarnation.
absl::StatusOr<bool> WasRecovered(const platform::Transaction& txn);

// Prefixes of everything that a lane stores.
std::string BusinessPrefix();
std::string TestPrefix(const contract::RunId& run);
// Removes all that a test run stored. Its core must be gone.
absl::Status EraseLane(platform::KeyValueStore& store, absl::string_view prefix);

// A message's place: (peer, case, sequence).
struct SlotKey {
  contract::ProvinceCode peer;
  contract::CaseHandle case_handle;
  std::uint64_t sequence = 0;
  friend auto operator<=>(const SlotKey&, const SlotKey&) = default;

  std::string Encode() const;  // 25 bytes
  static SlotKey Decode(absl::string_view encoded);
};

// Keys of one lane. A value.
class LaneKeys {
 public:
  explicit LaneKeys(std::string prefix) : prefix_(std::move(prefix)) {}

  std::string Meta() const { return prefix_ + "m"; }
  std::string Numbers(contract::ProvinceCode peer, const contract::CaseHandle& handle) const;
  std::string PairCounter(contract::ProvinceCode peer) const;
  std::string PairCounters() const { return prefix_ + "p"; }
  std::string OutboxContent(const SlotKey& slot) const { return prefix_ + "oc" + slot.Encode(); }
  std::string OutboxEnvelope(const SlotKey& slot) const { return prefix_ + "oe" + slot.Encode(); }
  std::string OutboxState(const SlotKey& slot) const { return OutboxStates() + slot.Encode(); }
  std::string OutboxStates() const { return prefix_ + "os"; }
  std::string OutboxEnds() const { return prefix_ + "ox"; }
  std::string InboxRecord(const SlotKey& slot) const { return InboxRecords() + slot.Encode(); }
  std::string InboxRecords() const { return prefix_ + "im"; }
  std::string Held(const SlotKey& slot) const { return HeldAll() + slot.Encode(); }
  std::string HeldAll() const { return prefix_ + "ih"; }
  std::string InboxEnds() const { return prefix_ + "ix"; }
  // What came from a peer, in the order of coming.
  std::string Copies(contract::ProvinceCode peer) const;
  std::string Copy(const SlotKey& slot, std::uint64_t number, absl::Time until) const;
  std::string Recovery() const { return prefix_ + "rm"; }
  std::string RecoveryPeers() const { return prefix_ + "rp"; }
  std::string RecoveryPeer(contract::ProvinceCode peer) const;
  std::string OwnReturned(const SlotKey& slot) const { return AllOwnReturned() + slot.Encode(); }
  std::string AllOwnReturned() const { return prefix_ + "ro"; }
  std::string Displaced(const SlotKey& slot) const { return AllDisplaced() + slot.Encode(); }
  std::string AllDisplaced() const { return prefix_ + "rd"; }
  std::string ReturnJobs() const { return prefix_ + "rj"; }
  std::string ReturnJob(contract::ProvinceCode peer) const;
  std::string Message(const contract::MessageId& id, bool outgoing) const;
  std::string Messages() const { return prefix_ + "l"; }
  std::string Counts() const { return prefix_ + "ct"; }
  std::string Cases() const { return prefix_ + "c/"; }

 private:
  std::string prefix_;
};

std::string EncodeU64(std::uint64_t value);  // 8 bytes, big-endian
std::uint64_t DecodeU64(absl::string_view bytes);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_STORE_NODE_STORE_H_
