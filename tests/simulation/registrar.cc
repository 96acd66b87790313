#include "tests/simulation/registrar.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace yizhan::simulation {
namespace {

using Kind = HistoryEvent::Kind;

constexpr absl::Duration kAgain = absl::Seconds(1);

}  // namespace

void Registrar::Rekey(std::uint32_t province, Dice& dice) {
  Count("rekey");
  world_.lab->SetNow(world_.time->now());
  world_.lab->ChangeSealingKey(province, /*destroy_old=*/!keep_retired_ && dice.OneIn(2));
  Work();
}

void Registrar::ChangeSigningKey(std::uint32_t province, Dice& dice) {
  Count("signing_key");
  world_.lab->SetNow(world_.time->now());
  // Its own node has heard of it by then, or the retirement would be no honest one.
  const absl::Duration away =
      world_.history->messages_may_expire ? absl::Hours(3) : absl::Minutes(3);
  world_.lab->ChangeSigningKey(
      province, world_.time->now() + away + dice.Between(absl::ZeroDuration(), absl::Minutes(1)));
  Work();
}

void Registrar::SuspendMember(std::uint32_t province, Dice& dice) {
  if (!shut_.insert(province).second) return;
  Count("member_suspended");
  world_.lab->SetNow(world_.time->now());
  world_.lab->SetStatus(province, v1::MEMBER_SUSPENDED);
  const std::uint64_t position = world_.lab->entries().size();
  steps_[position - 1].after = [this, province, position] {
    NoteRoute(Kind::kMemberShut, province, province, position);
  };
  Work();
  world_.time->In(dice.Between(absl::Seconds(5), absl::Seconds(90)),
                  [this, province] { Readmit(province); });
}

void Registrar::Readmit(std::uint32_t province) {
  if (shut_.erase(province) == 0) return;
  world_.lab->SetNow(world_.time->now());
  world_.lab->SetStatus(province, v1::MEMBER_ACTIVE);
  const std::uint64_t position = world_.lab->entries().size();
  steps_[position - 1].before = [this, province, position] {
    NoteRoute(Kind::kRouteOpened, province, province, position);
  };
  Work();
}

// --- routes ---

void Registrar::NoteRoute(Kind kind, std::uint32_t accepting, std::uint32_t home,
                          std::uint64_t position) {
  world_.history->events.push_back(
      {kind, {accepting, home, "", position}, "", absl::ToUnixMicros(world_.time->now())});
}

void Registrar::ChangeRoute(std::uint32_t accepting, std::uint32_t home, v1::RouteState state) {
  world_.lab->SetNow(world_.time->now());
  const bool lifts = closed_.contains({accepting, home});
  closed_[{accepting, home}] = state;
  world_.lab->ChangeRoute(accepting, home, state);
  const std::uint64_t position = world_.lab->entries().size();
  // A lift counts from its first trial, a closure from when it is on disk: between
  // the two a crash may hide what the disk has.
  const auto note = [this, accepting, home, position](Kind kind) {
    return [this, kind, accepting, home, position] { NoteRoute(kind, accepting, home, position); };
  };
  Steps& steps = steps_[position - 1];
  if (lifts) {
    steps.before = note(Kind::kRouteOpened);
  } else {
    steps.after = note(state == v1::ROUTE_CUT ? Kind::kPairCut : Kind::kRouteSuspended);
  }
  Work();
}

void Registrar::CutPair(std::uint32_t a, std::uint32_t b, Dice& dice) {
  if (closed_.contains({a, b}) || closed_.contains({b, a})) return;
  Count("pair_cut");
  ChangeRoute(a, b, v1::ROUTE_CUT);
  ChangeRoute(b, a, v1::ROUTE_CUT);
  world_.time->In(dice.Between(absl::Seconds(5), absl::Seconds(120)), [this, a, b] {
    Reopen(a, b);
    Reopen(b, a);
  });
}

void Registrar::Suspend(std::uint32_t accepting, std::uint32_t home, Dice& dice) {
  if (closed_.contains({accepting, home})) return;
  Count("route_suspended");
  ChangeRoute(accepting, home, v1::ROUTE_SUSPENDED);
  world_.time->In(dice.Between(absl::Seconds(5), absl::Seconds(120)),
                  [this, accepting, home] { Reopen(accepting, home); });
}

void Registrar::Reopen(std::uint32_t accepting, std::uint32_t home) {
  const auto closed = closed_.find({accepting, home});
  if (closed == closed_.end()) return;
  if (closed->second == v1::ROUTE_CUT) ChangeRoute(accepting, home, v1::ROUTE_SUSPENDED);
  ChangeRoute(accepting, home, v1::ROUTE_OPEN);
  closed_.erase({accepting, home});
}

void Registrar::Heal() {
  const std::set<std::uint32_t> shut = shut_;
  for (const std::uint32_t province : shut) Readmit(province);
  const auto closed = closed_;
  for (const auto& [route, state] : closed) Reopen(route.first, route.second);
}

// --- the broker's log ---

bool Registrar::healed() const {
  return !working_ && world_.broker->DirectorySize() == world_.lab->entries().size();
}

bool Registrar::SomeoneKnowsMoreThan(std::uint64_t size) const {
  return std::any_of(provinces_->begin(), provinces_->end(), [&](const auto& province) {
    const SimNode& node = *province.second.node;
    return !node.up() || node.DirectorySize() > size;
  });
}

void Registrar::Work() {
  if (working_) return;
  working_ = true;
  WorkNow();
}

void Registrar::WorkNow() {
  while (world_.broker->up()) {
    const std::uint64_t size = world_.broker->DirectorySize();
    NoteAppended(size);
    if (size == world_.lab->entries().size()) {
      working_ = false;
      return;
    }
    if ((size < appended_ && SomeoneKnowsMoreThan(size)) || !AppendNext(size)) break;
  }
  world_.time->In(kAgain, [this] { WorkNow(); });
}

// The write of an entry may have survived the crash that followed it.
void Registrar::NoteAppended(std::uint64_t size) {
  for (; appended_ < size; ++appended_) steps_[appended_].after();
}

// False where the broker died of it.
bool Registrar::AppendNext(std::uint64_t at) {
  std::exchange(steps_[at].before, [] {})();
  const bool done = world_.broker->RunAlone(
      [&](broker::BrokerCore& core, broker::Moment now) -> std::function<void()> {
        const auto answer = core.AppendEntry(world_.lab->entries()[at], now);
        if (answer.ok()) return [this, at] { NoteAppended(at + 1); };
        std::fprintf(stderr, "simulation: a directory entry is refused: %s\n",
                     answer.status().ToString().c_str());
        std::abort();
      });
  return done;
}

}  // namespace yizhan::simulation
