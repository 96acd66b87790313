// Whole files, with bounds, and writes that are there whole or not at all.
#ifndef YIZHAN_ADAPTERS_PLATFORM_CONFIG_FILES_H_
#define YIZHAN_ADAPTERS_PLATFORM_CONFIG_FILES_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace yizhan::platform {

inline constexpr std::size_t kMaxFileBytes = std::size_t{64} << 20;

// Errors carry CONFIG_INVALID with the path, the cause and what to do.
absl::StatusOr<std::string> ReadFile(absl::string_view path, std::size_t max_bytes = kMaxFileBytes);

// Writes a file beside it, syncs it, renames it over `path`, syncs the folder.
// After a crash the old content or the new one is there. `mode` is exact (the
// umask does not count): 0600 for secrets.
absl::Status WriteFileAtomically(absl::string_view path, absl::string_view content,
                                 mode_t mode = 0644);

// The folder and those above it; existing ones keep their mode.
absl::Status MakeDirectories(absl::string_view path, mode_t mode = 0700);

// What this process's user may still write to the file system of a path; 0
// where that cannot be found out.
std::uint64_t FreeDiskBytes(const std::string& path);

// "b" where path is "/a/b", and "/a" (or ".").
std::string BaseName(absl::string_view path);
std::string FolderOf(absl::string_view path);
// `path` where it is absolute, else folder/path.
std::string JoinPath(absl::string_view folder, absl::string_view path);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_CONFIG_FILES_H_
