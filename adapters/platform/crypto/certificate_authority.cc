#include "adapters/platform/crypto/certificate_authority.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "adapters/platform/crypto/certificates.h"
#include "adapters/platform/crypto/openssl_handles.h"

namespace yizhan::platform {
namespace {

using Subject = CertificateAuthority::Subject;
using Validity = CertificateAuthority::Validity;
using Request = CertificateAuthority::Request;

absl::Status OpensslFailed(absl::string_view what) {
  return absl::InternalError(absl::StrCat(what, ": ", TakeOpensslError()));
}

absl::Status CheckSubject(const Subject& subject, const Validity& validity) {
  if (subject.common_name.empty() || subject.common_name.size() > 64) {
    return absl::InvalidArgumentError("subject.common_name has 1 to 64 bytes");
  }
  if (subject.organization.size() > 64) {
    return absl::InvalidArgumentError("subject.organization has at most 64 bytes");
  }
  if (validity.not_before >= validity.not_after) {
    return absl::InvalidArgumentError("validity ends before it begins");
  }
  return absl::OkStatus();
}

// "DNS:a,IP:b". The syntax has no escapes, so only plain names go into it.
absl::StatusOr<std::string> AlternativeNames(const Request& request) {
  std::vector<std::string> names;
  for (const std::string& dns : request.dns_names) {
    bool plain = !dns.empty() && dns.size() <= 253;
    for (const char c : dns) {
      plain = plain && (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' ||
                        c == '-' || c == '*');
    }
    if (!plain)
      return absl::InvalidArgumentError(absl::StrCat("dns_names: '", dns, "' is no name"));
    names.push_back(absl::StrCat("DNS:", dns));
  }
  for (const std::string& ip : request.ip_addresses) {
    unsigned char bytes[16];
    if (inet_pton(AF_INET, ip.c_str(), bytes) != 1 && inet_pton(AF_INET6, ip.c_str(), bytes) != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("ip_addresses: '", ip, "' is no IPv4 or IPv6 address"));
    }
    names.push_back(absl::StrCat("IP:", ip));
  }
  return absl::StrJoin(names, ",");
}

bool AddName(X509_NAME* name, const char* field, const std::string& value) {
  return value.empty() ||
         X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, Unsigned(absl::string_view(value)),
                                    static_cast<int>(value.size()), -1, 0) == 1;
}

bool AddExtension(X509* certificate, const X509* issuer, int kind, const std::string& value) {
  if (value.empty()) return true;
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, const_cast<X509*>(issuer), certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

// 16 random bytes, positive.
bool SetSerial(X509* certificate) {
  std::string bytes(16, '\0');
  if (RAND_bytes(Unsigned(bytes), static_cast<int>(bytes.size())) != 1) return false;
  bytes[0] = static_cast<char>((bytes[0] & 0x7f) | 0x40);
  BIGNUM* number = BN_bin2bn(Unsigned(bytes), static_cast<int>(bytes.size()), nullptr);
  const bool set = number != nullptr &&
                   BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  return set;
}

// All but extensions and signature.
absl::StatusOr<X509Ptr> Begin(const Subject& subject, const Validity& validity, EVP_PKEY* key) {
  X509Ptr made(X509_new());
  if (made == nullptr || X509_set_version(made.get(), X509_VERSION_3) != 1 ||
      !SetSerial(made.get()) ||
      ASN1_TIME_set(X509_getm_notBefore(made.get()), absl::ToTimeT(validity.not_before)) ==
          nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(made.get()), absl::ToTimeT(validity.not_after)) == nullptr ||
      !AddName(X509_get_subject_name(made.get()), "O", subject.organization) ||
      !AddName(X509_get_subject_name(made.get()), "CN", subject.common_name) ||
      X509_set_pubkey(made.get(), key) != 1) {
    return OpensslFailed("making a certificate");
  }
  return made;
}

absl::StatusOr<IssuedCertificate> ToPem(X509* certificate, EVP_PKEY* key) {
  const BioPtr certificate_bio = WriteBio();
  const BioPtr key_bio = WriteBio();
  if (PEM_write_bio_X509(certificate_bio.get(), certificate) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return OpensslFailed("writing a certificate");
  }
  return IssuedCertificate{BytesOf(certificate_bio.get()),
                           contract::SecretBytes(BytesOf(key_bio.get()))};
}

PkeyPtr NewKey() { return PkeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")); }

}  // namespace

struct CertificateAuthority::Impl {
  IssuedCertificate pem;
  X509Ptr certificate;
  PkeyPtr key;

  absl::StatusOr<X509Ptr> Sign(const Request& request, EVP_PKEY* key_of_subject) const;
};

CertificateAuthority::CertificateAuthority(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CertificateAuthority::~CertificateAuthority() = default;

const std::string& CertificateAuthority::certificate_pem() const {
  return impl_->pem.certificate_pem;
}
const contract::SecretBytes& CertificateAuthority::private_key_pem() const {
  return impl_->pem.private_key_pem;
}

absl::StatusOr<std::unique_ptr<CertificateAuthority>> CertificateAuthority::Make(
    const Subject& subject, const Validity& validity) {
  const absl::Status checked = CheckSubject(subject, validity);
  if (!checked.ok()) return checked;
  const PkeyPtr key = NewKey();
  if (key == nullptr) return OpensslFailed("making a key");
  auto made = Begin(subject, validity, key.get());
  if (!made.ok()) return made.status();
  X509* const self = made->get();
  if (X509_set_issuer_name(self, X509_get_subject_name(self)) != 1 ||
      !AddExtension(self, self, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !AddExtension(self, self, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !AddExtension(self, self, NID_subject_key_identifier, "hash") ||
      X509_sign(self, key.get(), EVP_sha256()) == 0) {
    return OpensslFailed("signing the authority's certificate");
  }
  auto pem = ToPem(self, key.get());
  if (!pem.ok()) return pem.status();
  return Load(*std::move(pem));
}

absl::StatusOr<std::unique_ptr<CertificateAuthority>> CertificateAuthority::Load(
    IssuedCertificate authority) {
  auto parsed = ParseCertificates(authority.certificate_pem, "the authority's certificate");
  if (!parsed.ok()) return parsed.status();
  auto impl = std::make_unique<Impl>();
  impl->pem = std::move(authority);
  const BioPtr certificate = ReadBio(impl->pem.certificate_pem);
  const BioPtr key = ReadBio(impl->pem.private_key_pem.ExposeSecretBytes());
  impl->certificate.reset(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr));
  impl->key.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, NoPassphrase, nullptr));
  if (impl->certificate == nullptr || impl->key == nullptr) {
    return OpensslFailed("reading the authority");
  }
  if (X509_check_private_key(impl->certificate.get(), impl->key.get()) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError("the authority's key is not the one of its certificate");
  }
  if (X509_check_ca(impl->certificate.get()) != 1) {
    return absl::InvalidArgumentError("the authority's certificate may not sign certificates");
  }
  return std::unique_ptr<CertificateAuthority>(new CertificateAuthority(std::move(impl)));
}

absl::StatusOr<X509Ptr> CertificateAuthority::Impl::Sign(const Request& request,
                                                         EVP_PKEY* key_of_subject) const {
  const absl::Status checked = CheckSubject(request.subject, request.validity);
  if (!checked.ok()) return checked;
  if (!request.server && !request.client) {
    return absl::InvalidArgumentError("a certificate is for a server, a client or both");
  }
  auto names = AlternativeNames(request);
  if (!names.ok()) return names.status();
  auto made = Begin(request.subject, request.validity, key_of_subject);
  if (!made.ok()) return made.status();
  const std::string usage = request.server && request.client ? "serverAuth,clientAuth"
                            : request.server                 ? "serverAuth"
                                                             : "clientAuth";
  X509* const leaf = made->get();
  const X509* const issuer = certificate.get();
  if (X509_set_issuer_name(leaf, X509_get_subject_name(issuer)) != 1 ||
      !AddExtension(leaf, issuer, NID_basic_constraints, "critical,CA:FALSE") ||
      !AddExtension(leaf, issuer, NID_key_usage, "critical,digitalSignature") ||
      !AddExtension(leaf, issuer, NID_ext_key_usage, usage) ||
      !AddExtension(leaf, issuer, NID_subject_key_identifier, "hash") ||
      !AddExtension(leaf, issuer, NID_authority_key_identifier, "keyid:always") ||
      !AddExtension(leaf, issuer, NID_subject_alt_name, *names) ||
      X509_sign(leaf, key.get(), EVP_sha256()) == 0) {
    return OpensslFailed("signing a certificate");
  }
  return made;
}

absl::StatusOr<IssuedCertificate> CertificateAuthority::Issue(const Request& request) const {
  const PkeyPtr key = NewKey();
  if (key == nullptr) return OpensslFailed("making a key");
  auto made = impl_->Sign(request, key.get());
  if (!made.ok()) return made.status();
  return ToPem(made->get(), key.get());
}

absl::StatusOr<std::string> CertificateAuthority::Certify(absl::string_view spki_der,
                                                          const Request& request) const {
  const unsigned char* at = Unsigned(spki_der);
  const PkeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki_der.size())));
  if (key == nullptr) {
    ERR_clear_error();
    return absl::InvalidArgumentError("the public key is not a DER SubjectPublicKeyInfo");
  }
  auto made = impl_->Sign(request, key.get());
  if (!made.ok()) return made.status();
  const BioPtr bio = WriteBio();
  if (PEM_write_bio_X509(bio.get(), made->get()) != 1) {
    return OpensslFailed("writing a certificate");
  }
  return BytesOf(bio.get());
}

}  // namespace yizhan::platform
