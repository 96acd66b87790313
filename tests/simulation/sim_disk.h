// The disk below a simulated process: a store whose writes, syncs and reads fail
// as those of real disks do, and which shows after a crash what survived.
#ifndef YIZHAN_TESTS_SIMULATION_SIM_DISK_H_
#define YIZHAN_TESTS_SIMULATION_SIM_DISK_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "adapters/platform/kv/key_value_store.h"

namespace yizhan::simulation {

// A log record of one batch, with length and digest, as a write-ahead log has it.
std::string EncodeBatch(const platform::WriteBatch& batch);
// The batch, if all of its bytes survived and are right; else nothing of it.
std::optional<platform::WriteBatch> DecodeBatch(absl::string_view record);

// One thread. A write goes to the log first, then the log is synced; a fault
// strikes between the two, and Write itself decides what a crash leaves: the
// whole batch if its whole record survived, else nothing of it.
//
//  1. After a failed write every later write fails, until Reopen: a process that
//     goes on writing to a broken disk is caught.
//  2. After a damaged read everything else still works: to stop is for the process.
//  3. A full disk refuses before anything is written; it can be read.
class SimDisk final : public platform::KeyValueStore {
 public:
  enum class WriteFault {
    kLost,  // EIO on sync; the log's buffer is gone
    kKept,  // EIO on sync; the bytes are there nevertheless
    kTorn,  // the machine dies within the write: some of the bytes are there
  };
  using Counters = std::map<std::string, std::uint64_t>;

  // `faults` (by kind) must outlive this object; null: nobody counts.
  explicit SimDisk(Counters* faults) : faults_(faults) {}

  // The write after `skip` others fails. `kept` of 1000 parts survive a torn one.
  void FailWrite(WriteFault fault, std::uint64_t skip, std::uint64_t kept);
  // The read after `skip` others finds a flipped bit.
  void FailRead(std::uint64_t skip) { read_fault_ = skip; }
  void SetFull(bool full) { full_ = full; }
  bool full() const { return full_; }
  // What was planned and has not struck yet never will.
  void CancelFaults() {
    write_fault_.reset();
    read_fault_.reset();
    full_ = false;
  }

  bool broken() const { return broken_; }
  // A read of this process was damaged.
  bool read_damaged() const { return read_damaged_; }
  // Of a write that failed last: will a restart see it?
  bool last_write_survived() const { return survived_; }
  // What a new process on the same disk does first.
  void Reopen();
  // Contents alone: a backup, or a copy for another machine.
  void CopyFrom(const SimDisk& other) { content_ = std::make_shared<Content>(*other.content_); }
  void Wipe() { content_ = std::make_shared<Content>(); }
  using Content = std::map<std::string, std::string, std::less<>>;
  const Content& content() const { return *content_; }
  std::shared_ptr<const Content> Snapshot() const { return content_; }
  void Restore(const Content& backup) { content_ = std::make_shared<Content>(backup); }

  // KeyValueStore
  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const override;
  absl::Status Write(const platform::WriteBatch& batch) override;
  std::unique_ptr<platform::KvIterator> Scan(absl::string_view begin,
                                             absl::string_view end) const override;

 private:
  class Iterator;
  struct PlannedFault {
    WriteFault fault;
    std::uint64_t skip;
    std::uint64_t kept;
  };
  bool ReadIsDamaged() const;
  absl::Status FailNow(const PlannedFault& planned, const platform::WriteBatch& batch);
  void Apply(const platform::WriteBatch& batch);
  void Count(const char* kind) const {
    if (faults_ != nullptr) ++(*faults_)[kind];
  }

  Counters* const faults_;
  std::shared_ptr<Content> content_ = std::make_shared<Content>();  // copied while it is scanned
  std::optional<PlannedFault> write_fault_;
  mutable std::optional<std::uint64_t> read_fault_;
  bool broken_ = false;
  mutable bool read_damaged_ = false;
  bool full_ = false;
  bool survived_ = false;
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_SIM_DISK_H_
