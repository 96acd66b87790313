#include "adapters/platform/rpc/server.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/log/log.h"
#include "adapters/platform/rpc/callback_threads.h"
#include "adapters/platform/rpc/tls_probe.h"
#include "grpc/support/log.h"
#include "grpcpp/resource_quota.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

constexpr int kMaxMetadataBytes = 16 * 1024;

// Refusals that our own probe at start will cause.
std::atomic<int> g_refusals_to_come{0};

bool IsRefusalOfOurProbe(absl::string_view message) {
  if (!absl::StrContains(message, "no shared cipher")) return false;
  int left = g_refusals_to_come.load();
  while (left > 0 && !g_refusals_to_come.compare_exchange_weak(left, left - 1)) {
  }
  return left > 0;
}

// What gRPC writes on its own, mostly handshakes that failed: a scanner can
// cause as many as it likes.
void LogOfGrpc(gpr_log_func_args* args) {
  static LogLimit* const limit = new LogLimit(absl::Seconds(1));
  if (args->severity != GPR_LOG_SEVERITY_ERROR || IsRefusalOfOurProbe(args->message)) return;
  if (auto skipped = limit->Pass()) {
    LogWarning("grpc", args->message, {{"line", args->line}, {"skipped", *skipped}});
  }
}

int Milliseconds(absl::Duration duration) {
  const std::int64_t ms = absl::ToInt64Milliseconds(duration);
  return ms > std::numeric_limits<int>::max() ? std::numeric_limits<int>::max()
                                              : static_cast<int>(ms);
}

std::shared_ptr<grpc::ServerCredentials> Credentials(const TlsMaterial& tls) {
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = tls.trust_anchors_pem;
  options.pem_key_cert_pairs.push_back(
      {std::string(tls.private_key_pem.ExposeSecretBytes()), tls.certificate_chain_pem});
  return grpc::SslServerCredentials(options);
}

void Configure(const RpcServer::Options& options, grpc::ServerBuilder* builder) {
  const int bytes = static_cast<int>(options.max_message_bytes);
  builder->SetMaxReceiveMessageSize(bytes);
  builder->SetMaxSendMessageSize(bytes);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_concurrent_streams);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                              Milliseconds(options.handshake_timeout));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(options.keepalive));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                              Milliseconds(options.keepalive_timeout));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // Clients of ours probe as often as we do; half of it leaves room for jitter.
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              Milliseconds(options.keepalive / 2));
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, Milliseconds(options.connection_age));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                              Milliseconds(options.connection_grace));
  // Else a second process would share the port in silence.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  grpc::ResourceQuota quota("rpc_server");
  quota.Resize(options.memory_bytes);
  builder->SetResourceQuota(quota);
}

absl::Status CannotListen(const std::string& address) {
  return contract::MakeError(
      v1::CONFIG_INVALID, v1::SIDE_MINE,
      absl::StrCat("cannot listen on \"", address,
                   "\": the address is malformed, not of this machine, or taken"),
      "choose another address (host:port), or stop the process that holds the port");
}

}  // namespace

void InitRpcProcess() {
  static const bool done = [] {
    // gRPC 1.51 has no setting for the lowest version of TLS. A list that only
    // holds a suite of pre-shared keys leaves TLS 1.2 without any to agree on;
    // the suites of TLS 1.3 are set elsewhere and stay.
    ::setenv("GRPC_SSL_CIPHER_SUITES", "PSK-AES256-GCM-SHA384", 1);
    std::signal(SIGPIPE, SIG_IGN);
    gpr_set_log_function(LogOfGrpc);
    return true;
  }();
  static_cast<void>(done);
}

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(Options options) {
  InitRpcProcess();
  KeepCallbackThreads();
  if (options.tls.certificate_chain_pem.empty() || options.tls.trust_anchors_pem.empty()) {
    return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                               absl::StrCat("no certificates for ", options.listen),
                               "load them with LoadTlsFiles");
  }
  grpc::ServerBuilder builder;
  Configure(options, &builder);
  int port = 0;
  builder.AddListeningPort(options.listen, Credentials(options.tls), &port);
  for (grpc::Service* service : options.services) builder.RegisterService(service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) return CannotListen(options.listen);
  std::unique_ptr<RpcServer> started(
      new RpcServer(std::move(server), static_cast<std::uint16_t>(port)));
  const std::string address = ReachableAddress(options.listen, port);
  g_refusals_to_come.fetch_add(1);
  if (ProbeTls(address, TlsVersion::k12) != TlsAnswer::kRefused) {
    return contract::MakeError(
        v1::INTERNAL_FAULT, v1::SIDE_MINE,
        absl::StrCat("the server on ", address, " could not be seen to refuse TLS 1.2"),
        "call InitRpcProcess first in main, before gRPC is used; see that the address is "
        "reachable");
  }
  return started;
}

RpcServer::RpcServer(std::unique_ptr<grpc::Server> server, std::uint16_t port)
    : server_(std::move(server)), port_(port) {}

RpcServer::~RpcServer() { Shutdown(absl::ZeroDuration()); }

void RpcServer::Shutdown(absl::Duration grace) {
  if (stopped_) return;
  stopped_ = true;
  server_->Shutdown(std::chrono::system_clock::now() +
                    absl::ToChronoMilliseconds(std::min(grace, absl::Hours(1))));
  server_->Wait();
}

}  // namespace yizhan::platform
