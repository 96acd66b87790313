#include "adapters/platform/kv/log_check.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace yizhan::platform {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = 32768;
constexpr std::size_t kHeader = 7;
constexpr std::uint8_t kFirstType = 1;
constexpr std::uint8_t kLastType = 4;

// CRC-32C, four tables at a time.
using Tables = std::array<std::array<std::uint32_t, 256>, 4>;

Tables MakeTables() {
  Tables tables = {};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    tables[0][i] = crc;
  }
  for (std::uint32_t i = 0; i < 256; ++i) {
    for (std::size_t t = 1; t < 4; ++t) {
      tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xff];
    }
  }
  return tables;
}

std::uint32_t Number(absl::string_view bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = size; i > 0; --i) {
    value = value << 8 | static_cast<unsigned char>(bytes[at + i - 1]);
  }
  return value;
}

std::uint32_t Crc(absl::string_view bytes) {
  static const Tables tables = MakeTables();
  std::uint32_t crc = 0xffffffff;
  std::size_t i = 0;
  for (; i + 4 <= bytes.size(); i += 4) {
    crc ^= Number(bytes, i, 4);
    crc = tables[3][crc & 0xff] ^ tables[2][crc >> 8 & 0xff] ^ tables[1][crc >> 16 & 0xff] ^
          tables[0][crc >> 24];
  }
  for (; i < bytes.size(); ++i) {
    crc = (crc >> 8) ^ tables[0][(crc ^ static_cast<unsigned char>(bytes[i])) & 0xff];
  }
  return ~crc;
}

std::uint32_t Masked(std::uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8u; }

// The record at `at` of `block`, as its header says.
struct Record {
  std::uint32_t crc = 0;
  std::size_t length = 0;
  std::uint8_t type = 0;
};

Record HeaderAt(absl::string_view block, std::size_t at) {
  return {Number(block, at, 4), Number(block, at + 4, 2), static_cast<std::uint8_t>(block[at + 6])};
}

bool BodyMatches(absl::string_view block, std::size_t at, const Record& record,
                 std::size_t length) {
  return Masked(Crc(block.substr(at + 6, 1 + length))) == record.crc;
}

bool IsWhole(absl::string_view block, std::size_t at) {
  if (at + kHeader > block.size()) return false;
  const Record record = HeaderAt(block, at);
  return record.type >= kFirstType && record.type <= kLastType &&
         at + kHeader + record.length <= block.size() &&
         BodyMatches(block, at, record, record.length);
}

bool AllZero(absl::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0; });
}

// Walks one log. Stops at the first record that is not whole.
class Walk {
 public:
  explicit Walk(absl::string_view log) : log_(log) {}

  // Where it stopped; the size of the log if all is whole.
  std::size_t Go() {
    for (std::size_t start = 0; start < log_.size(); start += kBlock) {
      const absl::string_view block = log_.substr(start, kBlock);
      std::size_t at = 0;
      while (at + kHeader <= block.size()) {
        if (!IsWhole(block, at)) return start + at;
        at += kHeader + HeaderAt(block, at).length;
      }
      if (block.size() < kBlock && at < block.size()) return start + at;  // half a header
    }
    return log_.size();
  }

  // What lies from `at` on is more than the beginning of one unfinished write.
  std::optional<std::string> WhyNotTorn(std::size_t at) const {
    const std::size_t start = at / kBlock * kBlock;
    const absl::string_view block = log_.substr(start, kBlock);
    std::size_t in_block = at - start;
    if (AllZero(log_.substr(at))) return std::nullopt;  // space that no write reached
    if (block.size() == kBlock) return "a record inside the log is not what was written";
    if (in_block + kHeader > block.size()) return std::nullopt;
    const Record record = HeaderAt(block, in_block);
    const std::size_t left = block.size() - in_block - kHeader;
    if (record.length <= left) return "a record inside the log is not what was written";
    if (left > 0 && BodyMatches(block, in_block, record, left)) {
      return "the last record is complete, but its length is not what was written";
    }
    for (++in_block; in_block < block.size(); ++in_block) {
      if (IsWhole(block, in_block)) {
        return absl::StrCat("whole records follow at ", start + in_block);
      }
    }
    return std::nullopt;
  }

 private:
  const absl::string_view log_;
};

std::string ReadAll(const fs::path& path) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  if (error) return "";
  std::string bytes(size, '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(bytes.data(), static_cast<std::streamsize>(size));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  return bytes;
}

// Names in a folder, by what they are.
struct Folder {
  std::vector<fs::path> logs;  // with data, oldest first
  std::vector<fs::path> manifests;
  bool has_log = false;
  bool has_data = false;  // tables, blobs, logs with data
  std::string current;    // the manifest that CURRENT names; empty without CURRENT
};

Folder List(const std::string& dir) {
  Folder folder;
  std::error_code error;
  for (fs::directory_iterator it(dir, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    const std::string extension = it->path().extension().string();
    const bool empty = it->is_directory(error) || it->file_size(error) == 0;
    if (extension == ".log") folder.has_log = true;
    if (extension == ".log" && !empty) folder.logs.push_back(it->path());
    if (absl::StartsWith(name, "MANIFEST-")) folder.manifests.push_back(it->path());
    folder.has_data |= extension == ".sst" || extension == ".blob";
  }
  folder.has_data |= !folder.logs.empty();
  // Names are numbers of six digits and more: shorter is older.
  std::sort(folder.logs.begin(), folder.logs.end(), [](const fs::path& a, const fs::path& b) {
    const std::string left = a.filename().string();
    const std::string right = b.filename().string();
    return left.size() != right.size() ? left.size() < right.size() : left < right;
  });
  folder.current = ReadAll(fs::path(dir) / "CURRENT");
  while (!folder.current.empty() && folder.current.back() == '\n') folder.current.pop_back();
  return folder;
}

}  // namespace

std::optional<LogDamage> FindLogDamage(absl::string_view log, bool may_be_torn) {
  Walk walk(log);
  const std::size_t at = walk.Go();
  if (at == log.size()) return std::nullopt;
  std::optional<std::string> why = walk.WhyNotTorn(at);
  if (!why.has_value() && may_be_torn) return std::nullopt;
  return LogDamage{"", at, why.value_or("the log breaks off, and a later log follows")};
}

std::optional<LogDamage> FindStoreDamage(const std::string& dir) {
  const Folder folder = List(dir);
  if (folder.current.empty()) {
    if (!folder.has_data) return std::nullopt;
    return LogDamage{absl::StrCat(dir, "/CURRENT"), 0,
                     "it is missing, but there is data beside it"};
  }
  if (!folder.has_log && folder.has_data) {
    return LogDamage{dir, 0, "there are tables, but no log (*.log) beside them"};
  }
  std::vector<std::pair<fs::path, bool>> files;
  files.emplace_back(fs::path(dir) / folder.current, true);
  for (const fs::path& log : folder.logs) files.emplace_back(log, log == folder.logs.back());
  for (const auto& [path, may_be_torn] : files) {
    std::optional<LogDamage> damage = FindLogDamage(ReadAll(path), may_be_torn);
    if (!damage.has_value()) continue;
    damage->file = path.string();
    return damage;
  }
  return std::nullopt;
}

}  // namespace yizhan::platform
