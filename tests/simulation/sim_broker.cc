#include "tests/simulation/sim_broker.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace yizhan::simulation {

SimBroker::SimBroker(VirtualTime* time, Dice* dice, testing::LabDirectory* lab, History* history)
    : time_(time), dice_(dice), lab_(lab), history_(history), random_(dice->Next()) {
  Start();
}

void SimBroker::Start() {
  store_.Reopen();
  broker::BrokerCore::Options options;
  options.store = &store_;
  options.algorithms = lab_->algorithms();
  options.signer = &lab_->broker_signer();
  options.random = &random_;
  options.limits.disk_reserve_bytes = 0;
  options.genesis = lab_->entries();
  options.genesis_digest = lab_->genesis_digest();
  options.build = "simulation";
  absl::StatusOr<std::unique_ptr<broker::BrokerCore>> core =
      broker::BrokerCore::Create(std::move(options), Now());
  if (!core.ok()) {
    std::fprintf(stderr, "simulated broker does not start: %s\n", core.status().ToString().c_str());
    std::abort();
  }
  core_ = *std::move(core);
  ++life_;
  TickForEver(life_);
}

void SimBroker::TickForEver(std::uint64_t life) {
  if (life != life_) return;
  Post([](broker::BrokerCore& core, broker::Moment now) {
    core.Tick(now);
    return std::function<void()>();
  });
  time_->In(absl::Milliseconds(500), [this, life] { TickForEver(life); });
}

void SimBroker::Crash() {
  core_.reset();
  ++life_;
  waiting_.clear();
  group_scheduled_ = false;
  std::map<broker::StreamId, Sink> sinks = std::move(sinks_);
  sinks_.clear();
  for (auto& [stream, sink] : sinks) sink.crashed();
}

void SimBroker::Post(Work work) {
  if (core_ == nullptr) return;
  waiting_.push_back(std::move(work));
  if (group_scheduled_) return;
  group_scheduled_ = true;
  time_->In(dice_->Between(absl::Microseconds(200), absl::Milliseconds(5)), [this, life = life_] {
    if (life == life_) RunGroup();
  });
}

void SimBroker::RunGroup() {
  group_scheduled_ = false;
  std::vector<Work> group = std::move(waiting_);
  waiting_.clear();
  std::vector<std::function<void()>> after;
  for (Work& work : group) {
    if (auto done = work(*core_, Now())) after.push_back(std::move(done));
  }
  if (!core_->Commit(Now()).ok()) {
    Crash();
    time_->In(dice_->Between(absl::Seconds(1), absl::Seconds(20)), [this] {
      if (!up()) Start();
    });
    return;
  }
  for (auto& done : after) done();
  for (broker::Effect& effect : core_->TakeEffects()) {
    auto sink = sinks_.find(effect.stream);
    if (sink != sinks_.end()) sink->second.deliver(std::move(effect));
  }
  for (const broker::LogLine& line : core_->TakeLogLines()) {
    if (line.level == broker::LogLine::Level::kSecurity) {
      history_->security_events.push_back("broker: " + line.text);
    }
  }
}

broker::StreamId SimBroker::OpenStream(Sink sink) {
  const broker::StreamId stream(next_stream_++);
  sinks_.emplace(stream, std::move(sink));
  return stream;
}

void SimBroker::CloseStream(broker::StreamId stream) {
  if (sinks_.erase(stream) == 0) return;
  Post([stream](broker::BrokerCore& core, broker::Moment) {
    core.StreamClosed(stream);
    return std::function<void()>();
  });
}

}  // namespace yizhan::simulation
