// NodeAdmin over gRPC: for operators and engineers of the province.
#ifndef YIZHAN_PROVINCE_NODES_APP_NODE_ADMIN_RPC_H_
#define YIZHAN_PROVINCE_NODES_APP_NODE_ADMIN_RPC_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "adapters/platform/clock/clock.h"
#include "protos/contract/ids.h"
#include "province_nodes/app/node_loop.h"
#include "province_nodes/linktest/link_tester.h"

namespace grpc {
class Service;
}

namespace yizhan::node {

// What the service needs; pointers must outlive it.
struct NodeAdminDeps {
  contract::ProvinceCode province;
  contract::Incarnation incarnation;
  std::string build;
  NodeLoop* loop = nullptr;
  const platform::Clock* clock = nullptr;
  LinkTester* link_tester = nullptr;
  // The registered caller with this certificate; an error for others.
  std::function<absl::StatusOr<Caller>(const contract::CertificateFingerprint&)> find_caller;
};

// Thread-safe; calls may block, each on a thread of gRPC's own.
std::unique_ptr<grpc::Service> MakeNodeAdminService(NodeAdminDeps deps);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_APP_NODE_ADMIN_RPC_H_
