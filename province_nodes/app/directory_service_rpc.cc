#include "province_nodes/app/directory_service_rpc.h"

#include <chrono>
#include <utility>

#include "adapters/platform/rpc/status.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "yizhan/v1/directory.grpc.pb.h"

namespace yizhan::node {
namespace {

constexpr std::chrono::seconds kTimeout(5);

class DirectoryServiceClient final : public DirectoryService {
 public:
  explicit DirectoryServiceClient(std::function<std::shared_ptr<grpc::Channel>()> channel)
      : channel_(std::move(channel)) {}

  absl::Status Append(const v1::SignedEntry& entry) override {
    v1::AppendEntryRequest request;
    *request.mutable_entry() = entry;
    v1::AppendEntryResponse response;
    return Call(&v1::Directory::Stub::AppendEntry, request, response);
  }
  absl::Status Propose(const v1::SignedEntry& entry) override {
    v1::ProposeChangeRequest request;
    *request.mutable_entry() = entry;
    v1::ProposeChangeResponse response;
    return Call(&v1::Directory::Stub::ProposeChange, request, response);
  }
  absl::StatusOr<v1::ListProposalsResponse> ListProposals() override {
    v1::ListProposalsResponse response;
    absl::Status status =
        Call(&v1::Directory::Stub::ListProposals, v1::ListProposalsRequest(), response);
    if (!status.ok()) return status;
    return response;
  }

 private:
  template <typename Request, typename Response>
  absl::Status Call(grpc::Status (v1::Directory::Stub::*method)(grpc::ClientContext*,
                                                                const Request&, Response*),
                    const Request& request, Response& response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
    const auto stub = v1::Directory::NewStub(channel_());
    return platform::FromGrpc(((*stub).*method)(&context, request, &response));
  }

  const std::function<std::shared_ptr<grpc::Channel>()> channel_;
};

}  // namespace

std::unique_ptr<DirectoryService> MakeDirectoryService(
    std::function<std::shared_ptr<grpc::Channel>()> channel) {
  return std::make_unique<DirectoryServiceClient>(std::move(channel));
}

}  // namespace yizhan::node
