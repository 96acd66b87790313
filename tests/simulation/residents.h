// Residents and the officers who serve them: they hand in applications and do
// what each state of a case asks for, again and again until it is ended, whatever
// happens to the nodes meanwhile.
#ifndef YIZHAN_TESTS_SIMULATION_RESIDENTS_H_
#define YIZHAN_TESTS_SIMULATION_RESIDENTS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/history.h"
#include "tests/simulation/sim_node.h"
#include "tests/simulation/virtual_time.h"

namespace yizhan::simulation {

// A province, whichever process serves it at the time.
struct Province {
  std::unique_ptr<SimNode> node;
};

// One resident. One thread. The provinces must outlive this object.
class Resident {
 public:
  enum class Plan { kStraight, kRefused, kRetake, kRemake };
  Resident(std::uint64_t number, Province* accepting, Province* home, Plan plan);

  // Tries the next step, if there is one.
  void Act(absl::Time now);
  bool ended() const { return ended_; }
  // The province's disk was put back to a backup.
  void LookAgain(std::uint32_t province);
  CaseEnding Ending() const;

 private:
  v1::CommandContext Context(const std::string& step, absl::Time now) const;
  void Apply(absl::Time now);
  void ActAtAccepting(const v1::CaseView& view, absl::Time now);
  void ActAtHome(const v1::CaseView& view, absl::Time now);
  // What was exchanged with the other province may still come back.
  bool Recovering(const SimNode& node, const SimNode& peer) const;
  static bool GivenUp(const v1::CaseView& view);
  v1::CaseKey Key(v1::CaseRole role) const;
  // Nothing while the node is down or has no such view.
  std::optional<v1::CaseView> View(SimNode& node, v1::CaseRole role) const;
  std::string wanted() const;

  const std::uint64_t number_;
  SimNode& accepting() const { return *accepting_->node; }
  SimNode& home() const { return *home_->node; }

  Province* const accepting_;
  Province* const home_;
  const Plan plan_;
  std::string case_handle_;  // once the application is in
  absl::Time applied_;
  int applications_ = 0;
  bool ended_ = false;
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_RESIDENTS_H_
