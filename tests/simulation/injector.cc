#include "tests/simulation/injector.h"

#include <cstdio>
#include <cstdlib>
#include <limits>

namespace yizhan::simulation {
namespace {

using Kind = HistoryEvent::Kind;

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
      return Rekey(injection.target, dice);
    case FaultKind::kPairCut:
      return CutPair(32, dice.OneIn(2) ? 34 : 51, dice);
    case FaultKind::kRouteSuspended: {
      const std::uint32_t partner = dice.OneIn(2) ? 34 : 51;
      return dice.OneIn(2) ? Suspend(32, partner, dice) : Suspend(partner, 32, dice);
    }
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

void Injector::Rekey(std::uint32_t province, Dice& dice) {
  Count("rekey");
  world_.lab->SetNow(world_.time->now());
  Append({world_.lab->ChangeSealingKey(province, /*destroy_old=*/dice.OneIn(2))});
}

// --- routes ---

void Injector::NoteRoute(Kind kind, std::uint32_t accepting, std::uint32_t home) {
  world_.history->events.push_back(
      {kind, {accepting, home, "", 0}, "", absl::ToUnixMicros(world_.time->now())});
}

void Injector::ChangeRoute(std::uint32_t accepting, std::uint32_t home, v1::RouteState state) {
  world_.lab->SetNow(world_.time->now());
  const bool lifts = closed_.contains({accepting, home});
  closed_[{accepting, home}] = state;
  Entry entry{world_.lab->ChangeRoute(accepting, home, state)};
  // A lift counts from its first trial, a closure from when it is on disk: between
  // the two a crash may hide what the disk has.
  const auto note = [this, accepting, home](Kind kind) {
    return [this, kind, accepting, home] { NoteRoute(kind, accepting, home); };
  };
  if (lifts) {
    entry.before = note(Kind::kRouteOpened);
  } else {
    entry.after = note(state == v1::ROUTE_CUT ? Kind::kPairCut : Kind::kRouteSuspended);
  }
  Append(std::move(entry));
}

void Injector::CutPair(std::uint32_t a, std::uint32_t b, Dice& dice) {
  if (closed_.contains({a, b}) || closed_.contains({b, a})) return;
  Count("pair_cut");
  ChangeRoute(a, b, v1::ROUTE_CUT);
  ChangeRoute(b, a, v1::ROUTE_CUT);
  world_.time->In(dice.Between(absl::Seconds(5), absl::Seconds(120)), [this, a, b] {
    Reopen(a, b);
    Reopen(b, a);
  });
}

void Injector::Suspend(std::uint32_t accepting, std::uint32_t home, Dice& dice) {
  if (closed_.contains({accepting, home})) return;
  Count("route_suspended");
  ChangeRoute(accepting, home, v1::ROUTE_SUSPENDED);
  world_.time->In(dice.Between(absl::Seconds(5), absl::Seconds(120)),
                  [this, accepting, home] { Reopen(accepting, home); });
}

void Injector::Reopen(std::uint32_t accepting, std::uint32_t home) {
  const auto closed = closed_.find({accepting, home});
  if (closed == closed_.end()) return;
  if (closed->second == v1::ROUTE_CUT) ChangeRoute(accepting, home, v1::ROUTE_SUSPENDED);
  ChangeRoute(accepting, home, v1::ROUTE_OPEN);
  closed_.erase({accepting, home});
}

void Injector::Append(Entry entry) {
  pending_entries_.push_back(std::move(entry));
  if (pending_entries_.size() == 1) AppendWaiting();
}

void Injector::AppendWaiting() {
  while (!pending_entries_.empty()) {
    std::exchange(pending_entries_.front().before, [] {})();
    const bool done = world_.broker->RunAlone(
        [this](broker::BrokerCore& core, broker::Moment now) -> std::function<void()> {
          const auto answer = core.AppendEntry(pending_entries_.front().entry, now);
          // There already: the write before survived the crash that followed it.
          if (answer.ok() || absl::IsAlreadyExists(answer.status())) {
            return pending_entries_.front().after;
          }
          std::fprintf(stderr, "simulation: a directory entry is refused: %s\n",
                       answer.status().ToString().c_str());
          std::abort();
        });
    if (!done) {
      world_.time->In(absl::Seconds(1), [this] { AppendWaiting(); });
      return;
    }
    pending_entries_.pop_front();
  }
}

void Injector::Heal() {
  for (auto& ghost : ghosts_) ghost->Crash();
  away_.clear();
  const auto closed = closed_;
  for (const auto& [route, state] : closed) Reopen(route.first, route.second);
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
