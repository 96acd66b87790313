// absl::Status and gRPC's, with the error's detail kept.
#ifndef YIZHAN_ADAPTERS_PLATFORM_RPC_STATUS_H_
#define YIZHAN_ADAPTERS_PLATFORM_RPC_STATUS_H_

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace yizhan::platform {

// The details carry a google.rpc.Status with ErrorInfo (domain "yizhan.v1",
// reason the enumerator's name, metadata with message_id), RetryInfo where a
// retry helps, BadRequest where metadata names a "field", and the
// v1::ErrorDetail itself, so that clients in any language read it. Long texts
// are cut: trailers are bounded.
grpc::Status ToGrpc(const absl::Status& status);

// The reverse. A status without our details (the transport's own) gets one:
// UNAVAILABLE and DEADLINE_EXCEEDED are of the network's side.
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_RPC_STATUS_H_
