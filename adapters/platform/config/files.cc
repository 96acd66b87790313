#include "adapters/platform/config/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

absl::Status FileError(absl::string_view path, absl::string_view problem, absl::string_view fix) {
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, absl::StrCat(path, ": ", problem),
                             fix);
}

// What errno says, and what to do about it.
absl::Status SystemError(absl::string_view path, absl::string_view what, int error) {
  absl::string_view fix = "look at the file system and its mount options";
  if (error == ENOENT) fix = "create it or correct the path";
  if (error == EACCES || error == EPERM)
    fix = "give this process's user access, or run it as another user";
  if (error == ENOSPC || error == EDQUOT) fix = "free space on this file system";
  if (error == ENOTDIR || error == EISDIR) fix = "correct the path";
  if (error == EMFILE || error == ENFILE) fix = "raise the limit of open files";
  const absl::string_view cause = error == ENOENT ? absl::string_view("does not exist")
                                                  : absl::string_view(std::strerror(error));
  return FileError(path, what.empty() ? std::string(cause) : absl::StrCat(what, ": ", cause), fix);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

absl::Status WriteAll(int fd, absl::string_view path, absl::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError(path, "cannot be written", errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status SyncFolder(const std::string& folder) {
  Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return SystemError(folder, "", errno);
  if (::fsync(fd.get()) != 0) return SystemError(folder, "cannot be synced", errno);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadFile(absl::string_view path_view, std::size_t max_bytes) {
  const std::string path(path_view);
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return SystemError(path, "", errno);
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return SystemError(path, "", errno);
  if (S_ISDIR(info.st_mode)) return FileError(path, "is a folder, not a file", "correct the path");
  std::string content;
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(path, "cannot be read", errno);
    if (got == 0) return content;
    content.append(buffer, static_cast<std::size_t>(got));
    if (content.size() > max_bytes) {
      return FileError(path, absl::StrCat("is larger than ", max_bytes, " bytes"),
                       "give a smaller file; this is probably not the right one");
    }
  }
}

absl::Status WriteFileAtomically(absl::string_view path_view, absl::string_view content,
                                 mode_t mode) {
  const std::string path(path_view);
  std::string temporary = absl::StrCat(path, ".new-XXXXXX");
  {
    Descriptor fd(::mkostemp(temporary.data(), O_CLOEXEC));
    if (fd.get() < 0) return SystemError(path, "cannot be created", errno);
    absl::Status status = WriteAll(fd.get(), path, content);
    if (status.ok() && ::fchmod(fd.get(), mode) != 0) {
      status = SystemError(path, "cannot be given its mode", errno);
    }
    if (status.ok() && ::fsync(fd.get()) != 0) {
      status = SystemError(path, "cannot be synced", errno);
    }
    if (!status.ok()) {
      ::unlink(temporary.c_str());
      return status;
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return SystemError(path, "cannot be replaced", error);
  }
  return SyncFolder(FolderOf(path));
}

absl::Status MakeDirectories(absl::string_view path_view, mode_t mode) {
  const std::string path(path_view);
  struct stat info;
  if (::stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return absl::OkStatus();
    return FileError(path, "is a file, not a folder", "move it away or correct the path");
  }
  const std::string above = FolderOf(path);
  if (above != path) {
    if (absl::Status status = MakeDirectories(above, mode); !status.ok()) return status;
  }
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    return SystemError(path, "cannot be made", errno);
  }
  return absl::OkStatus();
}

std::uint64_t FreeDiskBytes(const std::string& path) {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(path, error);
  return error ? 0 : space.available;
}

std::string BaseName(absl::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == absl::string_view::npos ? path : path.substr(slash + 1));
}

std::string FolderOf(absl::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) return ".";
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

std::string JoinPath(absl::string_view folder, absl::string_view path) {
  if (folder.empty() || (!path.empty() && path.front() == '/')) return std::string(path);
  return absl::StrCat(folder, folder.back() == '/' ? "" : "/", path);
}

}  // namespace yizhan::platform
