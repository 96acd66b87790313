// Looks through the logs of a RocksDB folder (write-ahead logs and manifest)
// before RocksDB opens it, for damage that it would take for the end of a log.
//
// RocksDB must take a record that reaches beyond the end of its file for the
// trace of a crash in mid-write: it was never acknowledged. But a flipped bit in
// a record's length, or a page that the disk lost, look the same, and what
// follows would silently be gone. What tells them apart is here.
//
// A log is a row of blocks of 32768 bytes; a record does not cross blocks but by
// fragments; what is left of a block below 7 bytes is not used:
//
//   | masked CRC-32C of type and body: 4 | length of body: 2 | type: 1 | body |
//
// all little-endian; type 1 is whole, 2 first, 3 middle, 4 last fragment.
#ifndef YIZHAN_ADAPTERS_PLATFORM_KV_LOG_CHECK_H_
#define YIZHAN_ADAPTERS_PLATFORM_KV_LOG_CHECK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace yizhan::platform {

// Where a log is damaged, and how it shows.
struct LogDamage {
  std::string file;  // path
  std::uint64_t offset = 0;
  std::string what;
};

// Nothing where `log` is whole, or ends in a torn record and `may_be_torn`.
// `offset` and `what` of the damage are set.
std::optional<LogDamage> FindLogDamage(absl::string_view log, bool may_be_torn);

// The first damage of the logs in a folder. A folder that has tables or logs
// with data but misses the files that lead to them is damaged too: RocksDB would
// begin a new store over them. Files that cannot be read are left to RocksDB.
std::optional<LogDamage> FindStoreDamage(const std::string& dir);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_KV_LOG_CHECK_H_
