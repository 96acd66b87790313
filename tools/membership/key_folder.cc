#include "tools/membership/key_folder.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/crypto/certificate_request.h"
#include "adapters/platform/crypto/private_files.h"
#include "adapters/platform/crypto/private_key_pem.h"

namespace yizhan::tools {

absl::StatusOr<contract::SecretBytes> PassphraseAt(const std::string& path,
                                                   contract::Random& random) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) return platform::ReadSecretLine(path);
  constexpr std::size_t kRandomBytes = 32;
  const contract::SecretBytes made(absl::WebSafeBase64Escape(random.Bytes(kRandomBytes)));
  absl::Status status = platform::MakeDirectories(platform::FolderOf(path), 0700);
  status.Update(platform::WritePrivateFile(
      path, contract::SecretBytes(absl::StrCat(made.ExposeSecretBytes(), "\n"))));
  if (!status.ok()) return status;
  return made;
}

absl::StatusOr<platform::Sm2Key> NewKeyFile(const std::string& path,
                                            const contract::SecretBytes& passphrase) {
  absl::StatusOr<platform::Sm2Key> key = platform::GenerateSm2Key();
  if (!key.ok()) return key.status();
  absl::Status status = platform::MakeDirectories(platform::FolderOf(path), 0700);
  status.Update(platform::WritePrivateKeyFile(path, key->private_pem, passphrase));
  if (!status.ok()) return status;
  return key;
}

absl::StatusOr<std::string> NewTlsKeyFile(const std::string& path,
                                          const contract::SecretBytes& passphrase,
                                          const std::string& common_name) {
  const auto key = platform::GenerateTlsKey();
  if (!key.ok()) return key.status();
  auto request = platform::MakeCertificateRequest(*key, common_name);
  if (!request.ok()) return request.status();
  absl::Status status = platform::MakeDirectories(platform::FolderOf(path), 0700);
  status.Update(platform::WritePrivateKeyFile(path, *key, passphrase));
  if (!status.ok()) return status;
  return request;
}

}  // namespace yizhan::tools
