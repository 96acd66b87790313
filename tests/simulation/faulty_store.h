// A store whose writes fail as disks do: with the data gone, or with the data
// kept although the writer was told of an error.
#ifndef YIZHAN_TESTS_SIMULATION_FAULTY_STORE_H_
#define YIZHAN_TESTS_SIMULATION_FAULTY_STORE_H_

#include <memory>
#include <optional>
#include <string>

#include "adapters/platform/kv/memory_store.h"

namespace yizhan::simulation {

// One thread. After a failed write every later one fails too, until Reopen: a
// process that goes on writing to a broken disk is caught.
class FaultyStore final : public platform::KeyValueStore {
 public:
  enum class Fault { kNone, kLost, kKept };

  void FailNextWrite(Fault fault) { next_ = fault; }
  bool broken() const { return broken_; }
  // The next write fails, and what it writes stays.
  bool next_keeps() const { return next_ == Fault::kKept; }
  void Reopen() {
    broken_ = false;
    next_ = Fault::kNone;
  }

  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const override {
    return disk_.Get(key);
  }
  absl::Status Write(const platform::WriteBatch& batch) override {
    if (broken_) return absl::DataLossError("simulated disk: write after a failed write");
    if (next_ == Fault::kNone) return disk_.Write(batch);
    broken_ = true;
    if (next_ == Fault::kKept) {
      if (absl::Status status = disk_.Write(batch); !status.ok()) return status;
    }
    return absl::DataLossError("simulated disk: EIO on sync");
  }
  std::unique_ptr<platform::KvIterator> Scan(absl::string_view begin,
                                             absl::string_view end) const override {
    return disk_.Scan(begin, end);
  }

 private:
  platform::MemoryStore disk_;
  Fault next_ = Fault::kNone;
  bool broken_ = false;
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_FAULTY_STORE_H_
