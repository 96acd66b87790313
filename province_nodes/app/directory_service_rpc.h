// The broker's Directory service over gRPC.
#ifndef YIZHAN_PROVINCE_NODES_APP_DIRECTORY_SERVICE_RPC_H_
#define YIZHAN_PROVINCE_NODES_APP_DIRECTORY_SERVICE_RPC_H_

#include <functional>
#include <memory>

#include "province_nodes/directory/route_office.h"

namespace grpc {
class Channel;
}

namespace yizhan::node {

// Each call waits for the broker, 5 s at most, over what `channel` gives then.
// Errors as gRPC tells them. Thread-safe.
std::unique_ptr<DirectoryService> MakeDirectoryService(
    std::function<std::shared_ptr<grpc::Channel>()> channel);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_APP_DIRECTORY_SERVICE_RPC_H_
