#include "adapters/platform/rpc/tls_files.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <ctime>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/crypto/private_files.h"
#include "adapters/platform/crypto/private_key_pem.h"
#include "adapters/platform/rpc/peer.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

constexpr std::size_t kMaxPemBytes = std::size_t{1} << 20;

struct Free {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
};
using Certificates = std::vector<std::unique_ptr<X509, Free>>;

absl::Status FieldError(absl::string_view field, absl::string_view problem, absl::string_view fix) {
  v1::ErrorDetail detail;
  detail.set_reason(v1::CONFIG_INVALID);
  detail.set_side(v1::SIDE_MINE);
  detail.set_what(absl::StrCat("field ", field, ": ", problem));
  detail.set_next_step(std::string(fix));
  (*detail.mutable_metadata())["field"] = std::string(field);
  return contract::MakeError(detail);
}

std::unique_ptr<BIO, Free> Open(absl::string_view pem) {
  return std::unique_ptr<BIO, Free>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

int CountBlocks(absl::string_view pem) {
  constexpr absl::string_view kBegin = "-----BEGIN ";
  int count = 0;
  for (std::size_t at = pem.find(kBegin); at != absl::string_view::npos;
       at = pem.find(kBegin, at + 1)) {
    ++count;
  }
  return count;
}

absl::StatusOr<std::string> ReadField(absl::string_view field, const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxPemBytes);
  if (text.ok()) return text;
  const v1::ErrorDetail detail = contract::DetailOf(text.status());
  return FieldError(field, absl::StrCat("file ", detail.what()), detail.next_step());
}

// At least one block, and every one a certificate: gRPC takes the first ones
// of a broken file without a word.
absl::StatusOr<Certificates> ParseCertificates(absl::string_view field, const std::string& path,
                                               absl::string_view pem) {
  Certificates certificates;
  auto bio = Open(pem);
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(certificate);
  }
  ERR_clear_error();
  const int blocks = CountBlocks(pem);
  if (blocks == 0) {
    return FieldError(field, absl::StrCat("file ", path, " holds no certificate"),
                      "give a file with certificates in PEM form");
  }
  if (static_cast<int>(certificates.size()) != blocks) {
    return FieldError(field,
                      absl::StrCat("file ", path, ": PEM block ", certificates.size() + 1, " of ",
                                   blocks, " is not a certificate, or is damaged"),
                      "copy the file again; private keys do not belong into it");
  }
  return certificates;
}

absl::Status CheckMode(absl::string_view field, const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & 077) != 0) {
    return FieldError(field, absl::StrCat("file ", path, " is open to other users"),
                      absl::StrCat("run: chmod 600 ", path));
  }
  return absl::OkStatus();
}

// The plain key, by the passphrase where a file with one is named.
absl::StatusOr<contract::SecretBytes> OpenKey(absl::string_view field, const std::string& path,
                                              const contract::SecretBytes& pem,
                                              const std::string& passphrase_path) {
  absl::StatusOr<contract::SecretBytes> passphrase = contract::SecretBytes();
  if (!passphrase_path.empty()) passphrase = ReadSecretLine(passphrase_path);
  absl::StatusOr<contract::SecretBytes> opened =
      passphrase.ok() ? OpenPrivateKey(pem, *passphrase, absl::StrCat("file ", path)) : passphrase;
  if (opened.ok()) return opened;
  const v1::ErrorDetail detail = contract::DetailOf(opened.status());
  return FieldError(field, detail.what(), detail.next_step());
}

absl::Status CheckKey(absl::string_view field, const std::string& path,
                      const contract::SecretBytes& pem, X509* certificate) {
  auto bio = Open(pem.ExposeSecretBytes());
  // Without this callback OpenSSL asks for a passphrase on the terminal.
  auto no_passphrase = [](char*, int, int, void*) { return -1; };
  const std::unique_ptr<EVP_PKEY, Free> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  const bool fits = key != nullptr && X509_check_private_key(certificate, key.get()) == 1;
  ERR_clear_error();
  if (key == nullptr) {
    return FieldError(field, absl::StrCat("file ", path, " holds no readable private key"),
                      "give the private key in PEM form");
  }
  if (!fits) {
    return FieldError(field, absl::StrCat("file ", path, " does not fit the first certificate"),
                      "give the key that the certificate was issued for, or the certificate of "
                      "this key first in the chain");
  }
  return absl::OkStatus();
}

absl::Time NotAfter(X509* certificate) {
  std::tm when{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &when) != 1) return absl::InfinitePast();
  return absl::FromTM(when, absl::UTCTimeZone());
}

}  // namespace

absl::StatusOr<TlsMaterial> LoadTlsFiles(const v1::TlsFiles& files, absl::string_view folder,
                                         absl::string_view field) {
  TlsMaterial material;
  const auto load = [&](absl::string_view name, const std::string& file,
                        std::string* path) -> absl::StatusOr<std::string> {
    const std::string full = absl::StrCat(field, ".", name);
    if (file.empty()) return FieldError(full, "is missing", "give the path of a PEM file");
    *path = JoinPath(folder, file);
    return ReadField(full, *path);
  };

  std::string path;
  auto chain = load("certificate_chain", files.certificate_chain(), &path);
  if (!chain.ok()) return chain.status();
  auto certificates = ParseCertificates(absl::StrCat(field, ".certificate_chain"), path, *chain);
  if (!certificates.ok()) return certificates.status();
  material.certificate_chain_pem = *std::move(chain);
  material.fingerprint = *FingerprintOfPem(material.certificate_chain_pem);
  material.not_after = NotAfter(certificates->front().get());

  auto key = load("private_key", files.private_key(), &path);
  if (!key.ok()) return key.status();
  const std::string key_field = absl::StrCat(field, ".private_key");
  absl::Status status = CheckMode(key_field, path);
  if (status.ok()) {
    absl::StatusOr<contract::SecretBytes> opened =
        OpenKey(key_field, path, contract::SecretBytes(*std::move(key)),
                files.passphrase_file().empty() ? "" : JoinPath(folder, files.passphrase_file()));
    if (!opened.ok()) return opened.status();
    material.private_key_pem = *std::move(opened);
    status = CheckKey(key_field, path, material.private_key_pem, certificates->front().get());
  }
  if (!status.ok()) return status;

  auto anchors = load("trust_anchors", files.trust_anchors(), &path);
  if (!anchors.ok()) return anchors.status();
  auto roots = ParseCertificates(absl::StrCat(field, ".trust_anchors"), path, *anchors);
  if (!roots.ok()) return roots.status();
  material.trust_anchors_pem = *std::move(anchors);
  return material;
}

}  // namespace yizhan::platform
