#include "adapters/platform/crypto/key_files.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "adapters/platform/crypto/openssl_handles.h"
#include "adapters/platform/crypto/sm2.h"
#include "adapters/platform/crypto/suite.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

constexpr std::size_t kMaxFileBytes = 64 * 1024;

absl::Status ConfigError(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, what, next_step);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

absl::StatusOr<SharedPkey> ParsePrivateKey(const contract::SecretBytes& pem,
                                           absl::string_view name) {
  const BioPtr bio = ReadBio(pem.ExposeSecretBytes());
  SharedPkey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr), EVP_PKEY_free);
  if (key == nullptr) {
    return ConfigError(
        absl::StrCat(name, " holds no readable private key in PEM (", TakeOpensslError(), ")"),
        "Give the PKCS#8 PEM file of an SM2 private key, without a passphrase.");
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

absl::StatusOr<contract::SecretBytes> ReadPrivateFile(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat about = {};
  if (file.get() < 0 || fstat(file.get(), &about) != 0) {
    return ConfigError(absl::StrCat("cannot read ", path, ": ", std::strerror(errno)),
                       "Check the path in the configuration and the owner of the file.");
  }
  if (!S_ISREG(about.st_mode)) {
    return ConfigError(absl::StrCat(path, " is not a file"), "Name the key file itself.");
  }
  if ((about.st_mode & 0077) != 0) {
    return ConfigError(
        absl::StrFormat("%s is open to others than its owner (mode %04o)", path,
                        about.st_mode & 07777),
        absl::StrCat("Run: chmod 600 ", path, "  If others could have read it, replace the key."));
  }
  std::string content(kMaxFileBytes + 1, '\0');
  std::size_t size = 0;
  while (size < content.size()) {
    const ssize_t got = read(file.get(), content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return ConfigError(absl::StrCat("cannot read ", path, ": ", std::strerror(errno)),
                         "Check the disk and the file.");
    }
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kMaxFileBytes) {
    return ConfigError(absl::StrCat(path, " is larger than 64 KiB: no key file"),
                       "Name the key file itself.");
  }
  content.resize(size);
  return contract::SecretBytes(std::move(content));
}

absl::Status WritePrivateFile(const std::string& path, const contract::SecretBytes& content) {
  const auto failed = [&] {
    return ConfigError(absl::StrCat("cannot write ", path, ": ", std::strerror(errno)),
                       errno == EEXIST ? "Private keys are not replaced; move the old file away."
                                       : "Check the folder, its owner and the free space.");
  };
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) return failed();
  absl::string_view rest = content.ExposeSecretBytes();
  while (!rest.empty()) {
    const ssize_t put = write(file.get(), rest.data(), rest.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failed();
    rest.remove_prefix(static_cast<std::size_t>(put));
  }
  if (fsync(file.get()) != 0) return failed();
  return absl::OkStatus();
}

absl::StatusOr<Sm2Key> LoadSm2Key(const std::string& path) {
  auto pem = ReadPrivateFile(path);
  if (!pem.ok()) return pem.status();
  auto key = ParsePrivateKey(*pem, path);
  if (!key.ok()) return key.status();
  auto spki = SpkiOf(key->get());
  if (!spki.ok()) return spki.status();
  Sm2Key loaded{*std::move(pem), *std::move(spki), {}};
  loaded.id = KeyIdOf(loaded.spki_der);
  return loaded;
}

absl::StatusOr<std::unique_ptr<contract::Signer>> LoadSigner(const std::string& path) {
  auto pem = ReadPrivateFile(path);
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
    absl::Span<const std::string> paths) {
  KeysById keys;
  for (const std::string& path : paths) {
    auto pem = ReadPrivateFile(path);
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
