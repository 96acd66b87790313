// One call of a gRPC stub, as absl::StatusOr.
#ifndef YIZHAN_TOOLS_YIZHAN_RPC_CALL_H_
#define YIZHAN_TOOLS_YIZHAN_RPC_CALL_H_

#include <chrono>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "adapters/platform/rpc/status.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"

namespace yizhan::tools {

inline constexpr absl::Duration kCallTimeout = absl::Seconds(15);

inline void SetDeadline(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
}

// The error with `who` ("node 34 at 127.0.0.1:7001") in front; code and detail
// are kept.
absl::Status OfCall(absl::string_view who, const grpc::Status& status);

// Thread-safe as the stub is.
template <typename Stub, typename Base, typename Request, typename Response>
absl::StatusOr<Response> Call(Stub& stub, absl::string_view who,
                              grpc::Status (Base::*method)(grpc::ClientContext*, const Request&,
                                                           Response*),
                              const Request& request, absl::Duration timeout = kCallTimeout) {
  grpc::ClientContext context;
  SetDeadline(context, timeout);
  Response response;
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok()) return OfCall(who, status);
  return response;
}

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_YIZHAN_RPC_CALL_H_
