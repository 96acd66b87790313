// What only a store on a disk can get wrong.
#include "adapters/platform/kv/rocks_store.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "tests/support/seeded_random.h"

namespace yizhan::platform {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class RocksStoreTest : public ::testing::Test {
 protected:
  RocksStoreTest() {
    dir_ = ::testing::TempDir() + "yizhan_rocks_" +
           ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(dir_);
  }
  ~RocksStoreTest() override {
    store_.reset();
    fs::remove_all(dir_);
  }

  absl::Status Open() {
    RocksStore::Options options;
    options.dir = dir_;
    options.env = env_;
    auto opened = RocksStore::Open(options);
    if (!opened.ok()) return opened.status();
    store_ = *std::move(opened);
    return absl::OkStatus();
  }
  void MustOpen() {
    const absl::Status opened = Open();
    ASSERT_TRUE(opened.ok()) << opened;
  }
  void Close() { store_.reset(); }
  absl::Status Put(const std::string& key, const std::string& value) {
    WriteBatch batch;
    batch.Put(key, value);
    return store_->Write(batch);
  }
  // 200 keys of 1 KB, all in the log.
  void FillLog() {
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE(Put(Key(i), std::string(1000, static_cast<char>('a' + i % 26))).ok());
    }
  }
  static std::string Key(int i) { return absl::StrCat("key", 1000 + i); }
  int KeysPresent() {
    int present = 0;
    for (int i = 0; i < 200; ++i) present += store_->Get(Key(i))->has_value() ? 1 : 0;
    return present;
  }
  fs::path LargestFile(const std::string& extension) {
    fs::path largest;
    for (const auto& entry : fs::directory_iterator(dir_)) {
      if (entry.path().extension() != extension) continue;
      if (largest.empty() || entry.file_size() > fs::file_size(largest)) largest = entry.path();
    }
    return largest;
  }
  static void FlipBit(const fs::path& path, std::uintmax_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(file.get() ^ 0x10);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
  }
  std::uintmax_t BytesOnDisk() {
    std::uintmax_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(dir_)) {
      if (entry.path().extension() != ".log") bytes += entry.file_size();
    }
    return bytes;
  }

  std::string dir_;
  rocksdb::Env* env_ = nullptr;
  std::unique_ptr<RocksStore> store_;
};

TEST_F(RocksStoreTest, Reopened_EverythingWrittenIsThere) {
  MustOpen();
  FillLog();
  const std::string body = SeededRandom(1).Bytes(64 << 10);
  ASSERT_TRUE(Put("body", body).ok());
  Close();
  MustOpen();
  EXPECT_EQ(KeysPresent(), 200);
  EXPECT_EQ(*store_->Get("body"), body);
}

TEST_F(RocksStoreTest, FolderMade_IsItsOwnersAlone) {
  dir_ += "/deep/er";
  MustOpen();
  struct stat about = {};
  ASSERT_EQ(stat(dir_.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0700u);
}

TEST_F(RocksStoreTest, FolderCannotBeMade_ErrorNamesIt) {
  std::ofstream(dir_) << "a file";
  const std::string file = dir_;
  dir_ += "/store";
  const absl::Status opened = Open();
  EXPECT_EQ(contract::ReasonOf(opened), v1::STORAGE_FAILED);
  EXPECT_THAT(contract::DetailOf(opened).what(), HasSubstr(dir_));
  dir_ = file;
}

TEST_F(RocksStoreTest, OpenElsewhere_ErrorNamesFolderAndRemedy) {
  MustOpen();
  RocksStore::Options options;
  options.dir = dir_;
  const absl::Status second = RocksStore::Open(options).status();
  EXPECT_EQ(contract::ReasonOf(second), v1::STORAGE_FAILED);
  EXPECT_THAT(contract::DetailOf(second).what(), HasSubstr(dir_ + " is open in another process"));
  EXPECT_THAT(contract::DetailOf(second).next_step(), HasSubstr("/LOCK"));
}

TEST_F(RocksStoreTest, BitFlippedInTheMiddleOfTheLog_IsNotOpened) {
  MustOpen();
  FillLog();
  Close();
  const fs::path log = LargestFile(".log");
  FlipBit(log, fs::file_size(log) / 2);
  const absl::Status opened = Open();
  EXPECT_EQ(contract::ReasonOf(opened), v1::STORAGE_FAILED);
  EXPECT_THAT(contract::DetailOf(opened).what(), HasSubstr(dir_ + " is damaged"));
  EXPECT_THAT(contract::DetailOf(opened).next_step(), HasSubstr("backup"));
  // Refusing changed nothing: with the bit back, all is there.
  FlipBit(log, fs::file_size(log) / 2);
  MustOpen();
  EXPECT_EQ(KeysPresent(), 200);
}

TEST_F(RocksStoreTest, LastRecordTorn_OnlyItIsLost) {
  MustOpen();
  FillLog();
  Close();
  const fs::path log = LargestFile(".log");
  fs::resize_file(log, fs::file_size(log) - 10);
  MustOpen();
  EXPECT_EQ(KeysPresent(), 199);
}

TEST_F(RocksStoreTest, BitFlippedInATable_ReadsFailInsteadOfMissing) {
  MustOpen();
  FillLog();
  ASSERT_TRUE(store_->ReclaimSpace().ok());
  Close();
  FlipBit(LargestFile(".sst"), 100);
  const absl::Status opened = Open();
  if (!opened.ok()) {
    EXPECT_EQ(contract::ReasonOf(opened), v1::STORAGE_FAILED);
    return;
  }
  EXPECT_EQ(contract::ReasonOf(store_->Get(Key(0)).status()), v1::STORAGE_FAILED);
  const auto at = store_->Scan("", "");
  while (at->Valid()) at->Next();
  EXPECT_EQ(contract::ReasonOf(at->status()), v1::STORAGE_FAILED);
}

TEST_F(RocksStoreTest, BodiesDeleted_ReclaimFreesTheirSpace) {
  MustOpen();
  SeededRandom random(2);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(Put(Key(i), random.Bytes(64 << 10)).ok());
  ASSERT_TRUE(store_->ReclaimSpace().ok());
  EXPECT_GT(BytesOnDisk(), 6u << 20);
  WriteBatch batch;
  for (int i = 1; i < 100; ++i) batch.Delete(Key(i));
  ASSERT_TRUE(store_->Write(batch).ok());
  ASSERT_TRUE(store_->ReclaimSpace().ok());
  EXPECT_LT(BytesOnDisk(), 1u << 20);
  EXPECT_EQ((*store_->Get(Key(0)))->size(), 64u << 10);
}

// RocksDB's own writer of its LOG ends the process at the second line that does
// not fit; closing the store writes one.
TEST_F(RocksStoreTest, NothingFitsOnTheDisk_WriteFailsAndTheStoreCloses) {
  MustOpen();
  ASSERT_TRUE(Put("before", "1").ok());
  const auto earlier = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit limit = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const struct rlimit none = {0, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  const absl::Status failed = Put("during", "1");
  Close();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  std::signal(SIGXFSZ, earlier);
  EXPECT_EQ(contract::ReasonOf(failed), v1::STORAGE_FAILED);
  MustOpen();
  EXPECT_EQ(*store_->Get("before"), "1");
}

// A disk whose log can no longer be synced.
class SickFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  SickFile(std::unique_ptr<rocksdb::FSWritableFile>&& file, const std::atomic<bool>* sick)
      : FSWritableFileOwnerWrapper(std::move(file)), sick_(sick) {}
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* debug) override {
    if (*sick_) return rocksdb::IOStatus::IOError("injected EIO");
    return FSWritableFileOwnerWrapper::Sync(options, debug);
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* debug) override {
    if (*sick_) return rocksdb::IOStatus::IOError("injected EIO");
    return FSWritableFileOwnerWrapper::Fsync(options, debug);
  }

 private:
  const std::atomic<bool>* const sick_;
};

class SickDisk final : public rocksdb::FileSystemWrapper {
 public:
  SickDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "SickDisk"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus made = FileSystemWrapper::NewWritableFile(name, options, file, debug);
    if (made.ok() && absl::EndsWith(name, ".log")) {
      *file = std::make_unique<SickFile>(std::move(*file), &sick);
    }
    return made;
  }
  std::atomic<bool> sick = false;
};

TEST_F(RocksStoreTest, SyncFails_ThatWriteAndAllLaterOnesFail) {
  const auto disk = std::make_shared<SickDisk>();
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
  env_ = env.get();
  MustOpen();
  ASSERT_TRUE(Put("before", "1").ok());
  disk->sick = true;
  const absl::Status failed = Put("during", "1");
  EXPECT_EQ(contract::ReasonOf(failed), v1::STORAGE_FAILED);
  EXPECT_THAT(contract::DetailOf(failed).what(), HasSubstr("injected EIO"));
  EXPECT_THAT(contract::DetailOf(failed).next_step(), HasSubstr("start the process again"));
  disk->sick = false;  // healed, but what is on it is not known any more
  EXPECT_EQ(Put("after", "1"), failed);
  Close();
  MustOpen();
  EXPECT_EQ(*store_->Get("before"), "1");
  EXPECT_EQ(*store_->Get("after"), std::nullopt);
  Close();
}

}  // namespace
}  // namespace yizhan::platform
