// The store on disk: RocksDB, every write synced.
#ifndef YIZHAN_ADAPTERS_PLATFORM_KV_ROCKS_STORE_H_
#define YIZHAN_ADAPTERS_PLATFORM_KV_ROCKS_STORE_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/platform/kv/key_value_store.h"
#include "adapters/platform/mutex/mutex.h"

namespace rocksdb {
class DB;
class Env;
class Status;
}  // namespace rocksdb

namespace yizhan::platform {

// Thread-safe. Iterators must not outlive the store.
// 1. A write that returned OK survives the end of process and machine.
// 2. After the first failed write every later one fails with the same error:
//    whether the failed one is on disk is known only after a restart.
// 3. A store with a hole (a damaged record, a missing log) does not open, see
//    log_check.h. A torn last record is the trace of a crash in mid-write, never
//    acknowledged, and is dropped.
// 4. Damaged tables and blobs are found when they are read: the read fails.
// Errors are STORAGE_FAILED and name the folder; keys never appear in them.
class RocksStore final : public KeyValueStore {
 public:
  struct Options {
    // Folder of the store; made with mode 0700 if absent. One process at a time.
    std::string dir;
    // Blocks, filters and indexes read from disk are kept up to this size.
    std::size_t block_cache_bytes = 64 << 20;
    // Writes kept in memory before they go to table files: two to four times as
    // much. What was deleted by then is never written there, so that a message that
    // is delivered soon costs the log alone. With the log that repeats them after
    // a crash, a larger value makes restarts slower.
    std::size_t write_buffer_bytes = 64 << 20;
    // The bytes of deleted and replaced values leave the disk within this time
    // and one compaction. Smaller: live data is rewritten more often. After a
    // start the first pass comes after a 24th of it, so that a process that
    // restarts every day reclaims too.
    absl::Duration reclaim_every = absl::Hours(24);
    // What a person does about a damaged store: from where its owner gets its
    // data back. Part of the error's next step.
    std::string when_damaged = "Restore it from a backup.";
    // For tests, which inject faults by it. Must outlive the store.
    rocksdb::Env* env = nullptr;
  };
  static absl::StatusOr<std::unique_ptr<RocksStore>> Open(const Options& options);
  ~RocksStore() override;

  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const override;
  absl::Status Write(const WriteBatch& batch) override;
  std::unique_ptr<KvIterator> Scan(absl::string_view begin, absl::string_view end) const override;

  // Frees the space of what was deleted, now; returns when it is done. Reads
  // and writes go on meanwhile.
  absl::Status ReclaimSpace();

 private:
  class Iterator;
  RocksStore(Options options, std::unique_ptr<rocksdb::DB> db);
  void ReclaimFromTimeToTime();

  const Options options_;
  const std::unique_ptr<rocksdb::DB> db_;
  std::atomic<bool> cancel_reclaim_ = false;
  std::atomic<bool> deleted_since_reclaim_ = true;  // unknown at start
  Mutex mutex_;
  CondVar closing_changed_;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::thread reclaimer_;  // last: it uses all of the above
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_KV_ROCKS_STORE_H_
