#include "province_nodes/app/link_test_service_rpc.h"

#include <chrono>
#include <utility>

#include "adapters/platform/rpc/status.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "yizhan/v1/linktest.grpc.pb.h"

namespace yizhan::node {
namespace {

constexpr std::chrono::seconds kTimeout(5);

class LinkTestServiceClient final : public LinkTestService {
 public:
  explicit LinkTestServiceClient(std::function<std::shared_ptr<grpc::Channel>()> channel)
      : channel_(std::move(channel)) {}

  absl::StatusOr<v1::ArmResponse> Arm(const v1::ArmRequest& request) override {
    return Call<v1::ArmResponse>(&v1::LinkTest::Stub::Arm, request);
  }
  absl::StatusOr<v1::StartRunResponse> StartRun(const v1::StartRunRequest& request) override {
    return Call<v1::StartRunResponse>(&v1::LinkTest::Stub::StartRun, request);
  }
  absl::StatusOr<v1::GetRunResponse> GetRun(const v1::GetRunRequest& request) override {
    return Call<v1::GetRunResponse>(&v1::LinkTest::Stub::GetRun, request);
  }
  absl::StatusOr<v1::ListRunsResponse> ListRuns(const v1::ListRunsRequest& request) override {
    return Call<v1::ListRunsResponse>(&v1::LinkTest::Stub::ListRuns, request);
  }
  absl::StatusOr<v1::PostVerdictsResponse> PostVerdicts(
      const v1::PostVerdictsRequest& request) override {
    return Call<v1::PostVerdictsResponse>(&v1::LinkTest::Stub::PostVerdicts, request);
  }
  absl::StatusOr<v1::SignReportResponse> SignReport(const v1::SignReportRequest& request) override {
    return Call<v1::SignReportResponse>(&v1::LinkTest::Stub::SignReport, request);
  }

 private:
  template <typename Response, typename Request>
  absl::StatusOr<Response> Call(grpc::Status (v1::LinkTest::Stub::*method)(grpc::ClientContext*,
                                                                           const Request&,
                                                                           Response*),
                                const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
    Response response;
    const auto stub = v1::LinkTest::NewStub(channel_());
    const grpc::Status status = ((*stub).*method)(&context, request, &response);
    if (!status.ok()) return platform::FromGrpc(status);
    return response;
  }

  const std::function<std::shared_ptr<grpc::Channel>()> channel_;
};

}  // namespace

std::unique_ptr<LinkTestService> MakeLinkTestService(
    std::function<std::shared_ptr<grpc::Channel>()> channel) {
  return std::make_unique<LinkTestServiceClient>(std::move(channel));
}

}  // namespace yizhan::node
