// Unary calls into the core, for the glue files of the services.
#ifndef YIZHAN_BROKER_APP_RPC_CALL_H_
#define YIZHAN_BROKER_APP_RPC_CALL_H_

#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "adapters/platform/rpc/peer.h"
#include "adapters/platform/rpc/status.h"
#include "broker/app/core_shell.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"

namespace yizhan::broker {

// Finishes the call with this status.
inline grpc::ServerUnaryReactor* FinishNow(grpc::CallbackServerContext* context,
                                           const absl::Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(platform::ToGrpc(status));
  return reactor;
}

// Runs `work` with the caller's certificate on the core's thread and finishes
// the call once its group is on disk. Request and response live until then, so
// `work` may keep pointers to both.
using RpcWork = std::function<absl::Status(const CoreAccess&, const BrokerCore::Caller&)>;
inline grpc::ServerUnaryReactor* CallCore(CoreShell& shell, grpc::CallbackServerContext* context,
                                          RpcWork work) {
  const auto caller = platform::PeerFingerprint(*context);
  if (!caller.ok()) return FinishNow(context, caller.status());
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  shell.Call([work = std::move(work),
              caller = *caller](const CoreAccess& access) { return work(access, caller); },
             [reactor](const absl::Status& status) { reactor->Finish(platform::ToGrpc(status)); });
  return reactor;
}

// The usual ending of `work`.
template <typename Response>
absl::Status Answer(absl::StatusOr<Response> result, Response* response) {
  if (!result.ok()) return result.status();
  *response = *std::move(result);
  return absl::OkStatus();
}

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_APP_RPC_CALL_H_
