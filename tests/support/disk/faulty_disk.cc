#include "tests/support/disk/faulty_disk.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <random>
#include <sstream>
#include <utility>
#include <vector>

namespace yizhan::testing {
namespace {

namespace fs = std::filesystem;
using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

}  // namespace

// What was asked of the disk, and what of it is certain to survive. Thread-safe.
class FaultyDisk::Counter {
 public:
  // OK, or the fault if this is its turn.
  IOStatus Step(const char* kind, const std::string& path) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++counts_[kind];
    ++operations_;
    if (operations_ < fault_at_ || (operations_ > fault_at_ && !stays_)) return IOStatus::OK();
    if (struck_.empty()) struck_ = std::string(kind) + " of " + fs::path(path).filename().string();
    return IOStatus::IOError("injected EIO: " + std::string(kind), path);
  }
  void Arm(std::uint64_t n, bool stays) {
    const std::lock_guard<std::mutex> lock(mutex_);
    fault_at_ = operations_ + n;
    stays_ = stays;
    struck_.clear();
  }

  void Created(const std::string& path) {
    const std::lock_guard<std::mutex> lock(mutex_);
    synced_[path] = 0;
    entries_.push_back({Entry::kCreated, path, "", std::nullopt});
  }
  void Synced(const std::string& path) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::error_code error;
    synced_[path] = fs::file_size(path, error);
  }
  // Before it is done, as with Renames.
  void Deletes(const std::string& path) {
    const std::lock_guard<std::mutex> lock(mutex_);
    entries_.push_back({Entry::kDeleted, path, "", ReadAll(path)});
    synced_.erase(path);
  }
  void Renames(const std::string& from, const std::string& to) {
    const std::lock_guard<std::mutex> lock(mutex_);
    Entry entry{Entry::kRenamed, to, from, std::nullopt};
    if (fs::exists(to)) entry.before = ReadAll(to);
    entries_.push_back(std::move(entry));
    if (const auto file = synced_.extract(from)) synced_[to] = file.mapped();
  }
  void FolderSynced() {
    const std::lock_guard<std::mutex> lock(mutex_);
    entries_.clear();
  }

  // Journalling file systems keep the order of what happens to a folder: some
  // first part of it survives.
  void LoseUnsynced(std::uint64_t seed) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::mt19937_64 random(seed);
    for (std::size_t lost = random() % (entries_.size() + 1); lost > 0; --lost) {
      Undo(entries_.back());
      entries_.pop_back();
    }
    for (const auto& [path, synced] : synced_) {
      std::error_code error;
      const std::uintmax_t size = fs::file_size(path, error);
      if (!error && size > synced) {
        fs::resize_file(path, synced + random() % (size - synced + 1), error);
      }
    }
    synced_.clear();
    entries_.clear();
    stays_ = false;
  }

  std::uint64_t operations() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return operations_;
  }
  std::string struck() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return struck_;
  }
  std::map<std::string, std::uint64_t> counts() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return counts_;
  }

 private:
  // A change of the folder.
  struct Entry {
    enum Kind { kCreated, kDeleted, kRenamed } kind;
    std::string path;
    std::string from;                   // of a renaming
    std::optional<std::string> before;  // what was at `path`
  };

  void Undo(const Entry& entry) {
    std::error_code error;
    if (entry.kind == Entry::kCreated) fs::remove(entry.path, error);
    if (entry.kind == Entry::kRenamed) fs::rename(entry.path, entry.from, error);
    if (entry.before.has_value()) std::ofstream(entry.path, std::ios::binary) << *entry.before;
    synced_.erase(entry.path);
  }

  mutable std::mutex mutex_;
  std::uint64_t operations_ = 0;
  std::uint64_t fault_at_ = 0;
  bool stays_ = false;
  std::string struck_;
  std::map<std::string, std::uint64_t> counts_;
  std::map<std::string, std::uintmax_t> synced_;  // bytes, of files written by this process
  std::vector<Entry> entries_;                    // not certain yet, oldest first
};

class FaultyDisk::FileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit FileSystem(std::shared_ptr<Counter> counter)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), counter_(std::move(counter)) {}
  const char* Name() const override { return "FaultyDisk"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    if (IOStatus s = counter_->Step("create", name); !s.ok()) return s;
    IOStatus made = FileSystemWrapper::NewWritableFile(name, options, file, debug);
    if (!made.ok()) return made;
    counter_->Created(name);
    *file = std::make_unique<Written>(std::move(*file), name, counter_);
    return made;
  }
  IOStatus NewSequentialFile(const std::string& name, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSSequentialFile>* file,
                             IODebugContext* debug) override {
    if (IOStatus s = counter_->Step("open", name); !s.ok()) return s;
    IOStatus opened = FileSystemWrapper::NewSequentialFile(name, options, file, debug);
    if (opened.ok()) *file = std::make_unique<Sequential>(std::move(*file), name, counter_);
    return opened;
  }
  IOStatus NewRandomAccessFile(const std::string& name, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                               IODebugContext* debug) override {
    if (IOStatus s = counter_->Step("open", name); !s.ok()) return s;
    IOStatus opened = FileSystemWrapper::NewRandomAccessFile(name, options, file, debug);
    if (opened.ok()) *file = std::make_unique<Random>(std::move(*file), name, counter_);
    return opened;
  }
  IOStatus NewDirectory(const std::string& name, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* folder,
                        IODebugContext* debug) override {
    if (IOStatus s = counter_->Step("open folder", name); !s.ok()) return s;
    IOStatus opened = FileSystemWrapper::NewDirectory(name, options, folder, debug);
    if (opened.ok()) *folder = std::make_unique<Folder>(std::move(*folder), name, counter_);
    return opened;
  }
  IOStatus DeleteFile(const std::string& name, const IOOptions& options,
                      IODebugContext* debug) override {
    if (IOStatus s = counter_->Step("delete", name); !s.ok()) return s;
    counter_->Deletes(name);
    return FileSystemWrapper::DeleteFile(name, options, debug);
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    if (IOStatus s = counter_->Step("rename", from); !s.ok()) return s;
    counter_->Renames(from, to);
    return FileSystemWrapper::RenameFile(from, to, options, debug);
  }
  IOStatus GetChildren(const std::string& folder, const IOOptions& options,
                       std::vector<std::string>* names, IODebugContext* debug) override {
    if (IOStatus s = counter_->Step("list", folder); !s.ok()) return s;
    return FileSystemWrapper::GetChildren(folder, options, names, debug);
  }
  IOStatus GetFileSize(const std::string& name, const IOOptions& options, std::uint64_t* size,
                       IODebugContext* debug) override {
    if (IOStatus s = counter_->Step("size", name); !s.ok()) return s;
    return FileSystemWrapper::GetFileSize(name, options, size, debug);
  }

 private:
  class Written final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    Written(std::unique_ptr<rocksdb::FSWritableFile>&& file, std::string name,
            std::shared_ptr<Counter> counter)
        : FSWritableFileOwnerWrapper(std::move(file)),
          name_(std::move(name)),
          counter_(std::move(counter)) {}
    IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
      if (IOStatus s = counter_->Step("append", name_); !s.ok()) {
        // A short write.
        const Slice half(data.data(), data.size() / 2);
        FSWritableFileOwnerWrapper::Append(half, options, debug).PermitUncheckedError();
        return s;
      }
      return FSWritableFileOwnerWrapper::Append(data, options, debug);
    }
    IOStatus Append(const Slice& data, const IOOptions& options,
                    const rocksdb::DataVerificationInfo&, IODebugContext* debug) override {
      return Append(data, options, debug);
    }
    IOStatus Sync(const IOOptions&, IODebugContext*) override {
      if (IOStatus s = counter_->Step("sync", name_); !s.ok()) return s;
      counter_->Synced(name_);
      return IOStatus::OK();
    }
    IOStatus Fsync(const IOOptions&, IODebugContext*) override {
      if (IOStatus s = counter_->Step("sync", name_); !s.ok()) return s;
      counter_->Synced(name_);
      return IOStatus::OK();
    }
    IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
      IOStatus failed = counter_->Step("close", name_);
      IOStatus closed = FSWritableFileOwnerWrapper::Close(options, debug);
      return failed.ok() ? closed : failed;
    }

   private:
    const std::string name_;
    const std::shared_ptr<Counter> counter_;
  };

  class Sequential final : public rocksdb::FSSequentialFileOwnerWrapper {
   public:
    Sequential(std::unique_ptr<rocksdb::FSSequentialFile>&& file, std::string name,
               std::shared_ptr<Counter> counter)
        : FSSequentialFileOwnerWrapper(std::move(file)),
          name_(std::move(name)),
          counter_(std::move(counter)) {}
    IOStatus Read(std::size_t size, const IOOptions& options, Slice* result, char* scratch,
                  IODebugContext* debug) override {
      if (IOStatus s = counter_->Step("read", name_); !s.ok()) return s;
      return FSSequentialFileOwnerWrapper::Read(size, options, result, scratch, debug);
    }

   private:
    const std::string name_;
    const std::shared_ptr<Counter> counter_;
  };

  class Random final : public rocksdb::FSRandomAccessFileOwnerWrapper {
   public:
    Random(std::unique_ptr<rocksdb::FSRandomAccessFile>&& file, std::string name,
           std::shared_ptr<Counter> counter)
        : FSRandomAccessFileOwnerWrapper(std::move(file)),
          name_(std::move(name)),
          counter_(std::move(counter)) {}
    IOStatus Read(std::uint64_t offset, std::size_t size, const IOOptions& options, Slice* result,
                  char* scratch, IODebugContext* debug) const override {
      if (IOStatus s = counter_->Step("read", name_); !s.ok()) return s;
      return FSRandomAccessFileOwnerWrapper::Read(offset, size, options, result, scratch, debug);
    }
    IOStatus MultiRead(rocksdb::FSReadRequest* requests, std::size_t count,
                       const IOOptions& options, IODebugContext* debug) override {
      if (IOStatus s = counter_->Step("read", name_); !s.ok()) return s;
      return FSRandomAccessFileOwnerWrapper::MultiRead(requests, count, options, debug);
    }

   private:
    const std::string name_;
    const std::shared_ptr<Counter> counter_;
  };

  class Folder final : public rocksdb::FSDirectoryWrapper {
   public:
    Folder(std::unique_ptr<rocksdb::FSDirectory>&& folder, std::string name,
           std::shared_ptr<Counter> counter)
        : FSDirectoryWrapper(std::move(folder)),
          name_(std::move(name)),
          counter_(std::move(counter)) {}
    IOStatus Fsync(const IOOptions&, IODebugContext*) override {
      if (IOStatus s = counter_->Step("sync folder", name_); !s.ok()) return s;
      counter_->FolderSynced();
      return IOStatus::OK();
    }
    IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                                 const rocksdb::DirFsyncOptions&) override {
      return Fsync(options, debug);
    }

   private:
    const std::string name_;
    const std::shared_ptr<Counter> counter_;
  };

  const std::shared_ptr<Counter> counter_;
};

FaultyDisk::FaultyDisk() : counter_(std::make_shared<Counter>()) {
  env_ = rocksdb::NewCompositeEnv(std::make_shared<FileSystem>(counter_));
}
FaultyDisk::~FaultyDisk() = default;

rocksdb::Env* FaultyDisk::env() const { return env_.get(); }
void FaultyDisk::FailAt(std::uint64_t n) { counter_->Arm(n, false); }
void FaultyDisk::LosePowerAt(std::uint64_t n) { counter_->Arm(n, true); }
void FaultyDisk::RestorePower(std::uint64_t seed) { counter_->LoseUnsynced(seed); }
std::uint64_t FaultyDisk::operations() const { return counter_->operations(); }
std::string FaultyDisk::struck() const { return counter_->struck(); }
std::map<std::string, std::uint64_t> FaultyDisk::counts() const { return counter_->counts(); }

}  // namespace yizhan::testing
