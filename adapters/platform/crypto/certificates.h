// X.509 certificates in PEM, read strictly: gRPC ends the process over an empty
// chain, so everything that goes to it is read here first.
#ifndef YIZHAN_ADAPTERS_PLATFORM_CRYPTO_CERTIFICATES_H_
#define YIZHAN_ADAPTERS_PLATFORM_CRYPTO_CERTIFICATES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "protos/contract/crypto.h"
#include "protos/contract/ids.h"

namespace yizhan::platform {

struct Certificate {
  contract::CertificateFingerprint sha256;  // of the DER
  std::string subject;                      // "CN=node-32,O=..."
  std::string common_name;
  std::string serial_hex;
  absl::Time not_before;
  absl::Time not_after;
};

// Text outside of blocks is allowed, as tools write it; every block must be a
// whole certificate, and there must be one. CONFIG_INVALID; `name` tells a person
// which file is meant.
absl::StatusOr<std::vector<Certificate>> ParseCertificates(absl::string_view pem,
                                                           absl::string_view name);

// Fingerprint of the first certificate of a chain: whom a peer's chain speaks for.
absl::StatusOr<contract::CertificateFingerprint> CertificateFingerprintOfPem(absl::string_view pem);
// DER SubjectPublicKeyInfo of the first certificate.
absl::StatusOr<std::string> SpkiOfCertificate(absl::string_view pem);
// SHA-256 of a certificate's DER.
contract::CertificateFingerprint FingerprintOfDer(absl::string_view der);

// What a TLS server or client is made of: a chain whose first certificate belongs
// to the key and holds at `now`.
absl::Status CheckTlsIdentity(absl::string_view chain_pem, absl::string_view chain_name,
                              const contract::SecretBytes& key_pem, absl::string_view key_name,
                              absl::Time now);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_CRYPTO_CERTIFICATES_H_
