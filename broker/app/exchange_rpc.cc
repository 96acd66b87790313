// Service Exchange.
#include <utility>

#include "adapters/platform/rpc/server_stream.h"
#include "broker/app/rpc_call.h"
#include "broker/app/services.h"
#include "protos/contract/limits.h"
#include "yizhan/v1/exchange.grpc.pb.h"

namespace yizhan::broker {
namespace {

class ExchangeService final : public v1::Exchange::CallbackService {
 public:
  explicit ExchangeService(CoreShell* shell) : shell_(shell) {}

  grpc::ServerUnaryReactor* OpenSession(grpc::CallbackServerContext* context,
                                        const v1::OpenSessionRequest* request,
                                        v1::OpenSessionResponse* response) override {
    return CallCore(*shell_, context,
                    [request, response](const CoreAccess& at, const BrokerCore::Caller& caller) {
                      return Answer(at.core.OpenSession(caller, *request, at.now), response);
                    });
  }

  grpc::ServerBidiReactor<v1::SubmitRequest, v1::SubmitResponse>* Submit(
      grpc::CallbackServerContext* context) override {
    using Stream = platform::ServerStream<v1::SubmitRequest, v1::SubmitResponse>;
    const auto caller = platform::PeerFingerprint(*context);
    if (!caller.ok()) return Stream::Refuse(context, caller.status());
    auto stream = Stream::Accept(context);
    auto* reactor = stream->reactor();
    shell_->ServeSubmit(std::move(stream), *caller);
    return reactor;
  }

  grpc::ServerBidiReactor<v1::ReceiveRequest, v1::ReceiveResponse>* Receive(
      grpc::CallbackServerContext* context) override {
    using Stream = platform::ServerStream<v1::ReceiveRequest, v1::ReceiveResponse>;
    const auto caller = platform::PeerFingerprint(*context);
    if (!caller.ok()) return Stream::Refuse(context, caller.status());
    // Room for all credit that the core accepts, and control records beside it.
    platform::StreamOptions options;
    options.max_queued_messages = 65536;
    options.max_queued_bytes = 3 * static_cast<std::size_t>(contract::kDefaultCreditBytes);
    auto stream = Stream::Accept(context, options);
    auto* reactor = stream->reactor();
    shell_->ServeReceive(std::move(stream), *caller);
    return reactor;
  }

 private:
  CoreShell* const shell_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeExchangeService(CoreShell* shell) {
  return std::make_unique<ExchangeService>(shell);
}

}  // namespace yizhan::broker
