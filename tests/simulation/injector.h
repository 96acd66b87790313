// Carries out what a plan injects, and heals it.
#ifndef YIZHAN_TESTS_SIMULATION_INJECTOR_H_
#define YIZHAN_TESTS_SIMULATION_INJECTOR_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "tests/simulation/plan.h"
#include "tests/simulation/sim_broker.h"
#include "tests/simulation/sim_node.h"

namespace yizhan::simulation {

// One thread. What the pointers name must outlive this object.
class Injector {
 public:
  using Provinces = std::map<std::uint32_t, Province>;
  // Makes a process of the province on a copy of the disk.
  using MakeNode = std::function<std::unique_ptr<SimNode>(std::uint32_t province, const SimDisk&)>;

  Injector(SimNode::World world, Provinces* provinces, MakeNode make_node)
      : world_(world), provinces_(provinces), make_node_(std::move(make_node)) {}

  void Inject(const Injection& injection);
  // Ends every fault that goes on, starts whoever is down, opens every route.
  void Heal();
  // Nothing is left that was to be healed later.
  bool healed() const { return pending_entries_.empty(); }

 private:
  SimNode& NodeOf(const Injection& injection) { return *provinces_->at(injection.target).node; }
  SimDisk& DiskOf(const Injection& injection);
  void Count(const char* kind) { ++world_.history->faults[kind]; }

  void CrashNode(std::uint32_t province, Dice& dice);
  void CrashBroker(Dice& dice);
  void FillDisk(SimDisk& disk, Dice& dice);
  void LowerDisk(Dice& dice);
  void Twin(std::uint32_t province, Dice& dice);
  void Clock(const Injection& injection, Dice& dice);
  void Rekey(std::uint32_t province, Dice& dice);
  void CutPair(std::uint32_t a, std::uint32_t b, Dice& dice);
  void Suspend(std::uint32_t accepting, std::uint32_t home, Dice& dice);
  void Reopen(std::uint32_t accepting, std::uint32_t home);
  void ChangeRoute(std::uint32_t accepting, std::uint32_t home, v1::RouteState state);
  // The broker appends the entry as soon as it can, after those before it.
  // `before` runs when it is tried first, `after` when it is on disk and before
  // anything leaves that rests on it.
  struct Entry {
    v1::SignedEntry entry;
    std::function<void()> before = [] {};
    std::function<void()> after = [] {};
  };
  void Append(Entry entry);
  void AppendWaiting();
  void NoteRoute(HistoryEvent::Kind kind, std::uint32_t accepting, std::uint32_t home);

  const SimNode::World world_;
  Provinces* const provinces_;
  const MakeNode make_node_;
  std::vector<std::unique_ptr<SimNode>> ghosts_;  // events may still name them
  std::deque<Entry> pending_entries_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, v1::RouteState> closed_;
  std::set<std::uint32_t> away_;  // until everything is healed
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_INJECTOR_H_
