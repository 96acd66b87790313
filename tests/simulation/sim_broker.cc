#include "tests/simulation/sim_broker.h"

#include <cstdio>
#include <cstdlib>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/simulation/naming.h"

namespace yizhan::simulation {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(500);

}  // namespace

SimBroker::SimBroker(VirtualTime* time, Dice* dice, testing::LabDirectory* lab, History* history)
    : time_(time),
      dice_(dice),
      lab_(lab),
      history_(history),
      genesis_(lab->entries()),
      random_(dice->Next()),
      disk_(&history->faults) {
  Start();
}

bool SimBroker::Start() {
  disk_.Reopen();
  broker::BrokerCore::Options options;
  options.store = &disk_;
  options.algorithms = lab_->algorithms();
  options.signer = &lab_->broker_signer();
  options.random = &random_;
  options.limits.disk_reserve_bytes = 1 << 20;
  // Two leases of a recipient that works are never over within its silence.
  options.limits.lease = absl::Seconds(20);
  options.genesis = genesis_;
  options.genesis_digest = lab_->genesis_digest();
  options.build = "simulation";
  absl::StatusOr<std::unique_ptr<broker::BrokerCore>> core =
      broker::BrokerCore::Create(std::move(options), Now());
  ++life_;
  if (!core.ok()) {
    if (!disk_.broken() && !disk_.read_damaged()) {
      std::fprintf(stderr, "simulated broker does not start: %s\n",
                   core.status().ToString().c_str());
      std::abort();
    }
    ++history_->faults["start_refused"];
    StartLater();
    return false;
  }
  core_ = *std::move(core);
  TickForEver(life_);
  return true;
}

void SimBroker::StartLater() {
  time_->In(dice_->Between(absl::Seconds(1), absl::Seconds(20)), [this, life = life_] {
    if (!up() && life == life_) Start();
  });
}

void SimBroker::SetFreeDiskBytes(std::uint64_t bytes) {
  if (core_ != nullptr) core_->SetFreeDiskBytes(bytes);
}

void SimBroker::TickForEver(std::uint64_t life) {
  if (life != life_) return;
  Post([](broker::BrokerCore& core, broker::Moment now) {
    core.Tick(now);
    return std::function<void()>();
  });
  time_->In(kTick, [this, life] { TickForEver(life); });
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
  Finish(std::move(after));
}

bool SimBroker::RunAlone(const Work& work) {
  if (core_ == nullptr) return false;
  std::vector<std::function<void()>> after;
  if (auto done = work(*core_, Now())) after.push_back(std::move(done));
  Finish(std::move(after));
  return up();
}

void SimBroker::Finish(std::vector<std::function<void()>> after) {
  const bool finished = core_->Commit(Now()).ok();
  const bool damaged = disk_.read_damaged();
  const std::int64_t now_us = absl::ToUnixMicros(time_->now());
  if (damaged) history_->events.push_back({HistoryEvent::Kind::kReadDamaged, {}, "", now_us});
  if (!finished) {
    if (damaged) history_->events.push_back({HistoryEvent::Kind::kStopped, {}, "", now_us});
    if (!damaged && !disk_.broken()) {
      history_->events.push_back({HistoryEvent::Kind::kDied, {}, "", now_us});
    }
    Crash();
    StartLater();
    return;
  }
  RecordDirectory();
  for (auto& done : after) done();
  for (broker::Effect& effect : core_->TakeEffects()) {
    auto sink = sinks_.find(effect.stream);
    Record(effect, sink == sinks_.end() ? 0 : sink->second.province);
    if (sink != sinks_.end()) sink->second.deliver(std::move(effect));
  }
  for (const broker::LogLine& line : core_->TakeLogLines()) {
    if (line.level == broker::LogLine::Level::kSecurity) RecordSecurity(line.text);
  }
}

std::vector<v1::LogCheckpoint> SimBroker::EarlierLogs() const {
  if (core_ == nullptr) return {};
  const v1::CountMessagesResponse counts = core_->CountMessages();
  return {counts.earlier_logs().begin(), counts.earlier_logs().end()};
}

void SimBroker::RecordDirectory() {
  if (DirectorySize() == recorded_directory_) return;
  recorded_directory_ = DirectorySize();
  history_->events.push_back({HistoryEvent::Kind::kBrokerKnows,
                              {0, 0, "", recorded_directory_},
                              "",
                              absl::ToUnixMicros(time_->now())});
}

void SimBroker::Record(const broker::Effect& effect, std::uint32_t province) {
  if (effect.submit != nullptr) {
    for (const v1::SubmitResult& result : effect.submit->results()) {
      v1::Control control;
      if (!result.has_receipt() || !control.ParseFromString(result.receipt().record())) continue;
      if (!control.has_acceptance()) continue;
      const v1::MessageRef& message = control.acceptance().message();
      history_->events.push_back({HistoryEvent::Kind::kStored, NameOf(message),
                                  Hex(message.header_digest()), control.issued_unix_us()});
    }
  }
  if (effect.receive == nullptr) return;
  for (const v1::Delivery& delivery : effect.receive->deliveries()) {
    v1::Header header;
    if (!header.ParseFromString(delivery.envelope().header())) continue;
    const bool mistaken = province != 0 && header.destination() != province;
    history_->events.push_back(
        {mistaken ? HistoryEvent::Kind::kMisdelivered : HistoryEvent::Kind::kHandedOut,
         NameOf(header), "", absl::ToUnixMicros(time_->now())});
  }
}

void SimBroker::RecordSecurity(const std::string& text) {
  SecurityReport report;
  for (const std::uint32_t province : history_->liars) {
    if (absl::StrContains(text, absl::StrCat("province ", province))) report.accused = province;
  }
  report.text = "broker: " + text;
  history_->security.push_back(std::move(report));
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
