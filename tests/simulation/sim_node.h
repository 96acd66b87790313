// The real node core as a process of the simulation.
#ifndef YIZHAN_TESTS_SIMULATION_SIM_NODE_H_
#define YIZHAN_TESTS_SIMULATION_SIM_NODE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "province_nodes/app/node_core.h"
#include "tests/simulation/history.h"
#include "tests/simulation/node_keys.h"
#include "tests/simulation/sim_disk.h"
#include "tests/simulation/sim_wire.h"
#include "tests/simulation/virtual_time.h"
#include "tests/support/lab_directory.h"
#include "tests/support/seeded_random.h"
#include "yizhan/v1/policy.pb.h"

namespace yizhan::simulation {

// One thread. What the constructor's pointers name must outlive this object.
class SimNode final : public node::NodeObserver {
 public:
  struct World {
    VirtualTime* time;
    Dice* dice;
    testing::LabDirectory* lab;
    SimBroker* broker;
    LyingBroker* liar;
    History* history;
    const v1::Policy* policy;
    absl::Duration message_life;
  };
  // Starts with an empty disk, or with a copy of `like`.
  SimNode(World world, std::uint32_t province, const SimDisk* like = nullptr);

  std::uint32_t province() const { return province_; }
  bool up() const { return core_ != nullptr; }
  SimDisk& disk() { return disk_; }
  Wire& wire() { return wire_; }
  void Crash();
  // False where the disk refuses; then it is tried again until it starts.
  bool Start();
  void JumpClock(absl::Duration offset) { clock_offset_ = offset; }
  // Seconds gained in a second, from now on.
  void SetDrift(double drift);

  // A second process of the province has taken over its disk's contents: this one
  // is stopped as by SIGSTOP, and what it does from now on is nobody's history.
  void BecomeGhost();
  // It wakes up with its connection as it left it.
  void Thaw();
  bool session_open() const { return core_ != nullptr && core_->session().open(); }
  bool connected() const { return wire_.connected(); }
  bool KnowsDirectory() const { return DirectorySize() > 0; }
  std::uint64_t DirectorySize() const {
    return core_ == nullptr ? 0 : core_->directory().head().size();
  }
  // Nothing while it is down.
  v1::LogCheckpoint LogCheckpoint() const;
  v1::RecoveryStatus Recovery() const;
  // By the operator; UNAVAILABLE while it is down.
  absl::Status Recover(bool force);
  // Told whenever it starts again.
  void WhenStarted(std::function<void()> tell) { tell_started_ = std::move(tell); }

  // An event of the core, in a group with others that come at about the same time.
  using Event = std::function<void(node::NodeCore&, absl::Time now)>;
  void Post(Event event);
  // Runs a gateway command in a group of its own; the node's answer, or UNAVAILABLE.
  absl::Status Command(const node::NodeCore::Command& command);
  absl::Status Query(const node::NodeCore::Query& query);
  // Nothing of its own waits for an answer.
  bool Quiet() const;
  // Tells the history how far every message came.
  void TellLastKnown();
  void RecordMade(const v1::Envelope& envelope);
  std::uint64_t life() const { return life_; }
  // Also of a ghost: whether it comes back is what we want to know.
  void RecordSession(HistoryEvent::Kind kind);

  // node::NodeObserver
  void OnSystemTask(const node::SystemTask& task) override;
  void OnPassage(const v1::MessageRef& ref, const v1::CaseMessage& message) override;
  void OnSecurityEvent(const node::SecurityEvent& event) override;

 private:
  absl::Time Now() const;
  absl::Status Load();
  node::NodeCoreDeps Deps();
  void TickForEver(std::uint64_t life);
  void RunGroup();
  bool Finish();
  void StartLater();
  void RecordApplied();
  void RecordDirectory();
  void DoTask(const node::SystemTask& task);
  void Note(HistoryEvent::Kind kind, MessageName message, const std::string& digest);

  const World world_;
  const std::uint32_t province_;
  platform::SeededRandom random_;
  NodeKeys keys_;
  SimDisk disk_;
  std::unique_ptr<node::DirectoryCopy> directory_;
  std::unique_ptr<node::NodeCore> core_;
  std::vector<node::InboundMessage> applied_;  // of the open group
  std::vector<Event> waiting_;
  bool group_scheduled_ = false;
  std::uint64_t life_ = 0;     // of the process; events of a former one are void
  std::uint64_t process_ = 0;  // number among all that ever ran
  bool ghost_ = false;
  bool frozen_ = false;
  absl::Duration clock_offset_;
  double drift_ = 0;
  std::uint64_t recorded_directory_ = 0;
  std::function<void()> tell_started_ = [] {};
  absl::Time drift_since_;
  Wire wire_;
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_SIM_NODE_H_
