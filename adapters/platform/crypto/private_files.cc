#include "adapters/platform/crypto/private_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
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

}  // namespace

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

absl::StatusOr<contract::SecretBytes> ReadSecretLine(const std::string& path,
                                                     std::size_t min_bytes) {
  auto content = ReadPrivateFile(path);
  if (!content.ok()) return content.status();
  absl::string_view line = content->ExposeSecretBytes();
  if (!line.empty() && line.back() == '\n') line.remove_suffix(1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (line.find_first_of(absl::string_view("\r\n\0", 3)) != absl::string_view::npos) {
    return ConfigError(absl::StrCat(path, " holds more than one line of text"),
                       "Write the secret alone into the file, on one line.");
  }
  if (line.size() < min_bytes || line.size() > kMaxPassphraseBytes) {
    return ConfigError(absl::StrCat("the secret in ", path, " has ", line.size(), " bytes, not ",
                                    min_bytes, " to ", kMaxPassphraseBytes),
                       "Make one with, for example: (umask 077; openssl rand -base64 24 > FILE)");
  }
  return contract::SecretBytes(std::string(line));
}

}  // namespace yizhan::platform
