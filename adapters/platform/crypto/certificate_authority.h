// An authority that certifies TLS keys. In a real network the key is born in the
// province and comes in a request (certificate_request.h); labs let it be made here.
#ifndef YIZHAN_ADAPTERS_PLATFORM_CRYPTO_CERTIFICATE_AUTHORITY_H_
#define YIZHAN_ADAPTERS_PLATFORM_CRYPTO_CERTIFICATE_AUTHORITY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "protos/contract/crypto.h"

namespace yizhan::platform {

// A certificate with its key, both in PEM.
struct IssuedCertificate {
  std::string certificate_pem;
  contract::SecretBytes private_key_pem;  // PKCS#8
};

// TLS certificates with ECDSA P-256 keys, since TLS of OpenSSL 3.0 knows no SM2.
// Any thread.
class CertificateAuthority {
 public:
  struct Subject {
    std::string common_name;   // 1 to 64 bytes
    std::string organization;  // may be empty
  };
  struct Validity {
    absl::Time not_before;
    absl::Time not_after;
  };
  struct Request {
    Subject subject;
    std::vector<std::string> dns_names;
    std::vector<std::string> ip_addresses;
    bool server = false;
    bool client = false;
    Validity validity;
  };

  // A new authority, signed by itself.
  static absl::StatusOr<std::unique_ptr<CertificateAuthority>> Make(const Subject& subject,
                                                                    const Validity& validity);
  // One that was made before.
  static absl::StatusOr<std::unique_ptr<CertificateAuthority>> Load(IssuedCertificate authority);
  ~CertificateAuthority();

  const std::string& certificate_pem() const;
  const contract::SecretBytes& private_key_pem() const;

  // Makes a key and certifies it. INVALID_ARGUMENT naming the field.
  absl::StatusOr<IssuedCertificate> Issue(const Request& request) const;
  // Certifies a key that was made elsewhere, see ParseCertificateRequest; PEM.
  absl::StatusOr<std::string> Certify(absl::string_view spki_der, const Request& request) const;

 private:
  struct Impl;
  explicit CertificateAuthority(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_CRYPTO_CERTIFICATE_AUTHORITY_H_
