#include "tests/simulation/lost_disks.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "tests/simulation/naming.h"

namespace yizhan::simulation {
namespace {

using Kind = HistoryEvent::Kind;

// An operator looks at a restored node that often.
constexpr absl::Duration kLooks = absl::Seconds(3);

}  // namespace

void LostDisks::Note(Kind kind, std::uint32_t province, std::uint64_t number) {
  world_.history->events.push_back(
      {kind, {province, 0, "", number}, "", absl::ToUnixMicros(world_.time->now())});
}

void LostDisks::BackUp(std::uint32_t province, Dice& dice) {
  const Backup backup{++backups_, wipes_, NodeOf(province).disk().Snapshot()};
  Note(Kind::kBackedUp, province, backup.number);
  const absl::Duration age = dice.Between(absl::Seconds(2), absl::Seconds(150));
  const absl::Duration down = dice.Between(absl::Milliseconds(100), absl::Seconds(40));
  world_.time->In(age, [this, province, backup, down] { Restore(province, backup, down); });
}

void LostDisks::Restore(std::uint32_t province, const Backup& backup, absl::Duration down) {
  if (healed_ || !once_.insert(province).second) return;
  Count("restored");
  SimNode& node = NodeOf(province);
  node.Crash();
  node.disk().Restore(*backup.content);
  Note(Kind::kRestored, province, backup.number);
  world_.history->seen_of_lost_log.erase(province);
  restored_[province] = backup;
  tell_(province);
  world_.time->In(down, [this, province] {
    if (!NodeOf(province).up()) NodeOf(province).Start();
  });
}

void LostDisks::AttendLater(std::uint32_t province) {
  world_.time->In(kLooks, [this, province] { Attend(province); });
}

// Where the broker has lost its disk since the backup, nobody can notice that the
// store is behind. Its operator knows.
void LostDisks::Attend(std::uint32_t province) {
  const auto backup = restored_.find(province);
  if (backup == restored_.end()) return;
  SimNode& node = NodeOf(province);
  if (!node.up()) return AttendLater(province);
  const bool unnoticed = backup->second.wipes != wipes_;
  if (unnoticed || node.Recovery().restored()) return Recover(province, unnoticed);
  // Its session is open: nobody had seen more of it than it has.
  if (node.session_open()) {
    restored_.erase(backup);
    return;
  }
  AttendLater(province);
}

void LostDisks::Recover(std::uint32_t province, bool force) {
  SimNode& node = NodeOf(province);
  const absl::Status begun = node.Recover(force);
  if (begun.ok()) {
    Count(force ? "recovered_by_force" : "recovered");
    restored_.erase(province);
    return;
  }
  if (!absl::IsUnavailable(begun)) {
    std::fprintf(stderr, "simulation: a recovery is refused: %s\n", begun.ToString().c_str());
    std::abort();
  }
  AttendLater(province);
}

void LostDisks::WipeBroker(Dice& dice) {
  Count("broker_wiped");
  ++wipes_;
  world_.history->seen_of_lost_log.clear();
  for (auto& [code, province] : *provinces_) {
    const v1::LogCheckpoint seen = province.node->LogCheckpoint();
    if (seen.log_id().empty()) continue;
    world_.history->seen_of_lost_log[code] = {Hex(seen.log_id()), seen.size()};
  }
  world_.broker->Crash();
  world_.broker->disk().Wipe();
  // Its operator has the file with which the network began, and no more.
  world_.broker->SetGenesis({genesis_});
  Note(Kind::kBrokerWiped, 0, 0);
  const std::map<std::uint32_t, Backup> unattended = restored_;
  for (const auto& [province, backup] : unattended) {
    if (NodeOf(province).up()) Attend(province);
  }
  world_.time->In(dice.Between(absl::Milliseconds(100), absl::Seconds(40)), [this] {
    if (!world_.broker->up()) world_.broker->Start();
  });
}

void LostDisks::TellEarlierLogs() {
  for (const v1::LogCheckpoint& log : world_.broker->EarlierLogs()) {
    world_.history->earlier_logs[Hex(log.log_id())] = log.size();
  }
}

}  // namespace yizhan::simulation
