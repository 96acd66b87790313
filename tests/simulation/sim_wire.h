// A node's connection to the broker: its streams keep their order each, and
// overtake one another; frames are slow, come twice, and are lost when the
// connection is cut, in one direction first or in both at once.
#ifndef YIZHAN_TESTS_SIMULATION_SIM_WIRE_H_
#define YIZHAN_TESTS_SIMULATION_SIM_WIRE_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "province_nodes/app/node_core.h"
#include "tests/simulation/history.h"
#include "tests/simulation/lying_broker.h"
#include "tests/simulation/sim_broker.h"
#include "tests/simulation/virtual_time.h"
#include "tests/support/lab_directory.h"

namespace yizhan::simulation {

class SimNode;

// One thread. What the pointers name must outlive this object.
class Wire final : public node::Transport {
 public:
  struct World {
    VirtualTime* time;
    Dice* dice;
    testing::LabDirectory* lab;
    SimBroker* broker;
    LyingBroker* liar;
    History* history;
  };
  Wire(World world, SimNode* node) : world_(world), node_(node) {}

  bool connected() const { return connection_ != nullptr; }
  // Everything in flight is lost, both ways, and both sides learn of it.
  void Cut();
  // What goes up is lost from now on; what comes down still arrives, until the
  // node notices after `notice`.
  void CutUpwards(absl::Duration notice);
  // Refuses new connections until healed.
  void SetReachable(bool reachable);
  // Every frame takes that much longer, until then.
  void Slow(absl::Duration by, absl::Time until);
  // The next frames arrive twice.
  void RepeatNext(int frames) { repeat_next_ = frames; }

  // node::Transport
  void OpenSession(const v1::OpenSessionRequest& request) override;
  void SendSubmit(v1::SubmitRequest request) override;
  void SendReceive(v1::ReceiveRequest request) override;
  void CloseSession() override;
  void FetchDirectory(const v1::FetchEntriesRequest& request) override;
  void AppendEntry(const v1::AppendEntryRequest& request) override;

 private:
  enum Channel : std::size_t { kSubmit, kReceive, kCall };
  struct Direction {
    std::array<absl::Time, 3> last;  // arrival of the latest frame, by channel
  };
  // Void once `alive` is false.
  struct Connection {
    bool alive = true;
    bool deaf_above = false;
    broker::StreamId submit;
    broker::StreamId receive;
    Direction up;
    Direction down;
  };
  using Event = std::function<void(node::NodeCore&, absl::Time)>;
  using Shared = std::shared_ptr<Connection>;

  contract::CertificateFingerprint certificate() const;
  absl::Time Arrival(Direction& direction, Channel channel);
  bool TakesTwice();
  void Up(const Shared& connection, Channel channel, const SimBroker::Work& work);
  void Down(const Shared& connection, Channel channel, const Event& event);
  void DownEffect(const Shared& connection, Channel channel, broker::Effect effect);
  // Done by the broker; what it gives is done at the node.
  using CallWork = std::function<std::function<void()>(broker::BrokerCore&, broker::Moment)>;
  void Call(const CallWork& work, const std::function<void(const absl::Status&)>& lost);
  Shared Connect();
  void Disconnect(const absl::Status& why);

  const World world_;
  SimNode* const node_;
  Shared connection_;
  Direction calls_up_;
  Direction calls_down_;
  bool reachable_ = true;
  absl::Duration slow_by_;
  absl::Time slow_until_ = absl::InfinitePast();
  int repeat_next_ = 0;
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_SIM_WIRE_H_
