// The real node core as a process of the simulation, with its connection to the
// broker: ordered streams that are slow, and that are cut with everything in
// them lost.
#ifndef YIZHAN_TESTS_SIMULATION_SIM_NODE_H_
#define YIZHAN_TESTS_SIMULATION_SIM_NODE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "province_nodes/app/node_core.h"
#include "tests/simulation/faulty_store.h"
#include "tests/simulation/history.h"
#include "tests/simulation/sim_broker.h"
#include "tests/simulation/virtual_time.h"
#include "tests/support/lab_directory.h"
#include "tests/support/seeded_random.h"
#include "yizhan/v1/policy.pb.h"

namespace yizhan::simulation {

// One thread. What the constructor's pointers name must outlive this object.
class SimNode final : public node::Transport, public node::NodeObserver {
 public:
  struct World {
    VirtualTime* time;
    Dice* dice;
    testing::LabDirectory* lab;
    SimBroker* broker;
    History* history;
    const v1::Policy* policy;
  };
  SimNode(World world, std::uint32_t province);

  std::uint32_t province() const { return province_; }
  bool up() const { return core_ != nullptr; }
  FaultyStore& store() { return store_; }
  void Crash();
  void Start();
  // Everything in flight is lost, both ways.
  void CutConnection();
  // Refuses new connections until healed.
  void SetReachable(bool reachable);
  void JumpClock(absl::Duration offset) { clock_offset_ = offset; }

  // An event of the core in a group of its own. False if the node is down or
  // dies of it.
  bool Do(const std::function<void(node::NodeCore&, absl::Time now)>& event);
  // Runs a gateway command; the node's answer, or UNAVAILABLE.
  absl::Status Command(const node::NodeCore::Command& command);
  absl::Status Query(const node::NodeCore::Query& query);
  // Tells the history how far every message came.
  void TellPassages();

  // node::Transport
  void OpenSession(const v1::OpenSessionRequest& request) override;
  void SendSubmit(v1::SubmitRequest request) override;
  void SendReceive(v1::ReceiveRequest request) override;
  void CloseSession() override;
  void FetchDirectory(const v1::FetchEntriesRequest& request) override;
  // node::NodeObserver
  void OnSystemTask(const node::SystemTask& task) override;
  void OnSecurityEvent(const node::SecurityEvent& event) override;

 private:
  // One connection; void once `alive` is false.
  struct Connection {
    bool alive = true;
    broker::StreamId submit;
    broker::StreamId receive;
    absl::Time to_broker;  // streams keep their order: nothing overtakes
    absl::Time to_node;
  };

  absl::Time Now() const { return world_.time->now() + clock_offset_; }
  contract::CertificateFingerprint certificate() const {
    return world_.lab->certificate(province_);
  }
  void TickForEver(std::uint64_t life);
  void ToBroker(std::shared_ptr<Connection> connection, SimBroker::Work work);
  void ToNode(std::shared_ptr<Connection> connection,
              std::function<void(node::NodeCore&, absl::Time)> event);
  void Disconnect(const absl::Status& why);
  std::shared_ptr<Connection> Connect();
  void RecordMade(const v1::Envelope& envelope);
  void RecordApplied();
  void DoTask(node::SystemTask task);

  const World world_;
  const std::uint32_t province_;
  platform::SeededRandom random_;
  FaultyStore store_;
  std::unique_ptr<node::DirectoryCopy> directory_;
  std::unique_ptr<node::NodeCore> core_;
  std::vector<node::InboundMessage> applied_;  // of the open group
  std::shared_ptr<Connection> connection_;
  std::uint64_t life_ = 0;
  bool reachable_ = true;
  absl::Duration clock_offset_;
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_SIM_NODE_H_
