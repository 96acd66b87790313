// Where runs of the connectivity test lie in the broker's store.
#ifndef YIZHAN_BROKER_SERVICE_LINK_RUN_STORE_H_
#define YIZHAN_BROKER_SERVICE_LINK_RUN_STORE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/platform/kv/transaction.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/linktest.pb.h"

namespace yizhan::broker {

// Reads and writes through the core's transaction, so that a run survives a
// restart at any point. Holds nothing else; core's thread.
//
//   prefix 'a' province(1) peer(1)               SignedArming, the latest
//   prefix 'r' run(16)                           LinkRun
//   prefix 'o' lower(1) higher(1)                run(16): the open run of the pair
//   prefix 'c' run(16) province(1)               SignedArming under which the run began
//   prefix 'p' run(16) province(1)               PostVerdictsRequest without verdicts and
//                                                evidence: what a party said of itself
//   prefix 'e' run(16) from(1) to(1) case id     serialized CaseEvidence as posted
//   prefix 's' run(16) province(1)               Signature over the report entry
//   prefix 'b' run(16)                           messages(8) bytes(8), big-endian
//   prefix 't' run(16)                           time of the last change, microseconds(8)
class LinkRunStore {
 public:
  // `txn` must outlive this object.
  LinkRunStore(platform::Transaction* txn, std::string prefix)
      : txn_(txn), prefix_(std::move(prefix)) {}

  absl::StatusOr<std::optional<v1::SignedArming>> Arming(contract::ProvinceCode province,
                                                         contract::ProvinceCode peer) const;
  void PutArming(contract::ProvinceCode province, contract::ProvinceCode peer,
                 const v1::SignedArming& arming) const;

  absl::StatusOr<std::optional<v1::LinkRun>> Run(const contract::RunId& run) const;
  // Also keeps the index of open runs (in it while RUN_OPEN or RUN_SIGNING) and
  // the time of the change.
  void PutRun(const v1::LinkRun& run, absl::Time now) const;
  absl::StatusOr<absl::Time> LastChange(const contract::RunId& run) const;
  // Open runs in the order of their pairs.
  absl::StatusOr<std::vector<v1::LinkRun>> OpenRuns() const;
  absl::StatusOr<std::optional<v1::LinkRun>> OpenRunOf(contract::ProvinceCode one,
                                                       contract::ProvinceCode other) const;

  void PutConsent(const contract::RunId& run, contract::ProvinceCode province,
                  const v1::SignedArming& consent) const;

  absl::StatusOr<std::optional<v1::PostVerdictsRequest>> Party(
      const contract::RunId& run, contract::ProvinceCode province) const;
  void PutParty(const contract::RunId& run, contract::ProvinceCode province,
                const v1::PostVerdictsRequest& party) const;

  // By "case id from->to".
  absl::StatusOr<std::map<std::string, v1::CaseEvidence>> Evidence(
      const contract::RunId& run) const;
  void PutEvidence(const contract::RunId& run, const v1::CaseVerdict& of,
                   const std::string& serialized) const;

  absl::StatusOr<std::optional<v1::Signature>> ReportSignature(
      const contract::RunId& run, contract::ProvinceCode province) const;
  void PutReportSignature(const contract::RunId& run, contract::ProvinceCode province,
                          const v1::Signature& signature) const;

  struct Used {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
  };
  absl::StatusOr<Used> Budget(const contract::RunId& run) const;
  void PutBudget(const contract::RunId& run, const Used& used) const;

 private:
  std::string Key(char kind, absl::string_view rest) const;
  std::string PairKey(std::uint32_t one, std::uint32_t other) const;

  platform::Transaction* const txn_;
  const std::string prefix_;
};

// "M01 32->34": how people read which verdict is meant.
std::string NameOfVerdict(const v1::CaseVerdict& verdict);
bool IsOpen(const v1::LinkRun& run);

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_LINK_RUN_STORE_H_
