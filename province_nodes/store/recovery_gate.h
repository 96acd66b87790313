// Which peers' cases wait for a recovery of this node.
#ifndef YIZHAN_PROVINCE_NODES_STORE_RECOVERY_GATE_H_
#define YIZHAN_PROVINCE_NODES_STORE_RECOVERY_GATE_H_

#include <cstdint>
#include <set>

#include "protos/contract/ids.h"

namespace yizhan::node {

// A value. Peers that have not given back yet what the recovery asks of them:
// nothing new goes to them, and what they send is held.
struct RecoveryGate {
  bool all = false;  // nobody was asked yet
  std::set<contract::ProvinceCode> peers;
  // Own messages that were returned, or displaced by one, and have no place in
  // their case yet.
  std::uint64_t own_waiting = 0;

  bool Blocks(contract::ProvinceCode peer) const { return all || peers.contains(peer); }
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_STORE_RECOVERY_GATE_H_
