// Desk over gRPC, and the watchers that tell a CaseBoard what changes.
#ifndef YIZHAN_TOOLS_DEMO_RPC_DESK_H_
#define YIZHAN_TOOLS_DEMO_RPC_DESK_H_

#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tools/demo/case_board.h"
#include "tools/demo/desk.h"
#include "tools/yizhan/lab.h"
#include "yizhan/v1/gateway.grpc.pb.h"

namespace yizhan::tools {

// Thread-safe after Connect.
class RpcDesk : public Desk {
 public:
  // `interrupted` ends retries early; it must be thread-safe.
  static absl::StatusOr<std::unique_ptr<RpcDesk>> Connect(const Lab& lab,
                                                          const std::vector<Node>& nodes,
                                                          std::function<bool()> interrupted);

  absl::StatusOr<v1::CaseView> Apply(Node node, const v1::ApplyRequest& request) override;
  absl::StatusOr<v1::CaseView> Get(Node node, v1::CaseRole view,
                                   const std::string& case_handle) override;
  absl::StatusOr<v1::CaseView> Review(Node node, const v1::RecordReviewRequest& request) override;
  absl::StatusOr<v1::CaseView> QualityFeedback(
      Node node, const v1::RecordQualityFeedbackRequest& request) override;
  absl::StatusOr<v1::CaseView> Retake(Node node, const v1::RecordRetakeRequest& request) override;
  absl::StatusOr<v1::CaseView> Production(Node node,
                                          const v1::RecordProductionRequest& request) override;
  absl::StatusOr<v1::CaseView> Ready(Node node, const v1::RecordReadyRequest& request) override;
  absl::StatusOr<v1::CaseView> HandOver(Node node,
                                        const v1::RecordHandOverRequest& request) override;
  absl::StatusOr<v1::CaseView> Informed(Node node,
                                        const v1::RecordInformedRequest& request) override;
  absl::StatusOr<v1::CaseView> Refunded(Node node,
                                        const v1::RecordRefundedRequest& request) override;

 private:
  using Stub = v1::Gateway::Stub;
  RpcDesk() = default;
  template <typename Request, typename Method>
  absl::StatusOr<v1::CaseView> Send(Node node, v1::CallerRole role, Method method,
                                    const Request& request);

  // Constant after Connect.
  std::map<std::pair<Node, v1::CallerRole>, std::unique_ptr<Stub>> stubs_;
  std::function<bool()> interrupted_;
};

// Follows every case of some nodes and writes it to a board, from threads of
// its own, until destroyed. Streams that break begin again.
class CaseWatchers {
 public:
  // `board` must outlive this object.
  static absl::StatusOr<std::unique_ptr<CaseWatchers>> Start(
      const Lab& lab, const std::vector<contract::ProvinceCode>& nodes, CaseBoard* board);
  virtual ~CaseWatchers() = default;
};

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_DEMO_RPC_DESK_H_
