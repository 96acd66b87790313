// RocksDB's own log file. Its own writer of it ends the process by an assertion
// at the second line that does not fit on the disk; this one drops the line.
#ifndef YIZHAN_ADAPTERS_PLATFORM_KV_ROCKS_LOG_H_
#define YIZHAN_ADAPTERS_PLATFORM_KV_ROCKS_LOG_H_

#include <memory>
#include <string>

namespace rocksdb {
class Logger;
}

namespace yizhan::platform {

// Appends warnings and errors to LOG in `dir`, which must exist; a LOG of more
// than 16 MiB becomes LOG.old first. What cannot be written is dropped.
std::shared_ptr<rocksdb::Logger> OpenRocksLog(const std::string& dir);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_KV_ROCKS_LOG_H_
