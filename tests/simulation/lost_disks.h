// Disks that are lost: a province's is put back to a backup, the broker's is gone.
// And what their operators do about it, as README tells them.
#ifndef YIZHAN_TESTS_SIMULATION_LOST_DISKS_H_
#define YIZHAN_TESTS_SIMULATION_LOST_DISKS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "tests/simulation/residents.h"
#include "tests/simulation/sim_node.h"

namespace yizhan::simulation {

// One thread. What the pointers name must outlive this object.
class LostDisks {
 public:
  using Provinces = std::map<std::uint32_t, Province>;
  LostDisks(SimNode::World world, Provinces* provinces)
      : world_(world), provinces_(provinces), genesis_(world.lab->entries().front()) {}

  // Copies the province's disk now; later the copy takes the disk's place.
  void BackUp(std::uint32_t province, Dice& dice);
  void WipeBroker(Dice& dice);
  // The province's process runs again.
  void Started(std::uint32_t province) { Attend(province); }
  // Loses no more disks.
  void Heal() { healed_ = true; }
  // Every restored node was recovered, where it had to be.
  bool attended() const { return restored_.empty(); }
  // What residents of a restored province thought to be done may be undone.
  void WhenRestored(std::function<void(std::uint32_t province)> tell) { tell_ = std::move(tell); }
  // The logs that the broker names in the end.
  void TellEarlierLogs();

 private:
  struct Backup {
    std::uint64_t number = 0;
    std::uint64_t wipes = 0;  // of the broker, until then
    std::shared_ptr<const SimDisk::Content> content;
  };
  void Count(const char* kind) { ++world_.history->faults[kind]; }
  void Note(HistoryEvent::Kind kind, std::uint32_t province, std::uint64_t number);
  SimNode& NodeOf(std::uint32_t province) { return *provinces_->at(province).node; }
  void Restore(std::uint32_t province, const Backup& backup, absl::Duration down);
  void Attend(std::uint32_t province);
  void AttendLater(std::uint32_t province);
  void Recover(std::uint32_t province, bool force);

  const SimNode::World world_;
  Provinces* const provinces_;
  const v1::SignedEntry genesis_;
  std::function<void(std::uint32_t)> tell_;
  std::uint64_t backups_ = 0;
  std::uint64_t wipes_ = 0;
  std::set<std::uint32_t> once_;  // a province is put back once in a run
  bool healed_ = false;
  // Provinces to be looked after, with the backup that their node has.
  std::map<std::uint32_t, Backup> restored_;
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_LOST_DISKS_H_
