// A disk under a RocksStore that fails when a test says so.
#ifndef YIZHAN_TESTS_SUPPORT_DISK_FAULTY_DISK_H_
#define YIZHAN_TESTS_SUPPORT_DISK_FAULTY_DISK_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace rocksdb {
class Env;
}

namespace yizhan::testing {

// For one store at a time. What is synced is
// remembered here and not written through: the power fails in here alone.
// Thread-safe; must outlive its stores.
class FaultyDisk {
 public:
  FaultyDisk();
  ~FaultyDisk();

  rocksdb::Env* env() const;

  // The n-th operation from now on (1: the next one) fails with an I/O error,
  // and only it. Of an append, half of the bytes are written.
  void FailAt(std::uint64_t n);
  // The n-th operation and all later ones fail, until RestorePower.
  void LosePowerAt(std::uint64_t n);
  // After LosePowerAt, with every store closed: what was never synced is lost,
  // as `seed` has it: bytes at the end of each file, and the latest of what
  // happened to the folder (new, deleted and renamed files).
  void RestorePower(std::uint64_t seed);

  std::uint64_t operations() const;
  // "sync of 000004.log", once the fault has struck; empty before.
  std::string struck() const;
  // Operations so far by kind: append, sync, create, rename, read, ...
  std::map<std::string, std::uint64_t> counts() const;

 private:
  class Counter;
  class FileSystem;
  const std::shared_ptr<Counter> counter_;
  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace yizhan::testing

#endif  // YIZHAN_TESTS_SUPPORT_DISK_FAULTY_DISK_H_
