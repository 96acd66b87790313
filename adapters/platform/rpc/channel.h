// A connection to an RpcServer.
#ifndef YIZHAN_ADAPTERS_PLATFORM_RPC_CHANNEL_H_
#define YIZHAN_ADAPTERS_PLATFORM_RPC_CHANNEL_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/platform/rpc/tls_files.h"
#include "protos/contract/limits.h"

namespace grpc {
class Channel;
}

namespace yizhan::platform {

struct DialOptions {
  std::string target;       // "host:port"
  std::string server_name;  // expected in the server's certificate; empty: the target's host
  TlsMaterial tls;
  std::size_t max_message_bytes = contract::kMaxGrpcMessageBytes;
  // Waits between attempts to connect, growing from the first to the second.
  absl::Duration min_backoff = absl::Milliseconds(200);
  absl::Duration max_backoff = absl::Seconds(5);
  absl::Duration keepalive = absl::Seconds(20);
  absl::Duration keepalive_timeout = absl::Seconds(10);
};

// Mutual TLS. Does not wait for the connection, which comes and comes again by
// itself. CONFIG_INVALID for a malformed target. No proxy of the environment
// is used.
absl::StatusOr<std::shared_ptr<grpc::Channel>> Dial(const DialOptions& options);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_RPC_CHANNEL_H_
