#include "adapters/platform/crypto/private_key_pem.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/crypto/openssl_handles.h"
#include "adapters/platform/crypto/private_files.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

constexpr std::uint64_t kScryptN = 16384;
constexpr std::uint64_t kScryptR = 8;
constexpr std::uint64_t kScryptP = 5;

using Pkcs8Ptr = std::unique_ptr<PKCS8_PRIV_KEY_INFO,
                                 OpensslFree<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>>;
using X509SigPtr = std::unique_ptr<X509_SIG, OpensslFree<X509_SIG, X509_SIG_free>>;
using AlgorithmPtr = std::unique_ptr<X509_ALGOR, OpensslFree<X509_ALGOR, X509_ALGOR_free>>;

absl::Status ConfigError(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, what, next_step);
}

enum class PemKind { kPlain, kEncrypted, kOldEncrypted, kOther };

PemKind KindOf(absl::string_view pem) {
  if (absl::StrContains(pem, "-----BEGIN ENCRYPTED PRIVATE KEY-----")) return PemKind::kEncrypted;
  if (absl::StrContains(pem, "Proc-Type: 4,ENCRYPTED")) return PemKind::kOldEncrypted;
  if (absl::StrContains(pem, "PRIVATE KEY-----")) return PemKind::kPlain;
  return PemKind::kOther;
}

absl::Status NoKey(absl::string_view name) {
  return ConfigError(
      absl::StrCat(name, " holds no readable private key in PEM (", TakeOpensslError(), ")"),
      "Give the PKCS#8 PEM file of the private key, whole, from BEGIN to END.");
}

absl::StatusOr<contract::SecretBytes> Decrypt(absl::string_view pem, absl::string_view passphrase,
                                              absl::string_view name) {
  const BioPtr in = ReadBio(pem);
  const X509SigPtr sealed(PEM_read_bio_PKCS8(in.get(), nullptr, NoPassphrase, nullptr));
  if (sealed == nullptr) return NoKey(name);
  const Pkcs8Ptr opened(
      PKCS8_decrypt(sealed.get(), passphrase.data(), static_cast<int>(passphrase.size())));
  const BioPtr out = WriteBio();
  if (opened == nullptr || PEM_write_bio_PKCS8_PRIV_KEY_INFO(out.get(), opened.get()) != 1) {
    return ConfigError(
        absl::StrCat(name, " does not open with the passphrase (", TakeOpensslError(), ")"),
        "Check that passphrase_file is the one that was written with this key; a damaged key file "
        "fails in the same way: restore it from its backup.");
  }
  return contract::SecretBytes(BytesOf(out.get()));
}

}  // namespace

absl::StatusOr<contract::SecretBytes> EncryptPrivateKey(const contract::SecretBytes& pem,
                                                        const contract::SecretBytes& passphrase) {
  const absl::string_view secret = passphrase.ExposeSecretBytes();
  if (secret.empty()) return absl::InvalidArgumentError("a passphrase is not empty");
  const BioPtr in = ReadBio(pem.ExposeSecretBytes());
  const Pkcs8Ptr plain(PEM_read_bio_PKCS8_PRIV_KEY_INFO(in.get(), nullptr, NoPassphrase, nullptr));
  if (plain == nullptr) return NoKey("the key to encrypt");
  // Salt and nonce of the scheme's own making.
  AlgorithmPtr scheme(
      PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), nullptr, 0, nullptr, kScryptN, kScryptR, kScryptP));
  X509SigPtr sealed;
  if (scheme != nullptr) {
    sealed.reset(
        PKCS8_set0_pbe(secret.data(), static_cast<int>(secret.size()), plain.get(), scheme.get()));
  }
  if (sealed != nullptr) (void)scheme.release();  // now the property of `sealed`
  const BioPtr out = WriteBio();
  if (sealed == nullptr || PEM_write_bio_PKCS8(out.get(), sealed.get()) != 1) {
    return absl::InternalError(absl::StrCat("encrypting a private key: ", TakeOpensslError()));
  }
  return contract::SecretBytes(BytesOf(out.get()));
}

absl::StatusOr<contract::SecretBytes> OpenPrivateKey(const contract::SecretBytes& pem,
                                                     const contract::SecretBytes& passphrase,
                                                     absl::string_view name) {
  const PemKind kind = KindOf(pem.ExposeSecretBytes());
  const bool with_passphrase = !passphrase.empty();
  if (kind == PemKind::kOldEncrypted) {
    return ConfigError(absl::StrCat(name, " is encrypted in the old way of PEM, by MD5"),
                       "Convert it: openssl pkcs8 -topk8 -scrypt -in OLD -out NEW");
  }
  if (kind == PemKind::kEncrypted && !with_passphrase) {
    return ConfigError(absl::StrCat(name, " is encrypted, and no passphrase is configured"),
                       "Name the file with its passphrase in passphrase_file.");
  }
  if (kind == PemKind::kPlain && with_passphrase) {
    return ConfigError(
        absl::StrCat(name, " is not encrypted, though a passphrase is configured"),
        absl::StrCat("Encrypt it: openssl pkcs8 -topk8 -scrypt -in ", name,
                     " -out NEW -passout file:PASSPHRASE_FILE  If others could have read it, "
                     "replace the key."));
  }
  if (kind == PemKind::kEncrypted) {
    return Decrypt(pem.ExposeSecretBytes(), passphrase.ExposeSecretBytes(), name);
  }
  if (kind == PemKind::kOther) return NoKey(name);
  return pem;
}

absl::StatusOr<contract::SecretBytes> ReadPrivateKeyFile(const std::string& path,
                                                         const contract::SecretBytes& passphrase) {
  auto pem = ReadPrivateFile(path);
  if (!pem.ok()) return pem.status();
  return OpenPrivateKey(*pem, passphrase, path);
}

absl::Status WritePrivateKeyFile(const std::string& path, const contract::SecretBytes& pem,
                                 const contract::SecretBytes& passphrase) {
  if (passphrase.empty()) return WritePrivateFile(path, pem);
  auto sealed = EncryptPrivateKey(pem, passphrase);
  if (!sealed.ok()) return sealed.status();
  return WritePrivateFile(path, *sealed);
}

}  // namespace yizhan::platform
