// What a seed will do to the network, written down before it happens, so that a
// story can be told, shortened and repeated.
#ifndef YIZHAN_TESTS_SIMULATION_PLAN_H_
#define YIZHAN_TESTS_SIMULATION_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/simulation/residents.h"

namespace yizhan::simulation {

inline constexpr std::uint32_t kBrokerTarget = 0;
// The province that lies in some seeds.
inline constexpr std::uint32_t kLiar = 44;

enum class FaultKind {
  kBrokerCrash,
  kNodeCrash,
  kBothCrash,
  kWriteLost,
  kWriteKept,
  kWriteTorn,
  kDiskFull,
  kDiskLow,  // of the broker: it delivers, but takes nothing new
  kReadDamaged,
  kCut,
  kHalfCut,
  kUnreachable,
  kSlow,
  kRepeat,
  kClockJump,
  kClockFar,  // further than the broker accepts
  kClockDrift,
  kTwin,
  kRekey,
  kSigningKey,  // another one, the one before is retired
  kMemberSuspended,
  kPairCut,
  kRouteSuspended,
  kRestored,     // a backup of the disk as of now takes its place later
  kBrokerWiped,  // the whole disk
  kLongOutage,   // longer than a message lives
};
inline constexpr int kFaultKinds = static_cast<int>(FaultKind::kLongOutage) + 1;
const char* Name(FaultKind kind);
// Every kind that a long run must have counted: the injected ones, and those that
// disk, network and liars count when they strike.
std::vector<std::string> EveryCountedKind();

struct Injection {
  std::uint64_t number = 0;  // in the plan; stays when others are left out
  FaultKind kind = FaultKind::kCut;
  absl::Duration at;
  std::uint32_t target = kBrokerTarget;  // province
  std::uint64_t dice = 0;                // for its details
};

struct ResidentPlan {
  std::uint64_t number = 0;
  absl::Duration at;
  std::uint32_t accepting = 0;
  std::uint32_t home = 0;
  Resident::Plan plan = Resident::Plan::kStraight;
};

// One run. A seed has a few kinds of faults and not all, so that each meets a
// network that otherwise works, too.
struct Plan {
  std::uint64_t seed = 0;
  absl::Duration trouble;
  std::vector<Injection> injections;
  std::vector<ResidentPlan> residents;
  bool lying_peer = false;
  std::uint64_t broker_lies_one_in = 0;  // frames; 0: it is honest
  absl::Duration message_life;
  // Nothing happens to the broker, nor to 51 and 61, whose pair is judged by time.
  bool calm_pair = false;
};

Plan MakePlan(std::uint64_t seed);

// One line each, for people.
std::string Describe(const Injection& injection);
std::string Describe(const ResidentPlan& resident);

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_PLAN_H_
