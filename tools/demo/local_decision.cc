#include "tools/demo/local_decision.h"

#include <utility>

#include "absl/memory/memory.h"
#include "absl/time/clock.h"
#include "adapters/platform/config/text_proto.h"
#include "adapters/platform/image/portrait.h"
#include "protos/contract/errors.h"
#include "protos/contract/resident.h"
#include "protos/contract/rules.h"
#include "tools/demo/input_folder.h"

namespace yizhan::tools {

absl::StatusOr<std::unique_ptr<LocalDecision>> LocalDecision::Load(const DataFiles& data) {
  auto decision = absl::WrapUnique(new LocalDecision());
  absl::Status status = platform::ReadTextProto(data.policy, &decision->policy_);
  if (status.ok()) status = contract::ValidatePolicy(decision->policy_);
  if (!status.ok()) return status;
  auto points = LoadDesignatedPoints(data.points);
  if (!points.ok()) return points.status();
  decision->points_ = *std::move(points);
  auto counties = LoadCounties(data.divisions);
  if (!counties.ok()) return counties.status();
  decision->counties_ = *std::move(counties);
  return decision;
}

Outcome LocalDecision::Decide(const ApplicationLine& line) const {
  // A line without a readable time has it among its unmapped fields.
  const absl::Time case_time = line.applied_at.value_or(absl::Now());
  contract::ApplicationSurroundings surroundings;
  surroundings.division_known = [this](absl::string_view division) {
    return counties_.contains(std::string(division));
  };
  surroundings.check_portrait = [](absl::string_view jpeg) {
    return platform::CheckPortrait(jpeg);
  };
  surroundings.fee = [this](const v1::Application& application, absl::Time time) {
    const contract::RuleQuestion question = {
        .accepting = contract::ProvinceCode::OfDivision(application.accepting_point()),
        .home = contract::ProvinceCode::OfDivision(application.applicant().home_division()),
        .day = contract::ShanghaiDay(time)};
    return contract::FeeFen(policy_, question, application.business());
  };
  const absl::Status status = contract::CheckApplication(line.application, case_time, surroundings);
  if (!status.ok()) return InvalidOutcome(line.ref, contract::ReasonOf(status));
  const auto point = points_.find(line.application.accepting_point());
  if (point == points_.end() || contract::ShanghaiDay(case_time) < point->second) {
    return NotAcceptedOutcome(line.ref, v1::POINT_NOT_DESIGNATED);
  }
  return NotAcceptedOutcome(line.ref, v1::LINK_NOT_OPEN);
}

}  // namespace yizhan::tools
