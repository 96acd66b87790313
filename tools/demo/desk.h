// What the people of the demo do at the gateways of their nodes: points, county
// reviewers, card centres, collection desks, each with its own certificate.
#ifndef YIZHAN_TOOLS_DEMO_DESK_H_
#define YIZHAN_TOOLS_DEMO_DESK_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/gateway.pb.h"

namespace yizhan::tools {

// Thread-safe; calls block. Each command is tried again under the same request
// id while its node does not answer, for a bounded time.
class Desk {
 public:
  virtual ~Desk() = default;
  using Node = contract::ProvinceCode;

  virtual absl::StatusOr<v1::CaseView> Apply(Node node, const v1::ApplyRequest& request) = 0;
  // By the point for the accepting view, by the county for the home view.
  virtual absl::StatusOr<v1::CaseView> Get(Node node, v1::CaseRole view,
                                           const std::string& case_handle) = 0;
  virtual absl::StatusOr<v1::CaseView> Review(Node node,
                                              const v1::RecordReviewRequest& request) = 0;
  virtual absl::StatusOr<v1::CaseView> QualityFeedback(
      Node node, const v1::RecordQualityFeedbackRequest& request) = 0;
  virtual absl::StatusOr<v1::CaseView> Retake(Node node,
                                              const v1::RecordRetakeRequest& request) = 0;
  virtual absl::StatusOr<v1::CaseView> Production(Node node,
                                                  const v1::RecordProductionRequest& request) = 0;
  virtual absl::StatusOr<v1::CaseView> Ready(Node node, const v1::RecordReadyRequest& request) = 0;
  virtual absl::StatusOr<v1::CaseView> HandOver(Node node,
                                                const v1::RecordHandOverRequest& request) = 0;
  virtual absl::StatusOr<v1::CaseView> Informed(Node node,
                                                const v1::RecordInformedRequest& request) = 0;
  virtual absl::StatusOr<v1::CaseView> Refunded(Node node,
                                                const v1::RecordRefundedRequest& request) = 0;
};

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_DEMO_DESK_H_
