#include "adapters/platform/kv/rocks_log.h"

#include <fcntl.h>
#include <rocksdb/env.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace yizhan::platform {
namespace {

constexpr std::uintmax_t kMaxLogBytes = std::uintmax_t{16} << 20;
constexpr std::size_t kMaxLine = 4096;

// Thread-safe: a line is one write to a file opened for appending.
class RocksLog final : public rocksdb::Logger {
 public:
  explicit RocksLog(int file) : Logger(rocksdb::InfoLogLevel::WARN_LEVEL), file_(file) {}
  ~RocksLog() override {
    if (file_ >= 0) close(file_);
  }

  using Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    std::array<char, kMaxLine> line;
    const std::string time =
        absl::FormatTime("%Y-%m-%d %H:%M:%E6SZ ", absl::Now(), absl::UTCTimeZone());
    std::size_t size = time.copy(line.data(), time.size());
    // One byte is left for the line's end.
    const std::size_t room = line.size() - size - 1;
    const int written = std::vsnprintf(line.data() + size, room, format, arguments);
    if (written < 0) return;
    size += std::min(static_cast<std::size_t>(written), room - 1);
    if (line[size - 1] != '\n') line[size++] = '\n';
    [[maybe_unused]] const ssize_t ignored = write(file_, line.data(), size);
  }

 private:
  const int file_;
};

}  // namespace

std::shared_ptr<rocksdb::Logger> OpenRocksLog(const std::string& dir) {
  const std::string path = dir + "/LOG";
  std::error_code error;
  if (const std::uintmax_t size = std::filesystem::file_size(path, error);
      !error && size > kMaxLogBytes) {
    std::filesystem::rename(path, path + ".old", error);
  }
  return std::make_shared<RocksLog>(
      open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
}

}  // namespace yizhan::platform
