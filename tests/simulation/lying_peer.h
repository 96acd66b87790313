// A member of the network that lies, with its own keys and everything that it can
// overhear, in the middle of the others' traffic.
#ifndef YIZHAN_TESTS_SIMULATION_LYING_PEER_H_
#define YIZHAN_TESTS_SIMULATION_LYING_PEER_H_

#include <cstdint>
#include <string>

#include "broker/service/broker_core.h"
#include "protos/contract/seal.h"
#include "tests/simulation/history.h"
#include "tests/simulation/lying_broker.h"
#include "tests/simulation/sim_broker.h"
#include "tests/simulation/virtual_time.h"
#include "tests/support/lab_directory.h"
#include "tests/support/seeded_random.h"

namespace yizhan::simulation {

// One thread. What the pointers name must outlive this object.
class LyingPeer {
 public:
  struct World {
    VirtualTime* time;
    testing::LabDirectory* lab;
    SimBroker* broker;
    const LyingBroker* ears;  // for what is overheard
    History* history;
  };
  LyingPeer(World world, std::uint32_t province, std::uint64_t seed);

  // Lies every few seconds until then.
  void LieUntil(absl::Time end);

 private:
  // A message as this peer would make it; `changed` may spoil the header first.
  struct Draft {
    v1::Header header;
    std::string body_change;  // appended to the sealed body after its digest was taken
    std::string unopenable;   // takes the place of the sealed body, with its digest
    const contract::Signer* signer = nullptr;
  };
  Draft NewDraft();
  v1::Envelope Make(const Draft& draft);

  void Act(absl::Time end);
  void OpenSession();
  void Tell(v1::SubmitItem item);
  void TellReceipt(v1::ControlRecord record);
  void Count(const char* kind) { ++world_.history->faults[kind]; }
  v1::ControlRecord Sign(const v1::Control& control) const;
  v1::Control NewControl() const;

  void LieInEnvelope();
  void LieInRecord();
  void UseForeignSession();
  void Flood();
  void Hear(const broker::Effect& effect);
  // Gives a restored node back what that never sent.
  void LieInRecovery();
  void TellControl(const v1::Control& control);

  const World world_;
  const std::uint32_t province_;
  Dice dice_;
  platform::SeededRandom random_;
  contract::Sealer sealer_;
  bool streams_open_ = false;
  broker::StreamId submit_;
  broker::StreamId receive_;
  v1::Control recovery_request_;  // the latest that it was asked
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_LYING_PEER_H_
