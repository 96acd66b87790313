#include "province_nodes/linktest/node_link_tester.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "protos/contract/signing.h"

namespace yizhan::node {
namespace {

using contract::ProvinceCode;
using contract::RunId;

constexpr absl::Duration kOwnWindow = absl::Hours(2);
constexpr absl::Duration kAskAgain = absl::Seconds(5);
constexpr std::size_t kMaxRemembered = 4096;

bool GoesOn(const v1::LinkRun& run) {
  return run.state() == v1::RUN_OPEN || run.state() == v1::RUN_SIGNING;
}

}  // namespace

NodeLinkTester::NodeLinkTester(LinkTestDeps deps) : deps_(std::move(deps)) {
  asking_ = std::thread([this] { AskForRuns(); });
}

NodeLinkTester::~NodeLinkTester() {
  Stop();
  platform::MutexLock lock(&mutex_);
  // Ended all of them: their threads need no lock any more.
  for (auto& [id, one] : active_) one->thread.join();
  active_.clear();
}

void NodeLinkTester::Stop() {
  {
    platform::MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.NotifyAll();
    for (auto& [id, one] : active_) one->driver->Stop();
  }
  if (asking_.joinable()) asking_.join();
  platform::MutexLock lock(&mutex_);
  for (auto& [id, one] : active_) {
    while (!one->ended) changed_.Wait(&mutex_);
  }
}

absl::StatusOr<v1::SignedArming> NodeLinkTester::SignArming(ProvinceCode peer,
                                                            absl::Duration window,
                                                            const v1::Officer& engineer) const {
  if (window < absl::Minutes(1) || window > absl::Hours(24)) {
    return contract::MakeError(v1::REQUEST_MALFORMED, v1::SIDE_MINE,
                               absl::StrCat("the window ", absl::FormatDuration(window),
                                            " is not within 1 minute to 24 hours"),
                               "name a window such as 2h");
  }
  const absl::Time now = deps_.clock->Now();
  v1::ArmingStatement statement;
  statement.set_province(deps_.province.value());
  statement.set_peer(peer.value());
  statement.set_from_unix_us(absl::ToUnixMicros(now));
  statement.set_until_unix_us(absl::ToUnixMicros(now + window));
  statement.set_random(deps_.make_random()->Bytes(16));
  *statement.mutable_engineer() = engineer;
  v1::SignedArming arming;
  arming.set_statement(statement.SerializeAsString());
  const absl::string_view parts[] = {arming.statement()};
  absl::StatusOr<v1::Signature> signature =
      contract::SignOne(*deps_.signer, *deps_.algorithms.hasher, contract::kLinkArmType, parts);
  if (!signature.ok()) return signature.status();
  *arming.mutable_signature() = *std::move(signature);
  return arming;
}

absl::StatusOr<absl::Time> NodeLinkTester::ArmLink(ProvinceCode peer, absl::Duration window,
                                                   const v1::Officer& engineer) {
  absl::StatusOr<v1::SignedArming> arming = SignArming(peer, window, engineer);
  if (!arming.ok()) return arming.status();
  v1::ArmRequest request;
  *request.mutable_arming() = *std::move(arming);
  absl::StatusOr<v1::ArmResponse> armed = deps_.service->Arm(request);
  if (!armed.ok()) return armed.status();
  return absl::FromUnixMicros(armed->until_unix_us());
}

absl::Status NodeLinkTester::TestLink(ProvinceCode peer, bool fast, const v1::Officer& engineer,
                                      const Progress& progress) {
  absl::StatusOr<v1::SignedArming> consent = SignArming(peer, kOwnWindow, engineer);
  if (!consent.ok()) return consent.status();
  v1::StartRunRequest request;
  request.set_peer(peer.value());
  request.set_fast(fast);
  *request.mutable_consent() = *std::move(consent);
  request.set_build(deps_.build);
  absl::StatusOr<v1::StartRunResponse> started = deps_.service->StartRun(request);
  if (!started.ok()) return started.status();
  std::shared_ptr<Active> active;
  {
    platform::MutexLock lock(&mutex_);
    active = Launch(started->run());
  }
  if (active == nullptr) {
    return contract::MakeError(v1::LINK_RUN_CONFLICT, v1::SIDE_MINE,
                               "this node has too many connectivity tests at once, or is stopping",
                               "wait until some have ended");
  }
  return Follow(active, progress);
}

absl::Status NodeLinkTester::Follow(const std::shared_ptr<Active>& active,
                                    const Progress& progress) {
  std::uint64_t shown = 0;
  while (true) {
    v1::LinkRun run;
    bool ended = false;
    absl::Status end;
    {
      platform::MutexLock lock(&mutex_);
      while (active->changes == shown && !active->ended) changed_.Wait(&mutex_);
      shown = active->changes;
      run = active->latest;
      ended = active->ended;
      end = active->end;
    }
    if (!progress(run)) return absl::CancelledError("the caller has left; the run goes on");
    if (ended) return end;
  }
}

std::shared_ptr<NodeLinkTester::Active> NodeLinkTester::Launch(const v1::LinkRun& run) {
  Reap();
  const std::optional<RunId> id = RunId::From(run.run_id());
  if (!id || stopping_) return nullptr;
  if (const auto found = active_.find(*id); found != active_.end()) return found->second;
  if (done_.contains(*id) || active_.size() >= kMaxRuns) return nullptr;
  auto active = std::make_shared<Active>();
  active->latest = run;
  active->driver = std::make_unique<LinkRunDriver>(
      deps_, run, [this, raw = active.get()](const v1::LinkRun& changed) {
        platform::MutexLock lock(&mutex_);
        raw->latest = changed;
        ++raw->changes;
        changed_.NotifyAll();
      });
  active_[*id] = active;
  active->thread = std::thread([this, active] {
    const absl::Status end = active->driver->Drive();
    platform::MutexLock lock(&mutex_);
    active->end = end;
    active->ended = true;
    changed_.NotifyAll();
  });
  return active;
}

void NodeLinkTester::Reap() {
  for (auto it = active_.begin(); it != active_.end();) {
    if (!it->second->ended) {
      ++it;
      continue;
    }
    // Its thread has only to return: it needs no lock any more.
    it->second->thread.join();
    if (done_.size() >= kMaxRemembered) done_.clear();
    done_.insert(it->first);
    it = active_.erase(it);
  }
}

void NodeLinkTester::OnRuns(const std::vector<v1::LinkRun>& runs) {
  platform::MutexLock lock(&mutex_);
  for (const v1::LinkRun& run : runs) {
    const std::optional<RunId> id = RunId::From(run.run_id());
    if (!id) continue;
    if (const auto found = active_.find(*id); found != active_.end()) {
      found->second->driver->Tell(run);
    } else if (GoesOn(run) && Launch(run) == nullptr && !done_.contains(*id)) {
      deps_.log(absl::StrCat("connectivity test ", id->hex(),
                             " is not taken up: too many at once, or the node is stopping"));
    }
  }
}

void NodeLinkTester::OnConnected() {
  platform::MutexLock lock(&mutex_);
  ask_ = true;
  changed_.NotifyAll();
}

void NodeLinkTester::AskForRuns() {
  while (true) {
    {
      platform::MutexLock lock(&mutex_);
      while (!ask_ && !stopping_) changed_.Wait(&mutex_);
      if (stopping_) return;
      ask_ = false;
    }
    absl::StatusOr<v1::ListRunsResponse> open = deps_.service->ListRuns(v1::ListRunsRequest());
    if (open.ok()) {
      OnRuns(std::vector<v1::LinkRun>(open->runs().begin(), open->runs().end()));
      continue;
    }
    platform::MutexLock lock(&mutex_);
    if (!stopping_) changed_.WaitFor(&mutex_, kAskAgain);
    ask_ = true;
  }
}

}  // namespace yizhan::node
