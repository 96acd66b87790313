#include "adapters/platform/crypto/key_files.h"

#include <openssl/pem.h>

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "adapters/platform/crypto/openssl_handles.h"
#include "adapters/platform/crypto/private_key_pem.h"
#include "adapters/platform/crypto/sm2.h"
#include "adapters/platform/crypto/suite.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

absl::Status ConfigError(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, what, next_step);
}

absl::StatusOr<SharedPkey> ParsePrivateKey(const contract::SecretBytes& pem,
                                           absl::string_view name) {
  const BioPtr bio = ReadBio(pem.ExposeSecretBytes());
  SharedPkey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr), EVP_PKEY_free);
  if (key == nullptr) {
    return ConfigError(
        absl::StrCat(name, " holds no readable private key in PEM (", TakeOpensslError(), ")"),
        "Give the whole PKCS#8 PEM file of an SM2 private key.");
  }
  if (EVP_PKEY_is_a(key.get(), "SM2") != 1) {
    return ConfigError(absl::StrCat(name, " holds a private key of another kind than SM2"),
                       "Messages are signed and sealed with SM2; the TLS key is another file.");
  }
  return key;
}

absl::StatusOr<std::string> SpkiOf(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) {
    return absl::InternalError(absl::StrCat("SM2 public key: ", TakeOpensslError()));
  }
  std::string spki(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return spki;
}

absl::StatusOr<contract::KeyId> IdOf(EVP_PKEY* key) {
  auto spki = SpkiOf(key);
  if (!spki.ok()) return spki.status();
  return KeyIdOf(*spki);
}

using KeysById = std::map<contract::KeyId, SharedPkey>;

absl::Status AddKey(const contract::SecretBytes& pem, absl::string_view name, KeysById* keys) {
  auto key = ParsePrivateKey(pem, name);
  if (!key.ok()) return key.status();
  auto id = IdOf(key->get());
  if (!id.ok()) return id.status();
  (*keys)[*id] = *std::move(key);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Sm2Key> GenerateSm2Key() {
  const PkeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "SM2"));
  const BioPtr bio = WriteBio();
  if (key == nullptr || bio == nullptr ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return absl::InternalError(absl::StrCat("making an SM2 key: ", TakeOpensslError()));
  }
  auto spki = SpkiOf(key.get());
  if (!spki.ok()) return spki.status();
  Sm2Key made{contract::SecretBytes(BytesOf(bio.get())), *std::move(spki), {}};
  made.id = KeyIdOf(made.spki_der);
  return made;
}

absl::StatusOr<Sm2Key> LoadSm2Key(const std::string& path,
                                  const contract::SecretBytes& passphrase) {
  auto pem = ReadPrivateKeyFile(path, passphrase);
  if (!pem.ok()) return pem.status();
  auto key = ParsePrivateKey(*pem, path);
  if (!key.ok()) return key.status();
  auto spki = SpkiOf(key->get());
  if (!spki.ok()) return spki.status();
  Sm2Key loaded{*std::move(pem), *std::move(spki), {}};
  loaded.id = KeyIdOf(loaded.spki_der);
  return loaded;
}

absl::StatusOr<std::unique_ptr<contract::Signer>> LoadSigner(
    const std::string& path, const contract::SecretBytes& passphrase) {
  auto pem = ReadPrivateKeyFile(path, passphrase);
  if (!pem.ok()) return pem.status();
  return MakeSigner(*pem, path);
}

absl::StatusOr<std::unique_ptr<contract::Signer>> MakeSigner(const contract::SecretBytes& pem,
                                                             absl::string_view name) {
  auto key = ParsePrivateKey(pem, name);
  if (!key.ok()) return key.status();
  auto id = IdOf(key->get());
  if (!id.ok()) return id.status();
  return std::make_unique<Sm2Signer>(*std::move(key), *id);
}

absl::StatusOr<std::unique_ptr<contract::Unwrapper>> LoadUnwrapper(
    absl::Span<const std::string> paths, const contract::SecretBytes& passphrase) {
  KeysById keys;
  for (const std::string& path : paths) {
    auto pem = ReadPrivateKeyFile(path, passphrase);
    if (!pem.ok()) return pem.status();
    const absl::Status added = AddKey(*pem, path, &keys);
    if (!added.ok()) return added;
  }
  return std::make_unique<Sm2Unwrapper>(std::move(keys));
}

absl::StatusOr<std::unique_ptr<contract::Unwrapper>> MakeUnwrapper(
    absl::Span<const contract::SecretBytes> pems, absl::string_view name) {
  KeysById keys;
  for (const contract::SecretBytes& pem : pems) {
    const absl::Status added = AddKey(pem, name, &keys);
    if (!added.ok()) return added;
  }
  return std::make_unique<Sm2Unwrapper>(std::move(keys));
}

}  // namespace yizhan::platform
