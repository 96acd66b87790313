// NodeAdmin over gRPC: for operators and engineers of the province.
#ifndef YIZHAN_PROVINCE_NODES_APP_NODE_ADMIN_RPC_H_
#define YIZHAN_PROVINCE_NODES_APP_NODE_ADMIN_RPC_H_

#include <memory>
#include <string>

#include "adapters/platform/clock/clock.h"
#include "protos/contract/ids.h"
#include "province_nodes/app/node_loop.h"
#include "province_nodes/directory/route_office.h"
#include "province_nodes/gateway/caller_registry.h"
#include "province_nodes/linktest/link_tester.h"

namespace grpc {
class Service;
}

namespace yizhan::node {

// What the service needs; pointers must outlive it.
struct NodeAdminDeps {
  contract::ProvinceCode province;
  std::string build;
  NodeLoop* loop = nullptr;
  const platform::Clock* clock = nullptr;
  LinkTester* link_tester = nullptr;
  RouteOffice* route_office = nullptr;
  const platform::KeyValueStore* store = nullptr;
  const CallerRegistry* callers = nullptr;
};

// Thread-safe; calls may block, each on a thread of gRPC's own.
class NodeAdminRpc {
 public:
  static std::unique_ptr<NodeAdminRpc> Create(NodeAdminDeps deps);
  virtual ~NodeAdminRpc() = default;
  // To be registered with the server; must not outlive this object.
  virtual grpc::Service* service() = 0;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_APP_NODE_ADMIN_RPC_H_
