#include "province_nodes/store/lane.h"

#include <algorithm>

#include "protos/contract/errors.h"
#include "province_nodes/app/node_observer.h"

namespace yizhan::node {

v1::Control Lane::NewControl() {
  v1::Control control = contract::NewControl(issuer(), now);
  control.set_issuer_number(++issuer_number);
  return control;
}

void Lane::ReportSecurity(v1::ErrorReason reason, contract::ProvinceCode peer, std::string what) {
  ++statistics.security_events[reason];
  SecurityEvent event{reason, peer, std::move(what)};
  after_commit.push_back(
      [event = std::move(event)](NodeObserver& observer) { observer.OnSecurityEvent(event); });
}

void Lane::TellRecovery(std::string what) {
  after_commit.push_back(
      [what = std::move(what)](NodeObserver& observer) { observer.OnRecovery(what); });
}

absl::Duration Lane::Backoff(std::uint32_t tries, absl::Duration base, absl::Duration longest) {
  const absl::Duration full =
      std::min(base * (std::int64_t{1} << std::min<std::uint32_t>(tries, 20)), longest);
  const auto byte = static_cast<unsigned char>(random->Bytes(1)[0]);
  return full + full / 4 * (byte / 255.0);
}

bool IsStorageError(const absl::Status& status) {
  return !status.ok() && contract::ReasonOf(status) == v1::STORAGE_FAILED;
}

v1::MessageKind KindOfPayload(const v1::Payload& payload) {
  switch (payload.body_case()) {
    case v1::Payload::kEligibilityQuery:
      return v1::ELIGIBILITY_QUERY;
    case v1::Payload::kEligibilityAnswer:
      return v1::ELIGIBILITY_ANSWER;
    case v1::Payload::kAcceptance:
      return v1::ACCEPTANCE;
    case v1::Payload::kReviewDecision:
      return v1::REVIEW_DECISION;
    case v1::Payload::kQualityFeedback:
      return v1::QUALITY_FEEDBACK;
    case v1::Payload::kRetake:
      return v1::RETAKE;
    case v1::Payload::kProductionFeedback:
      return v1::PRODUCTION_FEEDBACK;
    case v1::Payload::kHandOver:
      return v1::HAND_OVER;
    case v1::Payload::kClosure:
      return v1::CLOSURE;
    case v1::Payload::kSystemOutcome:
      return v1::SYSTEM_OUTCOME;
    case v1::Payload::kTestMessage:
      return v1::TEST_MESSAGE;
    case v1::Payload::BODY_NOT_SET:
      return v1::MESSAGE_KIND_UNSPECIFIED;
  }
  return v1::MESSAGE_KIND_UNSPECIFIED;
}

}  // namespace yizhan::node
