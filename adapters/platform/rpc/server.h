// A gRPC server that takes callers by mutual TLS 1.3 alone.
#ifndef YIZHAN_ADAPTERS_PLATFORM_RPC_SERVER_H_
#define YIZHAN_ADAPTERS_PLATFORM_RPC_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/platform/rpc/tls_files.h"
#include "protos/contract/limits.h"

namespace grpc {
class Server;
class Service;
}  // namespace grpc

namespace yizhan::platform {

// What gRPC reads from the environment once, at its start: the setting by which
// it refuses TLS 1.2. First in main, before any thread. RpcServer and Dial call
// it too, and RpcServer::Start proves by a handshake that it took effect.
void InitRpcProcess();

// Serves from Start to Shutdown (or destruction). Handlers run on gRPC's
// threads and must not block.
class RpcServer {
 public:
  struct Options {
    std::string listen;  // "127.0.0.1:7443"; port 0 takes any
    TlsMaterial tls;
    std::vector<grpc::Service*> services;  // must outlive the server
    // Bytes of one message, both ways.
    std::size_t max_message_bytes = contract::kMaxGrpcMessageBytes;
    // Streams and calls at once per connection; more wait at the caller.
    int max_concurrent_streams = 64;
    absl::Duration handshake_timeout = absl::Seconds(5);
    // A silent connection is probed this often, given up after the timeout.
    absl::Duration keepalive = absl::Seconds(20);
    absl::Duration keepalive_timeout = absl::Seconds(10);
    // A connection ends after this age, its calls after the grace, so that
    // revocations and new certificates bite. Infinite: never.
    absl::Duration connection_age = absl::Minutes(15);
    absl::Duration connection_grace = absl::Seconds(60);
    // Soft bound on what gRPC buffers.
    std::size_t memory_bytes = std::size_t{1} << 30;
  };

  // CONFIG_INVALID where the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<RpcServer>> Start(Options options);
  ~RpcServer();  // Shutdown at once

  std::uint16_t port() const { return port_; }
  // Takes no more calls; those that run may end until `grace` has passed, then
  // they are cancelled. Returns when all have ended. Idempotent.
  void Shutdown(absl::Duration grace);

 private:
  RpcServer(std::unique_ptr<grpc::Server> server, std::uint16_t port);
  const std::unique_ptr<grpc::Server> server_;
  const std::uint16_t port_;
  bool stopped_ = false;
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_RPC_SERVER_H_
