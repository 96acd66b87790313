// The gRPC service of connectivity tests.
#ifndef YIZHAN_BROKER_APP_LINK_TEST_RPC_H_
#define YIZHAN_BROKER_APP_LINK_TEST_RPC_H_

#include <memory>

#include "broker/app/core_shell.h"

namespace grpc {
class Service;
}

namespace yizhan::broker {

// Callers are members by their certificate. `shell` must outlive the service.
std::unique_ptr<grpc::Service> MakeLinkTestService(CoreShell* shell);

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_APP_LINK_TEST_RPC_H_
