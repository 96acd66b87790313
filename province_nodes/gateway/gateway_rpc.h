// The gRPC face of the node for the province's own systems.
#ifndef YIZHAN_PROVINCE_NODES_GATEWAY_GATEWAY_RPC_H_
#define YIZHAN_PROVINCE_NODES_GATEWAY_GATEWAY_RPC_H_

#include <atomic>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "adapters/platform/clock/clock.h"
#include "protos/contract/ids.h"
#include "province_nodes/gateway/caller_registry.h"
#include "province_nodes/gateway/case_runner.h"
#include "yizhan/v1/error.pb.h"

namespace grpc {
class Service;
class ServerContextBase;
}  // namespace grpc

namespace yizhan::node {

// Every call: find the caller by its certificate, run, encode. Handlers block
// their thread until the core has committed. Thread-safe.
class GatewayRpc {
 public:
  struct Deps {
    CaseRunner* runner = nullptr;             // must outlive this object
    const CallerRegistry* callers = nullptr;  // must outlive this object
    const platform::Clock* clock = nullptr;   // must outlive this object
    // Certificate of the peer; platform::PeerFingerprint outside of tests.
    std::function<absl::StatusOr<contract::CertificateFingerprint>(const grpc::ServerContextBase&)>
        peer;
    // Told of every ended call, reason 0 for success, on the call's thread; for
    // metrics. May be empty.
    std::function<void(absl::string_view call, v1::ErrorReason reason)> on_answered;
    // OK while the node has room for new cases; asked before each application.
    // Empty: always. What has begun goes on whatever it says.
    std::function<absl::Status()> room_for_new;
    // Streams of WatchCases at once; more are refused.
    int max_watchers = 64;
  };
  static std::unique_ptr<GatewayRpc> Create(Deps deps);
  virtual ~GatewayRpc() = default;

  // To be registered with the server; must not outlive this object.
  virtual grpc::Service* service() = 0;
  // Ends watching streams, so that the server can shut down at once.
  virtual void StopWatching() = 0;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_GATEWAY_GATEWAY_RPC_H_
