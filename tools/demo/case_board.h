// The newest view of every case, as nodes tell it, for those who wait for it.
#ifndef YIZHAN_TOOLS_DEMO_CASE_BOARD_H_
#define YIZHAN_TOOLS_DEMO_CASE_BOARD_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "adapters/platform/mutex/mutex.h"
#include "yizhan/v1/case.pb.h"

namespace yizhan::tools {

// Both sides of one case, as far as they are known.
struct CaseSides {
  std::optional<v1::CaseView> accepting;
  std::optional<v1::CaseView> home;
  std::uint64_t changes = 0;  // grows with every newer view
};

// Thread-safe. A view never replaces one of a higher revision.
class CaseBoard {
 public:
  void Put(const v1::CaseView& view);
  CaseSides Get(const std::string& case_handle) const;
  // Waits until the case has more than `changes` changes, or the time is over.
  CaseSides Await(const std::string& case_handle, std::uint64_t changes, absl::Duration timeout);
  // Newer views of all cases so far.
  std::uint64_t total_changes() const;

 private:
  struct Slot {
    CaseSides sides;
    platform::CondVar changed;
  };
  Slot& SlotOf(const std::string& case_handle) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable platform::Mutex mutex_;
  // Slots are never removed, so that waiters may keep a reference.
  mutable std::map<std::string, Slot> slots_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t total_changes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_DEMO_CASE_BOARD_H_
