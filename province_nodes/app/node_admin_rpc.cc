#include "province_nodes/app/node_admin_rpc.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "adapters/platform/log/log.h"
#include "adapters/platform/rpc/peer.h"
#include "adapters/platform/rpc/status.h"
#include "grpcpp/server_context.h"
#include "protos/contract/errors.h"
#include "province_nodes/directory/route_history.h"
#include "yizhan/v1/node_admin.grpc.pb.h"

namespace yizhan::node {
namespace {

using contract::ProvinceCode;
using grpc::ServerContext;

class NodeAdminService final : public v1::NodeAdmin::Service {
 public:
  explicit NodeAdminService(NodeAdminDeps deps) : deps_(std::move(deps)) {}

  grpc::Status GetStatus(ServerContext* context, const v1::GetStatusRequest*,
                         v1::GetStatusResponse* response) override {
    return Guarded(*context, [&] {
      response->set_province(deps_.province.value());
      response->set_build(deps_.build);
      return deps_.loop->Call([&](NodeCore& core) { return Describe(core, *response); });
    });
  }

  grpc::Status ArmLink(ServerContext* context, const v1::ArmLinkRequest* request,
                       v1::ArmLinkResponse* response) override {
    return Guarded(*context, [&] {
      const absl::StatusOr<absl::Time> until =
          deps_.link_tester->ArmLink(ProvinceCode(request->peer()),
                                     absl::Milliseconds(request->window_ms()), request->engineer());
      if (until.ok()) response->set_until_unix_us(absl::ToUnixMicros(*until));
      return until.status();
    });
  }

  grpc::Status TestLink(ServerContext* context, const v1::TestLinkRequest* request,
                        grpc::ServerWriter<v1::TestLinkResponse>* writer) override {
    return Guarded(*context, [&] {
      return deps_.link_tester->TestLink(ProvinceCode(request->peer()), request->fast(),
                                         request->engineer(), [&](const v1::LinkRun& run) {
                                           v1::TestLinkResponse response;
                                           *response.mutable_run() = run;
                                           return !context->IsCancelled() &&
                                                  writer->Write(response);
                                         });
    });
  }

  grpc::Status ListLinks(ServerContext* context, const v1::ListLinksRequest*,
                         v1::ListLinksResponse* response) override {
    return Guarded(*context, [&] {
      return deps_.loop->Call([&](NodeCore& core) {
        const contract::DirectoryState& directory = core.directory();
        *response->mutable_head() = directory.head();
        for (const auto& [key, unused] : directory.routes()) {
          *response->add_routes() =
              contract::DescribeRoute(key, directory.Route(key, deps_.clock->Now()));
        }
        return absl::OkStatus();
      });
    });
  }

  grpc::Status ChangeRoute(ServerContext* context, const v1::ChangeRouteRequest* request,
                           v1::ChangeRouteResponse* response) override {
    return Guarded(*context, [&] {
      platform::LogInfo("node.admin", "an operator changes a route",
                        {{"officer", request->officer().number()},
                         {"accepting", request->change().accepting()},
                         {"home", request->change().home()},
                         {"state", v1::RouteState_Name(request->change().state())},
                         {"order", request->change().order_number()},
                         {"reason", request->change().reason()}});
      return Take(deps_.route_office->Change(*request), response);
    });
  }

  grpc::Status ListRouteProposals(ServerContext* context, const v1::ListRouteProposalsRequest*,
                                  v1::ListRouteProposalsResponse* response) override {
    return Guarded(*context, [&] { return Take(deps_.route_office->Proposals(), response); });
  }

  grpc::Status ListRouteHistory(ServerContext* context, const v1::ListRouteHistoryRequest* request,
                                v1::ListRouteHistoryResponse* response) override {
    return Guarded(*context, [&] {
      const contract::RouteKey route{ProvinceCode(request->accepting()),
                                     ProvinceCode(request->home())};
      return Take(RouteHistory(*deps_.store, route), response);
    });
  }

  grpc::Status ListMessages(ServerContext* context, const v1::ListMessagesRequest* request,
                            v1::ListMessagesResponse* response) override {
    return Guarded(*context, [&] {
      return deps_.loop->Call([&](NodeCore& core) {
        absl::StatusOr<v1::ListMessagesResponse> listed = core.ListMessages(*request);
        if (listed.ok()) *response = *std::move(listed);
        return listed.status();
      });
    });
  }

  grpc::Status CountNodeMessages(ServerContext* context, const v1::CountNodeMessagesRequest*,
                                 v1::CountNodeMessagesResponse* response) override {
    return Guarded(*context, [&] {
      return deps_.loop->Call([&](NodeCore& core) {
        *response = core.CountMessages();
        return absl::OkStatus();
      });
    });
  }

  grpc::Status ResumeSession(ServerContext* context, const v1::ResumeSessionRequest* request,
                             v1::ResumeSessionResponse*) override {
    return Guarded(*context, [&] {
      if (request->officer().number().empty()) {
        return contract::MakeError(v1::REQUEST_MALFORMED, v1::SIDE_MINE,
                                   "officer.number is missing",
                                   "Name the officer who checked that no second instance runs.");
      }
      platform::LogInfo("node.admin", "an operator lets the node open sessions again",
                        {{"officer", request->officer().number()}});
      return deps_.loop->Call([](NodeCore& core) {
        core.ResumeSession();
        return absl::OkStatus();
      });
    });
  }

  grpc::Status RecoverNode(ServerContext* context, const v1::RecoverNodeRequest* request,
                           v1::RecoverNodeResponse* response) override {
    return Guarded(*context, [&] {
      if (request->officer().number().empty()) {
        return contract::MakeError(v1::REQUEST_MALFORMED, v1::SIDE_MINE,
                                   "officer.number is missing",
                                   "Name the officer who put the backup back.");
      }
      platform::LogWarning("node.admin", "an operator recovers the node's store",
                           {{"officer", request->officer().number()},
                            {"force", std::string(request->force() ? "true" : "false")}});
      return deps_.loop->Call([&](NodeCore& core) {
        absl::Status begun = core.Recover(request->force(), deps_.clock->Now());
        *response->mutable_recovery() = core.RecoveryStatus();
        return begun;
      });
    });
  }

 private:
  template <typename Response>
  static absl::Status Take(absl::StatusOr<Response> result, Response* response) {
    if (result.ok()) *response = *std::move(result);
    return result.status();
  }

  // Operators alone.
  template <typename Do>
  grpc::Status Guarded(const ServerContext& context, Do act) {
    const absl::StatusOr<contract::CertificateFingerprint> peer =
        platform::PeerFingerprint(context);
    if (!peer.ok()) return platform::ToGrpc(peer.status());
    const absl::StatusOr<const Caller*> caller = deps_.callers->Find(*peer);
    if (!caller.ok()) return platform::ToGrpc(caller.status());
    const std::vector<v1::CallerRole>& roles = (*caller)->roles;
    if (std::find(roles.begin(), roles.end(), v1::CALLER_OPERATOR) == roles.end()) {
      return platform::ToGrpc(contract::MakeError(
          v1::CALLER_NOT_ALLOWED, v1::SIDE_MINE,
          absl::StrCat("Caller ", (*caller)->name, " is not registered as an operator"),
          "Use an operator's certificate, or register the role CALLER_OPERATOR for it."));
    }
    return platform::ToGrpc(act());
  }

  static absl::Status Describe(NodeCore& core, v1::GetStatusResponse& response) {
    const Session& session = core.session();
    response.set_incarnation(core.incarnation().str());
    *response.mutable_recovery() = core.RecoveryStatus();
    response.set_connected(session.open());
    response.set_session_number(session.number());
    response.set_fenced(session.state() == Session::State::kFenced);
    response.set_last_error(session.last_error());
    const NodeStatistics statistics = core.Statistics(absl::UnixEpoch());
    std::uint64_t waiting = 0;
    for (const auto& [destination, box] : statistics.outbox) waiting += box.messages;
    response.set_outbox_waiting(waiting);
    response.set_inbox_held(statistics.inbox_held);
    *response.mutable_directory_head() = core.directory().head();
    return core.Read([&](const platform::Transaction& txn, CaseService& cases) {
      absl::StatusOr<CaseService::Statistics> counted = cases.Collect(txn, absl::UnixEpoch());
      if (!counted.ok()) return counted.status();
      for (const auto& [where, count] : counted->cases) {
        v1::CaseStateCount& line = *response.add_cases();
        line.set_role(where.first);
        line.set_state(where.second);
        line.set_count(count);
      }
      return absl::OkStatus();
    });
  }

  const NodeAdminDeps deps_;
};

class NodeAdminHolder final : public NodeAdminRpc {
 public:
  explicit NodeAdminHolder(NodeAdminDeps deps) : service_(std::move(deps)) {}
  grpc::Service* service() override { return &service_; }

 private:
  NodeAdminService service_;
};

}  // namespace

std::unique_ptr<NodeAdminRpc> NodeAdminRpc::Create(NodeAdminDeps deps) {
  return std::make_unique<NodeAdminHolder>(std::move(deps));
}

}  // namespace yizhan::node
