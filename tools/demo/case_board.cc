#include "tools/demo/case_board.h"

namespace yizhan::tools {

CaseBoard::Slot& CaseBoard::SlotOf(const std::string& case_handle) { return slots_[case_handle]; }

void CaseBoard::Put(const v1::CaseView& view) {
  const platform::MutexLock lock(&mutex_);
  Slot& slot = SlotOf(view.case_handle());
  std::optional<v1::CaseView>& side =
      view.role() == v1::CASE_ROLE_HOME ? slot.sides.home : slot.sides.accepting;
  if (side.has_value() && side->revision() >= view.revision()) return;
  side = view;
  ++slot.sides.changes;
  ++total_changes_;
  slot.changed.NotifyAll();
}

CaseSides CaseBoard::Get(const std::string& case_handle) const {
  const platform::MutexLock lock(&mutex_);
  const auto found = slots_.find(case_handle);
  return found == slots_.end() ? CaseSides() : found->second.sides;
}

CaseSides CaseBoard::Await(const std::string& case_handle, std::uint64_t changes,
                           absl::Duration timeout) {
  const platform::MutexLock lock(&mutex_);
  Slot& slot = SlotOf(case_handle);
  slot.changed.WaitFor(&mutex_, timeout, [&] { return slot.sides.changes > changes; });
  return slot.sides;
}

std::uint64_t CaseBoard::total_changes() const {
  const platform::MutexLock lock(&mutex_);
  return total_changes_;
}

}  // namespace yizhan::tools
