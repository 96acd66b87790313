#include "tests/simulation/injector.h"

#include <limits>

namespace yizhan::simulation {
namespace {

constexpr absl::Duration kShortest = absl::Milliseconds(100);

}  // namespace

SimDisk& Injector::DiskOf(const Injection& injection) {
  return injection.target == kBrokerTarget ? world_.broker->disk() : NodeOf(injection).disk();
}

void Injector::Inject(const Injection& injection) {
  Dice dice(injection.dice);
  using Fault = SimDisk::WriteFault;
  const auto fail_write = [&](Fault fault) {
    DiskOf(injection).FailWrite(fault, dice.Below(4), dice.Below(1000));
  };
  switch (injection.kind) {
    case FaultKind::kBrokerCrash:
      Count("broker_crash");
      return CrashBroker(dice);
    case FaultKind::kNodeCrash:
      Count("node_crash");
      return CrashNode(injection.target, dice);
    case FaultKind::kBothCrash:
      Count("both_crash");
      CrashBroker(dice);
      return CrashNode(injection.target, dice);
    case FaultKind::kWriteLost:
      return fail_write(Fault::kLost);
    case FaultKind::kWriteKept:
      return fail_write(Fault::kKept);
    case FaultKind::kWriteTorn:
      return fail_write(Fault::kTorn);
    case FaultKind::kDiskFull:
      return FillDisk(DiskOf(injection), dice);
    case FaultKind::kDiskLow:
      return LowerDisk(dice);
    case FaultKind::kReadDamaged:
      return DiskOf(injection).FailRead(dice.Below(200));
    case FaultKind::kCut:
      Count("cut");
      return NodeOf(injection).wire().Cut();
    case FaultKind::kHalfCut:
      Count("half_cut");
      return NodeOf(injection).wire().CutUpwards(
          dice.Between(absl::Milliseconds(100), absl::Seconds(20)));
    case FaultKind::kUnreachable:
      Count("unreachable");
      NodeOf(injection).wire().SetReachable(false);
      return world_.time->In(dice.Between(absl::Seconds(5), absl::Minutes(2)),
                             [this, province = injection.target] {
                               if (away_.contains(province)) return;
                               provinces_->at(province).node->wire().SetReachable(true);
                             });
    case FaultKind::kLongOutage:
      Count("long_outage");
      away_.insert(injection.target);
      return NodeOf(injection).wire().SetReachable(false);
    case FaultKind::kSlow:
      Count("slow");
      return NodeOf(injection).wire().Slow(
          dice.Between(absl::Milliseconds(100), absl::Seconds(15)),
          world_.time->now() + dice.Between(absl::Seconds(1), absl::Seconds(60)));
    case FaultKind::kRepeat:
      Count("repeat");
      return NodeOf(injection).wire().RepeatNext(1 + static_cast<int>(dice.Below(6)));
    case FaultKind::kClockJump:
    case FaultKind::kClockFar:
    case FaultKind::kClockDrift:
      Count(Name(injection.kind));
      return Clock(injection, dice);
    case FaultKind::kTwin:
      return Twin(injection.target, dice);
    case FaultKind::kRekey:
      return registrar_.Rekey(injection.target, dice);
    case FaultKind::kSigningKey:
      return registrar_.ChangeSigningKey(injection.target, dice);
    case FaultKind::kMemberSuspended:
      return registrar_.SuspendMember(injection.target, dice);
    case FaultKind::kPairCut:
      return registrar_.CutPair(32, dice.OneIn(2) ? 34 : 51, dice);
    case FaultKind::kRouteSuspended: {
      const std::uint32_t partner = dice.OneIn(2) ? 34 : 51;
      return dice.OneIn(2) ? registrar_.Suspend(32, partner, dice)
                           : registrar_.Suspend(partner, 32, dice);
    }
    case FaultKind::kRestored:
      return lost_disks_.BackUp(injection.target, dice);
    case FaultKind::kBrokerWiped:
      lost_disks_.WipeBroker(dice);
      return registrar_.BrokerWiped();
  }
}

void Injector::CrashNode(std::uint32_t province, Dice& dice) {
  provinces_->at(province).node->Crash();
  world_.time->In(dice.Between(kShortest, absl::Seconds(40)), [this, province] {
    SimNode& node = *provinces_->at(province).node;
    if (!node.up()) node.Start();
  });
}

void Injector::CrashBroker(Dice& dice) {
  world_.broker->Crash();
  world_.time->In(dice.Between(kShortest, absl::Seconds(40)), [this] {
    if (!world_.broker->up()) world_.broker->Start();
  });
}

void Injector::FillDisk(SimDisk& disk, Dice& dice) {
  disk.SetFull(true);
  world_.time->In(dice.Between(absl::Seconds(1), absl::Seconds(60)),
                  [&disk] { disk.SetFull(false); });
}

void Injector::LowerDisk(Dice& dice) {
  Count("disk_low");
  world_.broker->SetFreeDiskBytes(1);
  world_.time->In(dice.Between(absl::Seconds(5), absl::Seconds(90)), [this] {
    world_.broker->SetFreeDiskBytes(std::numeric_limits<std::uint64_t>::max());
  });
}

// A process of the province is stopped where it stands; another one starts from
// the same disk contents; the first wakes up with its connection as it left it.
void Injector::Twin(std::uint32_t province, Dice& dice) {
  std::unique_ptr<SimNode>& place = provinces_->at(province).node;
  if (!place->up() || !place->session_open() || !world_.broker->up()) return;
  Count("twin");
  SimNode* ghost = place.get();
  ghost->BecomeGhost();
  ghosts_.push_back(std::move(place));
  place = make_node_(province, ghost->disk());
  if (away_.contains(province)) place->wire().SetReachable(false);
  const absl::Duration wakes = dice.Between(absl::Seconds(1), absl::Seconds(10));
  world_.time->In(wakes, [this, province, ghost] {
    // Fenced, and nothing else, is how it learns of the other one.
    if (!ghost->connected() || !provinces_->at(province).node->session_open()) {
      return ghost->Crash();
    }
    Count("twin_fenced");
    ghost->Thaw();
  });
  world_.time->In(wakes + dice.Between(absl::Seconds(1), absl::Seconds(40)),
                  [ghost] { ghost->Crash(); });
}

void Injector::Clock(const Injection& injection, Dice& dice) {
  if (injection.kind == FaultKind::kClockDrift) {
    NodeOf(injection).SetDrift(0.0001 * (static_cast<double>(dice.Below(400)) - 200));
    return;
  }
  const absl::Duration jump = dice.Between(-absl::Minutes(2), absl::Minutes(2));
  if (injection.kind == FaultKind::kClockJump) {
    if (injection.target == kBrokerTarget) return world_.broker->JumpClock(jump);
    return NodeOf(injection).JumpClock(jump);
  }
  const absl::Duration far = absl::Minutes(6) + absl::AbsDuration(jump) * 5;
  NodeOf(injection).JumpClock(dice.OneIn(2) ? far : -far);
  world_.time->In(dice.Between(absl::Seconds(5), absl::Seconds(60)),
                  [this, province = injection.target] {
                    provinces_->at(province).node->JumpClock(absl::ZeroDuration());
                  });
}

void Injector::Heal() {
  for (auto& ghost : ghosts_) ghost->Crash();
  away_.clear();
  registrar_.Heal();
  lost_disks_.Heal();
  world_.broker->JumpClock(absl::ZeroDuration());
  world_.broker->disk().CancelFaults();
  world_.broker->SetFreeDiskBytes(std::numeric_limits<std::uint64_t>::max());
  if (!world_.broker->up()) world_.broker->Start();
  for (auto& [code, province] : *provinces_) {
    SimNode& node = *province.node;
    node.SetDrift(0);
    node.JumpClock(absl::ZeroDuration());
    node.disk().CancelFaults();
    node.wire().Slow(absl::ZeroDuration(), absl::InfinitePast());
    node.wire().SetReachable(true);
    if (!node.up()) node.Start();
  }
}

}  // namespace yizhan::simulation
