// The real broker core as a process of the simulation: it works in groups, it
// can crash between and within them, and it comes back with what its disk has.
#ifndef YIZHAN_TESTS_SIMULATION_SIM_BROKER_H_
#define YIZHAN_TESTS_SIMULATION_SIM_BROKER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/service/broker_core.h"
#include "tests/simulation/history.h"
#include "tests/simulation/sim_disk.h"
#include "tests/simulation/virtual_time.h"
#include "tests/support/lab_directory.h"
#include "tests/support/seeded_random.h"

namespace yizhan::simulation {

// One thread. What the constructor's pointers name must outlive this object.
class SimBroker {
 public:
  SimBroker(VirtualTime* time, Dice* dice, testing::LabDirectory* lab, History* history);

  bool up() const { return core_ != nullptr; }
  SimDisk& disk() { return disk_; }
  // Loses everything that was not written, closes every stream.
  void Crash();
  // False where the disk refuses; then it is tried again until it starts.
  bool Start();
  void JumpClock(absl::Duration offset) { clock_offset_ = offset; }
  // What an operator sees of the disk's free space.
  void SetFreeDiskBytes(std::uint64_t bytes);
  // The directory that a broker with an empty disk begins with.
  void SetGenesis(std::vector<v1::SignedEntry> genesis) { genesis_ = std::move(genesis); }

  std::uint64_t DirectorySize() const {
    return core_ == nullptr ? 0 : core_->directory().head().size();
  }
  // Checkpoints of logs that earlier disks had; nothing while it is down.
  std::vector<v1::LogCheckpoint> EarlierLogs() const;

  // Work to be done with the next group; dropped by a crash. `after` runs when
  // the group is on disk.
  using Work = std::function<std::function<void()>(broker::BrokerCore&, broker::Moment)>;
  void Post(Work work);
  // Work in a group of its own, now. False if it is down, or dies of it.
  bool RunAlone(const Work& work);

  // Where the effects of a stream go, until it closes or the broker crashes.
  struct Sink {
    std::uint32_t province;  // whose it is
    std::function<void(broker::Effect)> deliver;
    std::function<void()> crashed;
  };
  broker::StreamId OpenStream(Sink sink);
  void CloseStream(broker::StreamId stream);

 private:
  broker::Moment Now() const { return {time_->now() + clock_offset_, time_->elapsed()}; }
  void RunGroup();
  void Finish(std::vector<std::function<void()>> after);
  void RecordDirectory();
  void Record(const broker::Effect& effect, std::uint32_t province);
  void RecordSecurity(const std::string& text);
  // For as long as this life of the process lasts.
  void TickForEver(std::uint64_t life);
  void StartLater();

  VirtualTime* const time_;
  Dice* const dice_;
  testing::LabDirectory* const lab_;
  History* const history_;
  std::vector<v1::SignedEntry> genesis_;
  platform::SeededRandom random_;
  SimDisk disk_;
  std::unique_ptr<broker::BrokerCore> core_;
  std::vector<Work> waiting_;
  bool group_scheduled_ = false;
  std::uint64_t life_ = 0;  // of the process; events of a former one are void
  std::uint64_t next_stream_ = 1;
  std::uint64_t recorded_directory_ = 0;
  std::map<broker::StreamId, Sink> sinks_;
  absl::Duration clock_offset_;
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_SIM_BROKER_H_
