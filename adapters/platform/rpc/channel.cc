#include "adapters/platform/rpc/channel.h"

#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "adapters/platform/rpc/callback_threads.h"
#include "adapters/platform/rpc/server.h"
#include "grpcpp/channel.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

constexpr int kMaxMetadataBytes = 16 * 1024;

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

// "ipv4:" for numbers, so that a reconnect never waits for the resolver.
std::string TargetUri(absl::string_view target) {
  const bool number = target.find_first_not_of("0123456789.:") == absl::string_view::npos;
  return absl::StrCat(number ? "ipv4:" : "dns:///", target);
}

bool IsHostPort(absl::string_view target) {
  const std::size_t colon = target.rfind(':');
  std::uint32_t port = 0;
  return colon != absl::string_view::npos && colon > 0 &&
         absl::SimpleAtoi(target.substr(colon + 1), &port) && port >= 1 && port <= 65535;
}

grpc::ChannelArguments Arguments(const DialOptions& options) {
  grpc::ChannelArguments args;
  const int bytes = static_cast<int>(options.max_message_bytes);
  args.SetMaxReceiveMessageSize(bytes);
  args.SetMaxSendMessageSize(bytes);
  args.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, Milliseconds(options.min_backoff));
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, Milliseconds(options.max_backoff));
  // Also how long one attempt to connect may take.
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, Milliseconds(options.max_backoff));
  args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(options.keepalive));
  args.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(options.keepalive_timeout));
  args.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  args.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A connection of its own: two channels may hold different certificates.
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  args.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  args.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, Milliseconds(options.max_backoff));
  if (!options.server_name.empty()) args.SetSslTargetNameOverride(options.server_name);
  return args;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> Dial(const DialOptions& options) {
  InitRpcProcess();
  KeepCallbackThreads();
  if (!IsHostPort(options.target)) {
    return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                               absl::StrCat("\"", options.target, "\" is not host:port"),
                               "write it like 127.0.0.1:7443");
  }
  if (options.tls.certificate_chain_pem.empty() || options.tls.trust_anchors_pem.empty()) {
    return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                               absl::StrCat("no certificates for ", options.target),
                               "load them with LoadTlsFiles");
  }
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = options.tls.trust_anchors_pem;
  tls.pem_cert_chain = options.tls.certificate_chain_pem;
  tls.pem_private_key = std::string(options.tls.private_key_pem.ExposeSecretBytes());
  return grpc::CreateCustomChannel(TargetUri(options.target), grpc::SslCredentials(tls),
                                   Arguments(options));
}

}  // namespace yizhan::platform
