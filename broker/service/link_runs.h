// Runs of the bilateral connectivity test at the broker: arming, verdicts, and
// the report by which alone a route opens.
#ifndef YIZHAN_BROKER_SERVICE_LINK_RUNS_H_
#define YIZHAN_BROKER_SERVICE_LINK_RUNS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/platform/kv/transaction.h"
#include "broker/admission/test_runs.h"
#include "broker/service/link_run_store.h"
#include "broker/store/moment.h"
#include "protos/contract/crypto.h"
#include "protos/contract/directory.h"
#include "protos/contract/ids.h"
#include "protos/contract/signing.h"
#include "yizhan/v1/broker_admin.pb.h"
#include "yizhan/v1/linktest.pb.h"

namespace yizhan::broker {

// What runs need of the broker around them. Called on the core's thread, inside
// the open transaction.
class LinkRunHost {
 public:
  virtual ~LinkRunHost() = default;
  virtual const contract::DirectoryState& directory() const = 0;
  // Verifies and appends; DIRECTORY_ENTRY_REFUSED otherwise.
  virtual absl::Status AppendReport(const v1::SignedEntry& entry, Moment now) = 0;
  // All that the evidence log has of a header, refusals included.
  virtual absl::StatusOr<std::vector<v1::TraceStep>> Trace(const contract::Digest& header) = 0;
  // To the business Receive stream of `province`, if it has one, once the
  // transaction is on disk.
  virtual void PushRun(contract::ProvinceCode province, const v1::LinkRun& run) = 0;
  // The run has ended: its TEST sessions and mailboxes go.
  virtual void CloseRun(const contract::RunId& run) = 0;
};

// Core's thread. Every call works within the core's open transaction; after an
// error the caller rolls back to its mark. `caller` is the province of the
// client certificate.
//
// Invariants:
//  1. A run exists only if both provinces signed that they want it now.
//  2. At most one run of a pair is open.
//  3. A report is appended only with PASS for every case in both directions,
//     each of which the log does not contradict, and with both signatures.
class LinkRuns : public TestRuns {
 public:
  // What the pointers name must outlive this object. key_prefix: of all keys
  // that it writes (link_run_store.h), used by nothing else.
  struct Deps {
    platform::Transaction* transaction = nullptr;
    const contract::Hasher* hasher = nullptr;
    contract::Random* random = nullptr;
    const contract::Signer* signer = nullptr;
    contract::SignatureChecker* checker = nullptr;
    LinkRunHost* host = nullptr;
    std::string key_prefix;
  };
  explicit LinkRuns(Deps deps);

  absl::StatusOr<v1::ArmResponse> Arm(contract::ProvinceCode caller, const v1::ArmRequest& request,
                                      absl::Time now);
  absl::StatusOr<v1::StartRunResponse> StartRun(contract::ProvinceCode caller,
                                                const v1::StartRunRequest& request, absl::Time now);
  absl::StatusOr<v1::GetRunResponse> GetRun(contract::ProvinceCode caller,
                                            const v1::GetRunRequest& request) const;
  absl::StatusOr<v1::ListRunsResponse> ListRuns(contract::ProvinceCode caller) const;
  absl::StatusOr<v1::PostVerdictsResponse> PostVerdicts(contract::ProvinceCode caller,
                                                        const v1::PostVerdictsRequest& request,
                                                        absl::Time now);
  absl::StatusOr<v1::SignReportResponse> SignReport(contract::ProvinceCode caller,
                                                    const v1::SignReportRequest& request,
                                                    Moment now);
  // Ends runs whose window is over or in which nothing happens any more. Looks
  // at open runs alone, at most once a second.
  absl::Status OnTick(absl::Time now);

  // TestRuns.
  std::optional<TestRun> Find(const contract::RunId& run, absl::Time now) const override;
  std::optional<TestRun> FindBetween(contract::ProvinceCode a, contract::ProvinceCode b,
                                     absl::Time now) const override;
  std::optional<TestRun> FindOf(contract::ProvinceCode province, absl::Time now) const override;
  absl::Status Charge(const contract::RunId& run, std::uint64_t messages,
                      std::uint64_t bytes) override;

 private:
  // The peer's arming, if a run may begin now.
  absl::StatusOr<v1::ArmingStatement> CheckStart(contract::ProvinceCode caller,
                                                 contract::ProvinceCode peer, absl::Time now);
  // The run, if `caller` takes part in it.
  absl::StatusOr<v1::LinkRun> RunOf(contract::ProvinceCode caller, absl::string_view run_id) const;
  absl::Status TakeVerdict(contract::ProvinceCode caller, v1::LinkRun& run,
                           const v1::CaseVerdict& posted, const v1::PostVerdictsRequest& request,
                           absl::Time now);
  absl::Status CheckPass(const v1::LinkRun& run, const v1::CaseVerdict& verdict,
                         const v1::CaseEvidence& evidence, absl::Time now);
  absl::Status CompleteIfAllThere(v1::LinkRun& run, absl::Time now);
  absl::Status Certify(v1::LinkRun& run, Moment now);
  // Why an open run ends now, as its state and failure; false: it goes on.
  absl::StatusOr<bool> EndIfOver(v1::LinkRun& run, absl::Time now) const;
  void Save(const v1::LinkRun& run, absl::Time now);
  std::optional<TestRun> Describe(const std::optional<v1::LinkRun>& run, absl::Time now) const;

  const Deps deps_;
  const LinkRunStore store_;
  absl::Time next_look_ = absl::InfinitePast();
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_LINK_RUNS_H_
