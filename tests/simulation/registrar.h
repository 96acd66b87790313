// Changes of the directory in mid-traffic, and the broker that takes them.
#ifndef YIZHAN_TESTS_SIMULATION_REGISTRAR_H_
#define YIZHAN_TESTS_SIMULATION_REGISTRAR_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "tests/simulation/residents.h"
#include "tests/simulation/sim_broker.h"
#include "tests/simulation/sim_node.h"

namespace yizhan::simulation {

// One thread. What the pointers name must outlive this object.
//
//  1. The broker gets the lab's entries in their order, each when it is up. One
//     that lost its disk gets them back from the nodes; what no node had seen yet
//     its signers say again.
class Registrar {
 public:
  using Provinces = std::map<std::uint32_t, Province>;
  Registrar(SimNode::World world, Provinces* provinces)
      : world_(world), provinces_(provinces), appended_(world.lab->entries().size()) {}

  // The old private half is kept or destroyed.
  void Rekey(std::uint32_t province, Dice& dice);
  // Retired private halves are kept, as who is to give back what it received needs
  // them.
  void KeepRetiredKeys() { keep_retired_ = true; }
  // The key before is retired after a while, and stays listed.
  void ChangeSigningKey(std::uint32_t province, Dice& dice);
  // Active again after a while.
  void SuspendMember(std::uint32_t province, Dice& dice);
  // Opened again after a while.
  void CutPair(std::uint32_t a, std::uint32_t b, Dice& dice);
  void Suspend(std::uint32_t accepting, std::uint32_t home, Dice& dice);
  // Opens every route, and lets every member be active.
  void Heal();
  // The broker has every entry.
  bool healed() const;
  void BrokerWiped() { Work(); }

 private:
  void Count(const char* kind) { ++world_.history->faults[kind]; }
  void ChangeRoute(std::uint32_t accepting, std::uint32_t home, v1::RouteState state);
  void Readmit(std::uint32_t province);
  void Reopen(std::uint32_t accepting, std::uint32_t home);
  void NoteRoute(HistoryEvent::Kind kind, std::uint32_t accepting, std::uint32_t home,
                 std::uint64_t position);
  // Gives the broker what it has not.
  void Work();
  void WorkNow();
  bool AppendNext(std::uint64_t at);
  void NoteAppended(std::uint64_t size);
  // A node may still bring entries back after number `size`.
  bool SomeoneKnowsMoreThan(std::uint64_t size) const;

  // What to do when an entry is tried first, and when it is on disk and nothing
  // has left yet that rests on it.
  struct Steps {
    std::function<void()> before = [] {};
    std::function<void()> after = [] {};
  };

  const SimNode::World world_;
  Provinces* const provinces_;
  std::map<std::uint64_t, Steps> steps_;  // by number of the entry
  std::uint64_t appended_;                // entries that a broker had at some time
  bool working_ = false;
  bool keep_retired_ = false;
  std::map<std::pair<std::uint32_t, std::uint32_t>, v1::RouteState> closed_;
  std::set<std::uint32_t> shut_;
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_REGISTRAR_H_
