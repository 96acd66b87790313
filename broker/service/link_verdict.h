// Verdicts as a province posts them: form, judge and evidence, before the
// broker's own log is asked (link_report.h).
#ifndef YIZHAN_BROKER_SERVICE_LINK_VERDICT_H_
#define YIZHAN_BROKER_SERVICE_LINK_VERDICT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "protos/contract/crypto.h"
#include "protos/contract/ids.h"
#include "protos/contract/link_suite.h"
#include "yizhan/v1/linktest.pb.h"

namespace yizhan::broker {

// Texts of a party that are longer are refused.
inline constexpr std::size_t kMaxPartyTextBytes = 256;

// REPORT_REFUSED with what is wrong and the usual next step.
absl::Status ReportRefused(absl::string_view what);

// A verdict with the evidence that it names. `serialized` points into the posted list.
struct VerdictClaim {
  const contract::LinkCase* known = nullptr;
  const std::string* serialized = nullptr;
  v1::CaseEvidence evidence;
};
// REPORT_REFUSED naming the verdict where it is not of this run's suite and
// pair, where `caller` is not its judge, or where its evidence is missing.
absl::StatusOr<VerdictClaim> ReadClaim(
    const contract::Hasher& hasher, const v1::LinkRun& run, contract::ProvinceCode caller,
    const v1::CaseVerdict& verdict,
    const google::protobuf::RepeatedPtrField<std::string>& evidence);

// Bounds of what a party says of itself; CLOCK_SKEW for a clock that is off.
absl::Status CheckPartyRecord(const v1::PostVerdictsRequest& request);

// The verdict of the same case and direction; null if none is there yet.
const v1::CaseVerdict* FindVerdict(const v1::LinkRun& run, const v1::CaseVerdict& like);
// Equal but for what the broker itself sets.
bool SameVerdict(v1::CaseVerdict a, v1::CaseVerdict b);

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_LINK_VERDICT_H_
