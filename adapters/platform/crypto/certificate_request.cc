#include "adapters/platform/crypto/certificate_request.h"

#include <openssl/pem.h>

#include "absl/strings/str_cat.h"
#include "adapters/platform/crypto/openssl_handles.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

constexpr std::size_t kMaxRequestBytes = 16 * 1024;
constexpr std::size_t kMaxNameBytes = 64;
constexpr absl::string_view kCurve = "prime256v1";  // P-256

using RequestPtr = std::unique_ptr<X509_REQ, OpensslFree<X509_REQ, X509_REQ_free>>;

absl::Status OpensslFailed(absl::string_view what) {
  return absl::InternalError(absl::StrCat(what, ": ", TakeOpensslError()));
}

absl::Status BadRequest(absl::string_view name, absl::string_view why) {
  ERR_clear_error();
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, absl::StrCat(name, ": ", why),
                             "Ask the province for the file that its `yizhan member apply` or "
                             "`yizhan key stage` wrote.");
}

bool IsP256(const EVP_PKEY* key) {
  char group[64] = {};
  std::size_t size = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 &&
         EVP_PKEY_get_group_name(key, group, sizeof(group), &size) == 1 &&
         absl::string_view(group, size) == kCurve;
}

std::string CommonNameOf(const X509_REQ* request) {
  const X509_NAME* name = X509_REQ_get_subject_name(request);
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return "";
  unsigned char* text = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  std::string common_name;
  if (size > 0) common_name.assign(reinterpret_cast<char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return common_name;
}

}  // namespace

absl::StatusOr<contract::SecretBytes> GenerateTlsKey() {
  const PkeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  const BioPtr bio = WriteBio();
  if (key == nullptr || PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0,
                                                      nullptr, nullptr) != 1) {
    return OpensslFailed("making a TLS key");
  }
  return contract::SecretBytes(BytesOf(bio.get()));
}

absl::StatusOr<std::string> MakeCertificateRequest(const contract::SecretBytes& key_pem,
                                                   absl::string_view common_name) {
  if (common_name.empty() || common_name.size() > kMaxNameBytes) {
    return absl::InvalidArgumentError("common_name has 1 to 64 bytes");
  }
  const BioPtr in = ReadBio(key_pem.ExposeSecretBytes());
  const PkeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, NoPassphrase, nullptr));
  if (key == nullptr || !IsP256(key.get())) {
    return BadRequest("the TLS key", "is no ECDSA P-256 key");
  }
  const RequestPtr request(X509_REQ_new());
  const BioPtr out = WriteBio();
  if (request == nullptr || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request.get()), "CN", MBSTRING_UTF8,
                                 Unsigned(common_name), static_cast<int>(common_name.size()), -1,
                                 0) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0 ||
      PEM_write_bio_X509_REQ(out.get(), request.get()) != 1) {
    return OpensslFailed("making a certificate request");
  }
  return BytesOf(out.get());
}

absl::StatusOr<CertificateRequest> ParseCertificateRequest(absl::string_view pem,
                                                           absl::string_view name) {
  if (pem.size() > kMaxRequestBytes) return BadRequest(name, "is larger than 16 KiB");
  const BioPtr in = ReadBio(pem);
  const RequestPtr request(PEM_read_bio_X509_REQ(in.get(), nullptr, NoPassphrase, nullptr));
  if (request == nullptr) return BadRequest(name, "holds no whole certificate request in PEM");
  EVP_PKEY* const key = X509_REQ_get0_pubkey(request.get());
  if (key == nullptr || !IsP256(key)) {
    return BadRequest(name, "asks for a key of another kind than ECDSA P-256");
  }
  if (X509_REQ_verify(request.get(), key) != 1) {
    return BadRequest(name, "is not signed by the key that it asks a certificate for");
  }
  CertificateRequest parsed;
  parsed.common_name = CommonNameOf(request.get());
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return OpensslFailed("reading a certificate request");
  parsed.spki_der.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return parsed;
}

}  // namespace yizhan::platform
