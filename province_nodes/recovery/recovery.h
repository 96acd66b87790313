// The recovery of a node whose store was restored from a backup.
#ifndef YIZHAN_PROVINCE_NODES_RECOVERY_RECOVERY_H_
#define YIZHAN_PROVINCE_NODES_RECOVERY_RECOVERY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "protos/contract/control.h"
#include "protos/contract/seal.h"
#include "province_nodes/inbox/inbox.h"
#include "province_nodes/recovery/control_post.h"
#include "yizhan/v1/node_admin.pb.h"

namespace yizhan::node {

// One thread; the pointers must outlive this object. Errors are storage errors.
//
//   a peer:  asked -> answered (all of our own messages are here) -> done (they
//            are in their cases, and what it sent meanwhile too)
//
//  1. Begin is stored before anything is sent; each step is, so a crash goes on
//     where it was, and what comes twice changes nothing.
//  2. Until a peer is done nothing new is numbered in its old cases, and what it
//     sends is held: messages of both directions take effect in the order in
//     which they did, which each own header tells (the last that it had applied).
//  3. Numbers that peers hold are never given again; an own message that was made
//     after the restore on such a number gets another.
class Recovery {
 public:
  Recovery(Lane* lane, Outbox* outbox, Inbox* inbox, ControlPost* post);
  absl::Status Load();

  // A new incarnation of the store; every peer has to be asked.
  absl::Status Begin();
  // The streams of a session are up and the directory is verified as far as the
  // broker's. What another broker had stored is lost with it.
  absl::Status StreamsUp(bool other_broker);
  // Verified records of a peer.
  absl::Status OnReturned(const contract::ParsedControl& returned);
  absl::Status OnAnswer(const contract::ParsedControl& answer);
  // Works off a part of what peers have given back. True when a peer was done
  // with it, so that its cases go on.
  absl::StatusOr<bool> Advance();

  // See LaneHost.
  absl::Status TakeBack(contract::ProvinceCode peer, const contract::CaseHandle& handle);
  // What follows from this message of a peer was sent before the restore.
  absl::StatusOr<bool> IsFollowed(const SlotKey& slot) const;
  // Commands on the case have to wait.
  absl::StatusOr<bool> Blocks(contract::ProvinceCode peer,
                              const contract::CaseHandle& handle) const;

  void SessionClosed();
  bool active() const;
  v1::RecoveryStatus Status() const;

 private:
  struct Peer {
    store::RecoveryPeer stored;
    bool on_its_way = false;
    absl::Time retry = absl::InfinitePast();
    std::string merged_to;  // last case that was worked off since the start
    std::uint64_t own_waiting = 0;
  };

  absl::Status FindPeers();
  absl::Status JumpCounters();
  void Ask(contract::ProvinceCode peer, Peer& state);
  absl::Status CheckOwn(const v1::Returned& returned, const contract::ParsedControl& by,
                        store::OwnReturned& own);
  void CheckReceipt(const v1::Returned& returned, const contract::ParsedControl& by,
                    store::OwnReturned& own);
  absl::StatusOr<bool> MergeSome(contract::ProvinceCode peer, Peer& state);
  absl::StatusOr<std::vector<contract::CaseHandle>> NextCases(contract::ProvinceCode peer,
                                                              const std::string& after) const;
  absl::StatusOr<bool> JumpGap(const SlotKey& missing, store::CaseNumbers numbers);
  absl::Status SendDisplaced(contract::ProvinceCode peer, const contract::CaseHandle& handle);
  void Save(contract::ProvinceCode peer, const Peer& state);

  Lane* const lane_;
  Outbox* const outbox_;
  Inbox* const inbox_;
  ControlPost* const post_;
  contract::Opener opener_;
  store::Recovery stored_;
  std::map<contract::ProvinceCode, Peer> peers_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_RECOVERY_RECOVERY_H_
