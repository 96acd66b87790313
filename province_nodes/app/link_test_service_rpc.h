// The broker's LinkTest service, called over gRPC.
#ifndef YIZHAN_PROVINCE_NODES_APP_LINK_TEST_SERVICE_RPC_H_
#define YIZHAN_PROVINCE_NODES_APP_LINK_TEST_SERVICE_RPC_H_

#include <functional>
#include <memory>

#include "province_nodes/linktest/link_test_deps.h"

namespace grpc {
class Channel;
}

namespace yizhan::node {

// Thread-safe; a call blocks for at most 5 seconds, and goes over what `channel`
// gives then.
std::unique_ptr<LinkTestService> MakeLinkTestService(
    std::function<std::shared_ptr<grpc::Channel>()> channel);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_APP_LINK_TEST_SERVICE_RPC_H_
