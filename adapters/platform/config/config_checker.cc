#include "adapters/platform/config/config_checker.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "adapters/platform/config/files.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {

bool ConfigChecker::Expect(bool good, absl::string_view field, absl::string_view problem,
                           absl::string_view fix) {
  if (good) return true;
  std::string place = source_.path;
  // The field's own line, or that of what contains it, where it is missing.
  for (absl::string_view at = field; !at.empty();) {
    auto found = source_.lines.find(std::string(at));
    if (found != source_.lines.end()) {
      absl::StrAppend(&place, ":", found->second);
      break;
    }
    const std::size_t dot = at.rfind('.');
    at = dot == absl::string_view::npos ? absl::string_view() : at.substr(0, dot);
  }
  errors_.push_back(absl::StrCat(place, ": field ", field, ": ", problem, "; ", fix));
  return false;
}

void ConfigChecker::AddStatus(absl::string_view field, const absl::Status& status) {
  if (status.ok()) return;
  const v1::ErrorDetail detail = contract::DetailOf(status);
  Add(field, detail.what(), detail.next_step());
}

std::string ConfigChecker::Resolve(absl::string_view path) const {
  return JoinPath(FolderOf(source_.path), path);
}

std::string ConfigChecker::File(absl::string_view field, absl::string_view path) {
  if (!Expect(!path.empty(), field, "is missing", "give the path of a file")) return "";
  const std::string resolved = Resolve(path);
  struct stat info;
  if (::stat(resolved.c_str(), &info) != 0) {
    const std::string cause = errno == ENOENT ? "does not exist" : std::strerror(errno);
    Add(field, absl::StrCat("file ", resolved, " ", cause), "create it or correct the path");
  } else if (Expect(S_ISREG(info.st_mode), field, absl::StrCat(resolved, " is not a file"),
                    "correct the path")) {
    Expect(::access(resolved.c_str(), R_OK) == 0, field,
           absl::StrCat("file ", resolved, " cannot be read"),
           "give this process's user access to it");
  }
  return resolved;
}

std::string ConfigChecker::PrivateFile(absl::string_view field, absl::string_view path) {
  const std::size_t before = errors_.size();
  const std::string resolved = File(field, path);
  struct stat info;
  if (errors_.size() == before && ::stat(resolved.c_str(), &info) == 0) {
    Expect((info.st_mode & 077) == 0, field,
           absl::StrCat("file ", resolved, " is open to other users"),
           absl::StrCat("run: chmod 600 ", resolved));
  }
  return resolved;
}

std::string ConfigChecker::OptionalFile(absl::string_view field, absl::string_view path) {
  return path.empty() ? "" : File(field, path);
}

std::string ConfigChecker::Directory(absl::string_view field, absl::string_view path) {
  if (!Expect(!path.empty(), field, "is missing", "give the path of a folder")) return "";
  const std::string resolved = Resolve(path);
  AddStatus(field, MakeDirectories(resolved, 0700));
  return resolved;
}

void ConfigChecker::HostPort(absl::string_view field, absl::string_view value,
                             bool allow_zero_port) {
  const std::size_t colon = value.rfind(':');
  std::uint32_t port = 0;
  const bool good = colon != absl::string_view::npos && colon > 0 &&
                    absl::SimpleAtoi(value.substr(colon + 1), &port) && port <= 65535 &&
                    (port != 0 || allow_zero_port);
  Expect(good, field,
         value.empty() ? "is missing" : absl::StrCat("\"", value, "\" is not host:port"),
         "write it like 127.0.0.1:7443");
}

std::string ConfigChecker::Hex(absl::string_view field, absl::string_view value,
                               std::size_t bytes) {
  bool good = value.size() == 2 * bytes;
  for (char c : value) good = good && absl::ascii_isxdigit(static_cast<unsigned char>(c));
  const bool taken =
      Expect(good, field, absl::StrCat("is not ", 2 * bytes, " hex digits"), "correct the value");
  return taken ? absl::HexStringToBytes(value) : "";
}

absl::Status ConfigChecker::status() const {
  if (errors_.empty()) return absl::OkStatus();
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, absl::StrJoin(errors_, "\n"),
                             "correct the configuration and start again");
}

}  // namespace yizhan::platform
