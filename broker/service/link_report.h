// What the broker itself says about a connectivity test: whether a verdict can
// be true by its own log, and the report that both provinces then sign.
#ifndef YIZHAN_BROKER_SERVICE_LINK_REPORT_H_
#define YIZHAN_BROKER_SERVICE_LINK_REPORT_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "protos/contract/directory.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/broker_admin.pb.h"
#include "yizhan/v1/linktest.pb.h"

namespace yizhan::broker {

// Everything that the evidence log has of a header.
using HeaderTrace =
    std::function<absl::StatusOr<std::vector<v1::TraceStep>>(const contract::Digest& header)>;

// REPORT_REFUSED naming the case, unless the log shows what a PASS of `verdict`
// claims: that every message in `evidence` flowed in this run (or, for L04, was
// refused for its closed link), and that the messages fit the case.
absl::Status CheckPassAgainstLog(const v1::LinkRun& run, const v1::CaseVerdict& verdict,
                                 const v1::CaseEvidence& evidence,
                                 const contract::DirectoryState& directory,
                                 const HeaderTrace& trace, absl::Time now);

// A run whose verdicts are complete. `of_initiator`, `of_counterpart`: what the
// parties said of themselves.
struct ReportParts {
  const v1::LinkRun* run = nullptr;
  const v1::PostVerdictsRequest* of_initiator = nullptr;
  const v1::PostVerdictsRequest* of_counterpart = nullptr;
};

// Why the run cannot end in a report: verdicts that are not PASS, parties that
// do not fit together, doubles in a production network. Empty: nothing.
std::string WhyNoReport(const ReportParts& parts, bool lab);

// What failed in the direction of `from`, if all of its verdicts are there; empty
// where some are missing or all passed.
std::string FailedDirection(const v1::LinkRun& run, std::uint32_t from);

// The entry that both provinces sign.
v1::DirectoryEntry BuildReportEntry(const ReportParts& parts,
                                    const contract::DirectoryState& directory, absl::Time now);

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_LINK_REPORT_H_
