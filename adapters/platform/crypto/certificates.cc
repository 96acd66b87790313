#include "adapters/platform/crypto/certificates.h"

#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <cstring>
#include <ctime>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "adapters/platform/crypto/openssl_handles.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

// A chain has two or three; a bundle of authorities a few more.
constexpr std::size_t kMaxCertificates = 64;
constexpr std::size_t kMaxPemBytes = 1 << 20;

absl::Status ConfigError(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, what, next_step);
}

absl::Status BadPem(absl::string_view name, absl::string_view why) {
  return ConfigError(absl::StrCat(name, ": ", why),
                     "Give certificates in PEM, each from its BEGIN to its END line.");
}

std::size_t CountBlocks(absl::string_view pem) {
  constexpr absl::string_view kBegin = "-----BEGIN";
  std::size_t count = 0;
  for (std::size_t at = pem.find(kBegin); at != absl::string_view::npos;
       at = pem.find(kBegin, at + kBegin.size())) {
    ++count;
  }
  return count;
}

struct OpensslBytes {
  ~OpensslBytes() { OPENSSL_free(data); }
  unsigned char* data = nullptr;
};

// The DER of every block, in order.
absl::StatusOr<std::vector<std::string>> BlocksOf(absl::string_view pem, absl::string_view name) {
  if (pem.size() > kMaxPemBytes) return BadPem(name, "is larger than 1 MiB");
  const std::size_t blocks = CountBlocks(pem);
  if (blocks == 0) return BadPem(name, "holds no certificate");
  if (blocks > kMaxCertificates) return BadPem(name, "holds more than 64 certificates");
  const BioPtr bio = ReadBio(pem);
  std::vector<std::string> ders;
  for (std::size_t i = 0; i < blocks; ++i) {
    OpensslBytes kind, header, data;
    long size = 0;
    const int read = PEM_read_bio(bio.get(), reinterpret_cast<char**>(&kind.data),
                                  reinterpret_cast<char**>(&header.data), &data.data, &size);
    const std::string where = absl::StrCat("block ", i + 1, " ");
    if (read != 1) {
      return BadPem(name, absl::StrCat(where, "is no whole PEM (", TakeOpensslError(), ")"));
    }
    if (std::strcmp(reinterpret_cast<char*>(kind.data), "CERTIFICATE") != 0) {
      return BadPem(name, absl::StrCat(where, "is no certificate"));
    }
    ders.emplace_back(reinterpret_cast<char*>(data.data), static_cast<std::size_t>(size));
  }
  return ders;
}

absl::Time TimeOf(const ASN1_TIME* time) {
  std::tm utc = {};
  if (ASN1_TIME_to_tm(time, &utc) != 1) return absl::InfinitePast();
  return absl::FromTM(utc, absl::UTCTimeZone());
}

std::string CommonNameOf(const X509_NAME* name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return "";
  OpensslBytes text;
  const int size =
      ASN1_STRING_to_UTF8(&text.data, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  if (size < 0) return "";
  return std::string(reinterpret_cast<char*>(text.data), static_cast<std::size_t>(size));
}

std::string SubjectOf(const X509_NAME* name) {
  const BioPtr bio = WriteBio();
  // Names in Chinese stay readable.
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  return BytesOf(bio.get());
}

std::string SerialOf(const X509* certificate) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)),
                        static_cast<std::size_t>(ASN1_STRING_length(serial))));
}

absl::StatusOr<X509Ptr> ParseDer(const std::string& der, absl::string_view name) {
  const unsigned char* at = Unsigned(absl::string_view(der));
  X509Ptr parsed(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (parsed == nullptr || at != Unsigned(absl::string_view(der)) + der.size()) {
    return BadPem(name, absl::StrCat("holds a malformed certificate (", TakeOpensslError(), ")"));
  }
  return parsed;
}

}  // namespace

contract::CertificateFingerprint FingerprintOfDer(absl::string_view der) {
  contract::CertificateFingerprint sha256;
  SHA256(Unsigned(der), der.size(), sha256.data());
  return sha256;
}

absl::StatusOr<std::vector<Certificate>> ParseCertificates(absl::string_view pem,
                                                           absl::string_view name) {
  auto ders = BlocksOf(pem, name);
  if (!ders.ok()) return ders.status();
  std::vector<Certificate> certificates;
  for (const std::string& der : *ders) {
    auto parsed = ParseDer(der, name);
    if (!parsed.ok()) return parsed.status();
    const X509_NAME* subject = X509_get_subject_name(parsed->get());
    certificates.push_back({FingerprintOfDer(der), SubjectOf(subject), CommonNameOf(subject),
                            SerialOf(parsed->get()), TimeOf(X509_get0_notBefore(parsed->get())),
                            TimeOf(X509_get0_notAfter(parsed->get()))});
  }
  return certificates;
}

absl::StatusOr<contract::CertificateFingerprint> CertificateFingerprintOfPem(
    absl::string_view pem) {
  auto ders = BlocksOf(pem, "the certificate chain");
  if (!ders.ok()) return ders.status();
  auto parsed = ParseDer(ders->front(), "the certificate chain");
  if (!parsed.ok()) return parsed.status();
  return FingerprintOfDer(ders->front());
}

absl::StatusOr<std::string> SpkiOfCertificate(absl::string_view pem) {
  auto ders = BlocksOf(pem, "the certificate chain");
  if (!ders.ok()) return ders.status();
  auto parsed = ParseDer(ders->front(), "the certificate chain");
  if (!parsed.ok()) return parsed.status();
  OpensslBytes der;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(parsed->get()), &der.data);
  if (size <= 0) return absl::InternalError(TakeOpensslError());
  return std::string(reinterpret_cast<char*>(der.data), static_cast<std::size_t>(size));
}

absl::Status CheckTlsIdentity(absl::string_view chain_pem, absl::string_view chain_name,
                              const contract::SecretBytes& key_pem, absl::string_view key_name,
                              absl::Time now) {
  auto chain = ParseCertificates(chain_pem, chain_name);
  if (!chain.ok()) return chain.status();
  auto ders = BlocksOf(chain_pem, chain_name);
  if (!ders.ok()) return ders.status();
  auto leaf = ParseDer(ders->front(), chain_name);
  if (!leaf.ok()) return leaf.status();
  const BioPtr bio = ReadBio(key_pem.ExposeSecretBytes());
  const PkeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  if (key == nullptr) {
    return ConfigError(
        absl::StrCat(key_name, " holds no readable private key in PEM (", TakeOpensslError(), ")"),
        "Give the PEM file of the TLS key, without a passphrase.");
  }
  if (X509_check_private_key(leaf->get(), key.get()) != 1) {
    ERR_clear_error();
    return ConfigError(absl::StrCat(key_name, " is not the key of the certificate in ", chain_name),
                       "Give certificate and key of one pair, the node's own certificate first.");
  }
  const Certificate& own = chain->front();
  if (now < own.not_before || now >= own.not_after) {
    return ConfigError(
        absl::StrCat("the certificate in ", chain_name, " holds from ",
                     absl::FormatTime(own.not_before, absl::UTCTimeZone()), " to ",
                     absl::FormatTime(own.not_after, absl::UTCTimeZone()), ", not now"),
        "Check this machine's clock, or get a new certificate.");
  }
  return absl::OkStatus();
}

}  // namespace yizhan::platform
