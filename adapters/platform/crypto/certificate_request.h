// TLS keys that are born where they are used, and requests for their certificates.
#ifndef YIZHAN_ADAPTERS_PLATFORM_CRYPTO_CERTIFICATE_REQUEST_H_
#define YIZHAN_ADAPTERS_PLATFORM_CRYPTO_CERTIFICATE_REQUEST_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "protos/contract/crypto.h"

namespace yizhan::platform {

// ECDSA P-256, plain PKCS#8 PEM.
absl::StatusOr<contract::SecretBytes> GenerateTlsKey();

// A PKCS#10 request in PEM, signed by the key. It asks for nothing but this
// name (1 to 64 bytes): names and uses are the authority's to decide.
absl::StatusOr<std::string> MakeCertificateRequest(const contract::SecretBytes& key_pem,
                                                   absl::string_view common_name);

struct CertificateRequest {
  std::string common_name;
  std::string spki_der;
};

// One request, whole, of a P-256 key that has signed it. CONFIG_INVALID; `name`
// tells a person which file is meant.
absl::StatusOr<CertificateRequest> ParseCertificateRequest(absl::string_view pem,
                                                           absl::string_view name);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_CRYPTO_CERTIFICATE_REQUEST_H_
