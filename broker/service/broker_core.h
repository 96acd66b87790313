// The broker without threads, clocks, sockets and files. Shells (gRPC, the
// simulation) call it with events and carry out its effects.
#ifndef YIZHAN_BROKER_SERVICE_BROKER_CORE_H_
#define YIZHAN_BROKER_SERVICE_BROKER_CORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/platform/kv/transaction.h"
#include "broker/admission/test_runs.h"
#include "broker/service/broker_limits.h"
#include "broker/service/broker_stats.h"
#include "broker/service/effects.h"
#include "broker/store/moment.h"
#include "protos/contract/crypto.h"
#include "protos/contract/directory.h"
#include "protos/contract/signing.h"
#include "yizhan/v1/broker_admin.pb.h"
#include "yizhan/v1/directory.pb.h"
#include "yizhan/v1/exchange.pb.h"
#include "yizhan/v1/linktest.pb.h"

namespace yizhan::broker {

struct CoreState;

// One thread. Events of one group run first; then Commit makes the group one
// atomic, synced write; then TakeEffects hands over what may go out.
//
// Invariants:
//  1. Nothing that an event promises (a response of a unary call too) may leave
//     before Commit returned OK. After an error of Commit the object is dead:
//     the process stops, and a restart decides what survived.
//  2. A caller is judged by its certificate on every event.
//  3. Every submitted item gets exactly one result.
class BrokerCore {
 public:
  // What the pointers name must outlive the core.
  struct Options {
    platform::KeyValueStore* store = nullptr;
    contract::SuiteAlgorithms algorithms;
    const contract::Signer* signer = nullptr;
    contract::Random* random = nullptr;
    BrokerLimits limits;
    // Begins a new directory; ignored where the store has one already.
    std::vector<v1::SignedEntry> genesis;
    contract::Digest genesis_digest;  // pinned
    std::string build;
  };
  // Loads the store, or begins a new one. Errors: CONFIG_INVALID (genesis does
  // not verify, signer's key is not the broker's), STORAGE_FAILED.
  static absl::StatusOr<std::unique_ptr<BrokerCore>> Create(Options options, Moment now);
  ~BrokerCore();

  // `runs` must outlive the core; without it every run is unknown.
  void SetTestRuns(TestRuns* runs);
  // Sampled by the shell; unlimited until first told.
  void SetFreeDiskBytes(std::uint64_t bytes);

  using Caller = contract::CertificateFingerprint;

  // Exchange. The first frame of a stream is its hello. The streams' answers
  // are effects.
  absl::StatusOr<v1::OpenSessionResponse> OpenSession(const Caller& caller,
                                                      const v1::OpenSessionRequest& request,
                                                      Moment now);
  void OnSubmit(StreamId stream, const Caller& caller, const v1::SubmitRequest& request,
                Moment now);
  void OnReceive(StreamId stream, const Caller& caller, const v1::ReceiveRequest& request,
                 Moment now);
  void StreamClosed(StreamId stream);

  // Directory.
  absl::StatusOr<v1::FetchEntriesResponse> FetchEntries(const v1::FetchEntriesRequest& request);
  absl::StatusOr<v1::AppendEntryResponse> AppendEntry(const v1::SignedEntry& entry, Moment now);
  // A store's first day: its directory may have been lost, and who brings it back
  // is not in it yet. Entries are verified as ever.
  bool TakesDirectoryOfStrangers(Moment now) const;
  // Half-signed changes of routes; see route_proposals.h.
  absl::Status ProposeChange(contract::ProvinceCode caller, const v1::SignedEntry& entry,
                             Moment now);
  v1::ListProposalsResponse ListProposals(contract::ProvinceCode caller, Moment now);

  // BrokerAdmin; the shell has judged that the caller is an operator.
  v1::ListMailboxesResponse ListMailboxes(Moment now);
  absl::StatusOr<v1::TraceMessageResponse> TraceMessage(const v1::TraceMessageRequest& request);
  v1::ListParkedResponse ListParked(const v1::ListParkedRequest& request);
  absl::StatusOr<v1::ReplayParkedResponse> ReplayParked(const v1::ReplayParkedRequest& request);
  // The notice in `response` is signed by Commit, so `response` must live until then.
  absl::Status DiscardParked(const v1::DiscardParkedRequest& request,
                             v1::DiscardParkedResponse* response, Moment now);
  v1::ListRoutesResponse ListRoutes(Moment now);
  v1::CountMessagesResponse CountMessages();

  // Leases that ran out, expiry, forgetting; a bounded amount per call.
  void Tick(Moment now);
  // No new deliveries from now on; everything else goes on.
  void StopLeasing();
  absl::Status Commit(Moment now);
  // Of committed groups alone.
  std::vector<Effect> TakeEffects();
  // Commit in steps, so that another thread can write a group while the next one
  // runs: closes the group; its effects may go out once `changes` is in the store;
  // then, and before the next group closes, Settle.
  struct ClosedGroup {
    std::shared_ptr<const platform::WriteBatch> changes;
    std::vector<Effect> effects;
  };
  absl::StatusOr<ClosedGroup> Close(Moment now);
  void Settle();
  // What the owner says of a store that did not write.
  static absl::Status StorageFailed(const absl::Status& cause);
  std::vector<LogLine> TakeLogLines();
  const BrokerStats& stats() const;

  // For link runs, on the core's thread inside the open group. Keys under
  // OwnPrefix('L') are theirs.
  platform::Transaction& transaction();
  const contract::DirectoryState& directory() const;
  contract::SignatureChecker& checker();
  const contract::Hasher& hasher() const;
  const contract::Signer& signer() const;
  contract::Random& random();
  // Nothing for a certificate that the directory does not have (or no more).
  std::optional<contract::ProvinceCode> ProvinceOf(const Caller& caller) const;
  // As AppendEntry: verified, stored, announced, sessions judged again.
  absl::Status AppendEntryInternal(const v1::SignedEntry& entry, Moment now);
  // Evidence in the order of the log.
  std::vector<v1::TraceStep> EvidenceOf(const contract::Digest& header_digest);
  std::vector<v1::TraceStep> EvidenceOfRun(const contract::RunId& run);
  // Sends the run to that province's BUSINESS session, if it has one.
  void PushRun(contract::ProvinceCode province, const v1::LinkRun& run);
  // Closes the run's TEST sessions and empties its mailboxes.
  void CloseRun(const contract::RunId& run);

 private:
  explicit BrokerCore(std::unique_ptr<CoreState> state);
  std::unique_ptr<CoreState> state_;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_BROKER_CORE_H_
