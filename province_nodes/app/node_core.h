// The node's core for one lane: cases, outbox, inbox and session.
#ifndef YIZHAN_PROVINCE_NODES_APP_NODE_CORE_H_
#define YIZHAN_PROVINCE_NODES_APP_NODE_CORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/platform/kv/transaction.h"
#include "protos/contract/crypto.h"
#include "protos/contract/limits.h"
#include "province_nodes/app/node_observer.h"
#include "province_nodes/cases/case_service.h"
#include "province_nodes/directory/directory_copy.h"
#include "province_nodes/session/session.h"
#include "province_nodes/session/transport.h"
#include "yizhan/v1/node_admin.pb.h"

namespace yizhan::node {

struct NodeCoreOptions {
  contract::ProvinceCode province;
  contract::Incarnation incarnation;  // of the store, see OpenNodeStore
  // BUSINESS; or TEST with the run and its one peer.
  v1::Lane lane = v1::LANE_BUSINESS;
  contract::RunId run;
  contract::ProvinceCode test_peer;
  // Of each sealing. At least kMinMessageLife (TEST: kMinTestMessageLife).
  absl::Duration message_life = contract::kDefaultMessageLife;
  std::string build;
  // What the broker may have delivered to us without our answer. Larger: more
  // memory, better throughput over long lines.
  std::uint64_t credit_messages = 512;
  std::uint64_t credit_bytes = std::uint64_t{16} << 20;
  // How often an accepted, unreceipted message is offered again.
  absl::Duration reoffer_interval = absl::Hours(1);
};

// The pointers must outlive the core.
struct NodeCoreDeps {
  platform::KeyValueStore* store = nullptr;
  DirectoryCopy* directory = nullptr;  // may be shared by cores of one thread
  contract::SuiteAlgorithms algorithms;
  const contract::Signer* signer = nullptr;
  const contract::Unwrapper* unwrapper = nullptr;
  contract::Random* random = nullptr;
  Transport* transport = nullptr;
  NodeObserver* observer = nullptr;
  // Makes the case service; given the lane's key prefix for cases and the test
  // of whether a home province can be reached now.
  using MakeCases = std::function<std::unique_ptr<CaseService>(
      std::string key_prefix, std::function<bool(contract::ProvinceCode home)> link_open)>;
  MakeCases make_cases;
};

// No threads, clocks, sockets, files. One thread calls everything; `now` never
// matters but as passed in. Events change one open transaction; FinishGroup
// seals and signs what waits, writes the group atomically and synced, and only
// then lets effects out to transport and observer.
//  1. Nothing leaves the core before the group that decided it is on stable storage.
//  2. A message is applied together with its dedup key, the case's new state and
//     what follows from it, or not at all.
//  3. A message is sent until the recipient's signed receipt is held.
//  4. After an error of the store the core does nothing more: every call
//     returns, FinishGroup repeats the error, and the process has to stop.
class NodeCore {
 public:
  // Loads what the store holds of this lane.
  static absl::StatusOr<std::unique_ptr<NodeCore>> Create(NodeCoreOptions options,
                                                          NodeCoreDeps deps, absl::Time now);
  virtual ~NodeCore() = default;

  // --- events of the transport ---
  virtual void OnSessionOpened(const v1::OpenSessionResponse& response, absl::Time now) = 0;
  virtual void OnSubmitResponse(const v1::SubmitResponse& response, absl::Time now) = 0;
  virtual void OnReceiveResponse(const v1::ReceiveResponse& response, absl::Time now) = 0;
  virtual void OnDirectoryEntries(const v1::FetchEntriesRequest& request,
                                  const absl::StatusOr<v1::FetchEntriesResponse>& response,
                                  absl::Time now) = 0;
  virtual void OnEntryAppended(const absl::Status& status, absl::Time now) = 0;
  virtual void OnDisconnected(const absl::Status& why, absl::Time now) = 0;

  // --- events of the node ---
  // About every 50 ms: opens sessions, retries, sweeps.
  virtual void Tick(absl::Time now) = 0;
  using Command = std::function<absl::Status(platform::Transaction&, CaseService&, CaseEffects&)>;
  // Runs a command and carries out its effects. On error its changes are rolled
  // back. OK is a promise only after FinishGroup.
  virtual absl::Status Run(const Command& command, absl::Time now) = 0;
  using Query = std::function<absl::Status(const platform::Transaction&, CaseService&)>;
  virtual absl::Status Read(const Query& query) = 0;
  // Sends a message that no case asked for (TEST_MESSAGE; TEST lane only).
  // Returns its reference; how far it comes is told to the observer.
  virtual absl::StatusOr<v1::MessageRef> SendTestMessage(const OutgoingMessage& message,
                                                         absl::Time now) = 0;
  // After SESSION_FENCED, when an operator has checked that no second instance
  // of the province runs.
  virtual void ResumeSession() = 0;
  // After RESTORED, when an operator has checked that no other node of the
  // province runs: see Recovery. Under way it changes nothing. STATE_NOT_ALLOWED
  // where nobody said that the store is behind, unless forced.
  virtual absl::Status Recover(bool force, absl::Time now) = 0;
  virtual v1::RecoveryStatus RecoveryStatus() const = 0;
  virtual const contract::Incarnation& incarnation() const = 0;

  // Ends a group. An error is final (see 4).
  virtual absl::Status FinishGroup(absl::Time now) = 0;

  // --- what people and metrics see ---
  virtual const Session& session() const = 0;
  virtual const contract::DirectoryState& directory() const = 0;
  virtual const v1::LogCheckpoint& log_checkpoint() const = 0;
  virtual absl::StatusOr<v1::ListMessagesResponse> ListMessages(
      const v1::ListMessagesRequest& request) const = 0;
  virtual v1::CountNodeMessagesResponse CountMessages() const = 0;
  virtual NodeStatistics Statistics(absl::Time now) const = 0;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_APP_NODE_CORE_H_
