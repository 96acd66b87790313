// Who calls.
#ifndef YIZHAN_ADAPTERS_PLATFORM_RPC_PEER_H_
#define YIZHAN_ADAPTERS_PLATFORM_RPC_PEER_H_

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "protos/contract/ids.h"

namespace grpc {
class ServerContextBase;
}

namespace yizhan::platform {

// SHA-256 of the caller's DER certificate, to be compared with the live
// directory or register on every RPC: TLS only lets a caller in (a revoked
// certificate still resumes its session). CALLER_UNKNOWN without a certificate.
// Call it in the handler, while the context lives.
absl::StatusOr<contract::CertificateFingerprint> PeerFingerprint(
    const grpc::ServerContextBase& context);

// Of the first certificate in a PEM text; nothing where there is none.
std::optional<contract::CertificateFingerprint> FingerprintOfPem(absl::string_view pem);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_RPC_PEER_H_
