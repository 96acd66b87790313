#include "adapters/platform/rpc/peer.h"

#include <openssl/sha.h>

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "grpc/grpc_security_constants.h"
#include "grpcpp/security/auth_context.h"
#include "grpcpp/server_context.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {

// By hand instead of by OpenSSL's reader: this runs on every RPC, and gRPC made
// the PEM from a certificate that it had verified.
std::optional<contract::CertificateFingerprint> FingerprintOfPem(absl::string_view pem) {
  constexpr absl::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  constexpr absl::string_view kEnd = "-----END CERTIFICATE-----";
  const std::size_t begin = pem.find(kBegin);
  if (begin == absl::string_view::npos) return std::nullopt;
  pem.remove_prefix(begin + kBegin.size());
  const std::size_t end = pem.find(kEnd);
  if (end == absl::string_view::npos) return std::nullopt;
  std::string der;
  if (!absl::Base64Unescape(pem.substr(0, end), &der) || der.empty()) return std::nullopt;
  contract::CertificateFingerprint fingerprint;
  static_assert(contract::CertificateFingerprint::kSize == SHA256_DIGEST_LENGTH);
  SHA256(reinterpret_cast<const unsigned char*>(der.data()), der.size(), fingerprint.data());
  return fingerprint;
}

absl::StatusOr<contract::CertificateFingerprint> PeerFingerprint(
    const grpc::ServerContextBase& context) {
  const auto auth = context.auth_context();
  if (auth != nullptr && auth->IsPeerAuthenticated()) {
    const std::vector<grpc::string_ref> certificates =
        auth->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
    if (certificates.size() == 1) {
      auto fingerprint = FingerprintOfPem({certificates[0].data(), certificates[0].size()});
      if (fingerprint.has_value()) return *fingerprint;
    }
  }
  return contract::MakeError(v1::CALLER_UNKNOWN, v1::SIDE_MINE,
                             "the call came without a client certificate",
                             "connect by mutual TLS with the registered certificate");
}

}  // namespace yizhan::platform
