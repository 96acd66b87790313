// What outbox, inbox and core of one lane share.
#ifndef YIZHAN_PROVINCE_NODES_STORE_LANE_H_
#define YIZHAN_PROVINCE_NODES_STORE_LANE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "adapters/platform/kv/transaction.h"
#include "protos/contract/control.h"
#include "protos/contract/directory.h"
#include "protos/contract/limits.h"
#include "protos/contract/seal.h"
#include "province_nodes/cases/case_service.h"
#include "province_nodes/store/message_tally.h"
#include "province_nodes/store/node_store.h"
#include "province_nodes/store/recovery_gate.h"
#include "province_nodes/store/sign_queue.h"
#include "province_nodes/store/statistics.h"

namespace yizhan::node {

class NodeObserver;

// One thread. Made by the core, which outlives its users. Pointers must outlive it.
struct Lane {
  // Constant after construction.
  contract::ProvinceCode province;
  v1::Lane lane = v1::LANE_BUSINESS;
  contract::RunId run;
  contract::ProvinceCode test_peer;
  absl::Duration message_life;
  absl::Duration reoffer_interval;
  LaneKeys keys;
  contract::SuiteAlgorithms algorithms;
  const contract::Signer* signer = nullptr;
  const contract::Unwrapper* unwrapper = nullptr;
  contract::Random* random = nullptr;
  const contract::DirectoryState* directory = nullptr;

  // The event under way.
  absl::Time now;
  platform::Transaction txn;

  // The group under way.
  SignQueue sign_queue;
  std::vector<std::function<void(NodeObserver&)>> after_commit;

  // Of the store; a recovery begins another.
  contract::Incarnation incarnation;
  std::uint64_t issuer_number = 0;  // of the last control record; stored with the group
  RecoveryGate recovering;

  contract::SignatureChecker checker;
  v1::LogCheckpoint log_checkpoint;  // latest that the broker showed
  v1::DirectoryHead told_head;       // largest head that anybody showed
  NodeStatistics statistics;
  MessageTally tally;

  bool test() const { return lane == v1::LANE_TEST; }
  // Somebody knows of directory entries that we have not verified yet.
  bool directory_behind() const { return told_head.size() > directory->head().size(); }
  contract::ControlIssuer issuer() const {
    return {province, incarnation, directory->head(), log_checkpoint};
  }
  // A control record of this node as of now, with the next number.
  v1::Control NewControl();
  void ReportSecurity(v1::ErrorReason reason, contract::ProvinceCode peer, std::string what);
  void TellRecovery(std::string what);
  // Backoff with jitter: base doubled `tries` times, at most `longest`.
  absl::Duration Backoff(std::uint32_t tries, absl::Duration base, absl::Duration longest);

  // A place to which a failed event returns.
  struct Mark {
    platform::Transaction::Mark txn;
    std::size_t after_commit;
    std::size_t signatures;
  };
  Mark SetMark() { return {txn.SetMark(), after_commit.size(), sign_queue.size()}; }
  void RollBackTo(const Mark& mark) {
    txn.RollBackTo(mark.txn);
    after_commit.resize(mark.after_commit);
    sign_queue.Truncate(mark.signatures);
  }
};

// True for errors after which the process must stop; others are decisions.
bool IsStorageError(const absl::Status& status);
// The kind that a payload's body belongs to; unspecified without body.
v1::MessageKind KindOfPayload(const v1::Payload& payload);

// What outbox and inbox ask of the core. Every error is a storage error, but
// where it says otherwise.
class LaneHost {
 public:
  virtual ~LaneHost() = default;
  // How far an own message came.
  virtual absl::Status TellPassage(const SlotKey& slot, const v1::CaseMessage& message) = 0;
  // Applies a message of a peer and carries out what follows. An error that is
  // no storage error refuses it finally; the caller rolls back.
  virtual absl::Status Apply(const InboundMessage& message) = 0;
  // The same for an own message that a peer returned: what it says was sent.
  virtual absl::Status ApplyOwn(const OutgoingMessage& message) = 0;
  // Own messages that a peer returned take their place in the case, as far as
  // it has come.
  virtual absl::Status TakeBack(contract::ProvinceCode peer,
                                const contract::CaseHandle& handle) = 0;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_STORE_LANE_H_
