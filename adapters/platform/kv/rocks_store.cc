#include "adapters/platform/kv/rocks_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/kv/log_check.h"
#include "adapters/platform/kv/rocks_log.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

// Bodies are a few KB to 64 KB. Above this size they live in blob files, which
// compaction of keys does not copy again and again.
constexpr std::uint64_t kMinBlobBytes = 4096;
constexpr std::size_t kBlockBytes = 16 << 10;
// One thread reads most of the time: few, large shards.
constexpr int kCacheShardBits = 2;
constexpr double kIndexShareOfCache = 0.5;

rocksdb::Slice ToSlice(absl::string_view bytes) { return {bytes.data(), bytes.size()}; }
absl::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

absl::Status StorageError(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::STORAGE_FAILED, v1::SIDE_MINE, what, next_step);
}

absl::Status Damaged(absl::string_view what, const RocksStore::Options& options) {
  return StorageError(
      absl::StrCat("the store in ", options.dir, " is damaged: ", what),
      absl::StrCat("Keep a copy of ", options.dir,
                   " for those who look into the disk, and do not repair it: with holes, "
                   "acknowledged messages would be missing. ",
                   options.when_damaged));
}

// The library's text may quote keys of damaged records only in its own log; what
// it returns names files and offsets.
absl::Status ToStatus(const rocksdb::Status& status, const RocksStore::Options& options) {
  if (status.ok()) return absl::OkStatus();
  if (status.IsCorruption()) return Damaged(status.ToString(), options);
  if (status.IsNoSpace()) {
    return StorageError(
        absl::StrCat("no space for the store in ", options.dir, ": ", status.ToString()),
        "Free space on this file system, then start the process again.");
  }
  return StorageError(
      absl::StrCat("the store in ", options.dir, " failed: ", status.ToString()),
      "Look at the disk (dmesg, smartctl), then start the process again: restart decides which "
      "of the last writes survived.");
}

absl::Status OpenError(const rocksdb::Status& status, const RocksStore::Options& options) {
  const std::string text = status.ToString();
  const std::string& dir = options.dir;
  if (status.IsIOError() && absl::StrContains(text, "/LOCK") &&
      (absl::StrContains(text, "lock hold by") || absl::StrContains(text, "temporarily"))) {
    return StorageError(absl::StrCat("the store in ", dir, " is open in another process"),
                        absl::StrCat("Stop the process that holds ", dir, "/LOCK (fuser ", dir,
                                     "/LOCK names it), or give this one a folder of its own."));
  }
  return ToStatus(status, options);
}

rocksdb::Options RocksOptions(const RocksStore::Options& ours) {
  rocksdb::Options options;
  if (ours.env != nullptr) options.env = ours.env;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  // The default mode opens a log with a damaged middle as if it ended there.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.track_and_verify_wals_in_manifest = true;
  // An error stays: the process ends, restart decides.
  options.max_bgerror_resume_count = 0;

  options.write_buffer_size = ours.write_buffer_bytes;
  options.min_write_buffer_number_to_merge = 2;
  options.max_write_buffer_number = 4;
  options.max_total_wal_size = 4 * ours.write_buffer_bytes;
  options.max_background_jobs = 2;
  options.max_open_files = 512;
  options.level_compaction_dynamic_level_bytes = true;
  options.bytes_per_sync = 1 << 20;

  options.enable_blob_files = true;
  options.min_blob_size = kMinBlobBytes;
  options.blob_file_size = 64 << 20;
  options.enable_blob_garbage_collection = true;
  options.blob_garbage_collection_age_cutoff = 0.5;
  options.blob_garbage_collection_force_threshold = 0.5;

  // Almost every byte is sealed, a digest or a signature: none of it shrinks.
  options.compression = rocksdb::kNoCompression;
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.02;

  // Indexes and filters live in the cache, so that memory is bounded by it and not
  // by what waits on disk. They are cut into partitions of a few KB: a whole one
  // is larger than a shard of the cache, would never stay, and would be read from
  // disk for every Get.
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(ours.block_cache_bytes, kCacheShardBits,
                                           /*strict_capacity_limit=*/false, kIndexShareOfCache);
  table.block_size = kBlockBytes;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_top_level_index_and_filter = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));

  options.info_log = OpenRocksLog(ours.dir);
  return options;
}

// What lies in a store concerns residents; nobody else may list or read it.
absl::Status MakeFolder(const std::string& dir) {
  std::error_code error;
  if (std::filesystem::is_directory(dir, error)) return absl::OkStatus();
  std::filesystem::create_directories(dir, error);
  if (!error) {
    std::filesystem::permissions(dir, std::filesystem::perms::owner_all, error);
  }
  if (!error) return absl::OkStatus();
  return StorageError(absl::StrCat("cannot make the store's folder ", dir, ": ", error.message()),
                      "Check the path in the configuration and who owns its parent folder.");
}

}  // namespace

class RocksStore::Iterator final : public KvIterator {
 public:
  Iterator(rocksdb::DB* db, const Options& options, absl::string_view begin, absl::string_view end)
      : options_(options), end_(end), bound_(end_) {
    rocksdb::ReadOptions read;
    if (!end_.empty()) read.iterate_upper_bound = &bound_;
    at_.reset(db->NewIterator(read));
    // RocksDB takes bounds out of order for a mistake of the caller; we for an
    // empty range.
    empty_ = !end_.empty() && begin >= absl::string_view(end_);
    if (!empty_) at_->Seek(ToSlice(begin));
  }

  bool Valid() const override { return !empty_ && at_->Valid(); }
  void Next() override { at_->Next(); }
  absl::string_view key() const override { return ToView(at_->key()); }
  absl::string_view value() const override { return ToView(at_->value()); }
  absl::Status status() const override {
    return empty_ ? absl::OkStatus() : ToStatus(at_->status(), options_);
  }

 private:
  const Options& options_;  // of the store
  const std::string end_;
  const rocksdb::Slice bound_;  // of end_
  bool empty_ = false;
  std::unique_ptr<rocksdb::Iterator> at_;
};

absl::StatusOr<std::unique_ptr<RocksStore>> RocksStore::Open(const Options& options) {
  const absl::Status made = MakeFolder(options.dir);
  if (!made.ok()) return made;
  if (const std::optional<LogDamage> damage = FindStoreDamage(options.dir)) {
    return Damaged(absl::StrCat(damage->file, " at byte ", damage->offset, ": ", damage->what),
                   options);
  }
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = rocksdb::DB::Open(RocksOptions(options), options.dir, &db);
  if (!opened.ok()) return OpenError(opened, options);
  return std::unique_ptr<RocksStore>(new RocksStore(options, std::unique_ptr<rocksdb::DB>(db)));
}

RocksStore::RocksStore(Options options, std::unique_ptr<rocksdb::DB> db)
    : options_(std::move(options)),
      db_(std::move(db)),
      reclaimer_([this] { ReclaimFromTimeToTime(); }) {}

RocksStore::~RocksStore() {
  cancel_reclaim_ = true;
  {
    MutexLock lock(&mutex_);
    closing_ = true;
  }
  closing_changed_.NotifyAll();
  reclaimer_.join();
}

absl::StatusOr<std::optional<std::string>> RocksStore::Get(absl::string_view key) const {
  std::string value;
  const rocksdb::Status got = db_->Get(rocksdb::ReadOptions(), ToSlice(key), &value);
  if (got.IsNotFound()) return std::optional<std::string>();
  if (!got.ok()) return ToStatus(got, options_);
  return std::optional<std::string>(std::move(value));
}

absl::Status RocksStore::Write(const WriteBatch& batch) {
  if (batch.empty()) return absl::OkStatus();
  std::size_t bytes = 64;
  for (const WriteBatch::Change& change : batch.changes) {
    bytes += change.key.size() + (change.value ? change.value->size() : 0) + 16;
  }
  rocksdb::WriteBatch out(bytes);
  for (const WriteBatch::Change& change : batch.changes) {
    if (change.value) {
      out.Put(change.key, *change.value);
    } else {
      out.Delete(change.key);
      deleted_since_reclaim_.store(true, std::memory_order_relaxed);
    }
  }
  {
    MutexLock lock(&mutex_);
    if (!failure_.ok()) return failure_;
  }
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const absl::Status written = ToStatus(db_->Write(synced, &out), options_);
  if (!written.ok()) {
    MutexLock lock(&mutex_);
    if (failure_.ok()) failure_ = written;
  }
  return written;
}

std::unique_ptr<KvIterator> RocksStore::Scan(absl::string_view begin, absl::string_view end) const {
  return std::make_unique<Iterator>(db_.get(), options_, begin, end);
}

absl::Status RocksStore::ReclaimSpace() {
  deleted_since_reclaim_ = false;
  rocksdb::CompactRangeOptions whole;
  whole.exclusive_manual_compaction = false;
  whole.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  whole.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
  whole.blob_garbage_collection_age_cutoff = 1.0;
  whole.canceled = &cancel_reclaim_;
  const rocksdb::Status done = db_->CompactRange(whole, nullptr, nullptr);
  if (!done.ok()) deleted_since_reclaim_ = true;
  if (done.IsIncomplete()) return absl::CancelledError("the store is closing");
  return ToStatus(done, options_);
}

void RocksStore::ReclaimFromTimeToTime() {
  absl::Duration wait = options_.reclaim_every / 24;
  while (true) {
    {
      MutexLock lock(&mutex_);
      closing_changed_.WaitFor(&mutex_, wait,
                               [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return closing_; });
      if (closing_) return;
    }
    wait = options_.reclaim_every;
    if (!deleted_since_reclaim_) continue;
    // An error here shows in the next write: RocksDB refuses writes after it.
    ReclaimSpace().IgnoreError();
  }
}

}  // namespace yizhan::platform
