// The real broker core as a process of the simulation: it works in groups, it
// can crash between and within them, and it comes back with what its disk has.
#ifndef YIZHAN_TESTS_SIMULATION_SIM_BROKER_H_
#define YIZHAN_TESTS_SIMULATION_SIM_BROKER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/service/broker_core.h"
#include "tests/simulation/faulty_store.h"
#include "tests/simulation/history.h"
#include "tests/simulation/virtual_time.h"
#include "tests/support/lab_directory.h"
#include "tests/support/seeded_random.h"

namespace yizhan::simulation {

// One thread. What the constructor's pointers name must outlive this object.
class SimBroker {
 public:
  SimBroker(VirtualTime* time, Dice* dice, testing::LabDirectory* lab, History* history);

  bool up() const { return core_ != nullptr; }
  FaultyStore& store() { return store_; }
  // Loses everything that was not written, closes every stream.
  void Crash();
  void Start();

  // Work to be done with the next group; dropped by a crash. `after` runs when
  // the group is on disk.
  using Work = std::function<std::function<void()>(broker::BrokerCore&, broker::Moment)>;
  void Post(Work work);

  // Where the effects of a stream go, until it closes or the broker crashes.
  struct Sink {
    std::function<void(broker::Effect)> deliver;
    std::function<void()> crashed;
  };
  broker::StreamId OpenStream(Sink sink);
  void CloseStream(broker::StreamId stream);

 private:
  broker::Moment Now() const { return {time_->now(), time_->elapsed()}; }
  void RunGroup();
  // For as long as this life of the process lasts.
  void TickForEver(std::uint64_t life);

  VirtualTime* const time_;
  Dice* const dice_;
  testing::LabDirectory* const lab_;
  History* const history_;
  platform::SeededRandom random_;
  FaultyStore store_;
  std::unique_ptr<broker::BrokerCore> core_;
  std::vector<Work> waiting_;
  bool group_scheduled_ = false;
  std::uint64_t life_ = 0;  // of the process; events of a former one are void
  std::uint64_t next_stream_ = 1;
  std::map<broker::StreamId, Sink> sinks_;
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_SIM_BROKER_H_
