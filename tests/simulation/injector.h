// Carries out what a plan injects, and heals it.
#ifndef YIZHAN_TESTS_SIMULATION_INJECTOR_H_
#define YIZHAN_TESTS_SIMULATION_INJECTOR_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "tests/simulation/lost_disks.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/registrar.h"
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
      : world_(world),
        provinces_(provinces),
        make_node_(std::move(make_node)),
        registrar_(world, provinces),
        lost_disks_(world, provinces) {}

  void Inject(const Injection& injection);
  // Ends every fault that goes on, starts whoever is down, opens every route.
  void Heal();
  // Nothing is left that was to be healed later.
  bool healed() const { return registrar_.healed() && lost_disks_.attended(); }
  LostDisks& lost_disks() { return lost_disks_; }
  Registrar& registrar() { return registrar_; }

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

  const SimNode::World world_;
  Provinces* const provinces_;
  const MakeNode make_node_;
  std::vector<std::unique_ptr<SimNode>> ghosts_;  // events may still name them
  Registrar registrar_;
  LostDisks lost_disks_;
  std::set<std::uint32_t> away_;  // until everything is healed
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_INJECTOR_H_
