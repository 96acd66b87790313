// What the feeder decides where no node runs that could.
#ifndef YIZHAN_TOOLS_DEMO_LOCAL_DECISION_H_
#define YIZHAN_TOOLS_DEMO_LOCAL_DECISION_H_

#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "tools/demo/application_line.h"
#include "tools/demo/outcome.h"
#include "tools/yizhan/data_files.h"
#include "yizhan/v1/policy.pb.h"

namespace yizhan::tools {

// Immutable; thread-safe.
class LocalDecision {
 public:
  static absl::StatusOr<std::unique_ptr<LocalDecision>> Load(const DataFiles& data);

  // For a readable line with its images, whose point is of a province without a
  // running node: malformed, or a point that may not accept, or no link.
  Outcome Decide(const ApplicationLine& line) const;

 private:
  LocalDecision() = default;
  v1::Policy policy_;
  std::map<std::string, absl::CivilDay> points_;
  std::set<std::string> counties_;
};

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_DEMO_LOCAL_DECISION_H_
