#include "tests/simulation/sim_node.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "province_nodes/store/node_store.h"
#include "tests/simulation/naming.h"
#include "tests/simulation/recording_cases.h"

namespace yizhan::simulation {
namespace {

using Kind = HistoryEvent::Kind;

constexpr absl::Duration kTick = absl::Milliseconds(250);

[[noreturn]] void Die(const std::string& what, const absl::Status& status) {
  std::fprintf(stderr, "simulation: %s: %s\n", what.c_str(), status.ToString().c_str());
  std::abort();
}

}  // namespace

SimNode::SimNode(World world, std::uint32_t province, const SimDisk* like)
    : world_(world),
      province_(province),
      random_(world.dice->Next()),
      keys_(world.lab, province),
      disk_(&world.history->faults),
      wire_({world.time, world.dice, world.lab, world.broker, world.liar, world.history}, this) {
  if (like != nullptr) disk_.CopyFrom(*like);
  Start();
}

absl::Time SimNode::Now() const {
  const absl::Time now = world_.time->now();
  return now + clock_offset_ + drift_ * (now - drift_since_);
}

void SimNode::SetDrift(double drift) {
  drift_ = drift;
  drift_since_ = world_.time->now();
}

node::NodeCoreDeps SimNode::Deps() {
  node::NodeCoreDeps deps;
  deps.store = &disk_;
  deps.directory = directory_.get();
  deps.algorithms = world_.lab->algorithms();
  deps.signer = &keys_;
  deps.unwrapper = &world_.lab->unwrapper(province_);
  deps.random = &random_;
  deps.transport = &wire_;
  deps.observer = this;
  deps.make_cases = [this](std::string prefix,
                           std::function<bool(contract::ProvinceCode)> link_open) {
    node::CaseServiceDeps cases;
    cases.province = contract::ProvinceCode(province_);
    cases.hasher = world_.lab->algorithms().hasher;
    cases.random = &random_;
    cases.policy = world_.policy;
    cases.key_prefix = std::move(prefix);
    cases.link_open = std::move(link_open);
    cases.point_designated = [](const std::string&, absl::CivilDay) { return true; };
    cases.division_known = [](absl::string_view) { return true; };
    cases.check_portrait = [](absl::string_view) { return absl::OkStatus(); };
    return std::make_unique<RecordingCases>(node::NewCaseService(std::move(cases)), &applied_);
  };
  return deps;
}

absl::Status SimNode::Load() {
  absl::StatusOr<contract::Incarnation> incarnation =
      node::OpenNodeStore(disk_, contract::ProvinceCode(province_), random_, Now());
  if (!incarnation.ok()) return incarnation.status();
  absl::StatusOr<std::unique_ptr<node::DirectoryCopy>> directory = node::DirectoryCopy::Load(
      disk_, world_.lab->algorithms(), world_.lab->genesis_digest(), Now());
  if (!directory.ok()) return directory.status();
  directory_ = *std::move(directory);

  node::NodeCoreOptions options;
  options.province = contract::ProvinceCode(province_);
  options.incarnation = *incarnation;
  options.build = "simulation";
  options.reoffer_interval = absl::Minutes(2);
  options.message_life = world_.message_life;
  absl::StatusOr<std::unique_ptr<node::NodeCore>> core =
      node::NodeCore::Create(options, Deps(), Now());
  if (!core.ok()) return core.status();
  core_ = *std::move(core);
  return absl::OkStatus();
}

bool SimNode::Start() {
  disk_.Reopen();
  applied_.clear();
  const absl::Status loaded = Load();
  ++life_;
  process_ = ++world_.history->processes;
  if (!loaded.ok()) {
    // Where its clock is far behind it finds its own directory in the future.
    const bool own_clock = absl::AbsDuration(clock_offset_) > contract::kMaxClockSkew;
    if (!disk_.broken() && !disk_.read_damaged() && !own_clock)
      Die("a node does not start", loaded);
    ++world_.history->faults["start_refused"];
    core_.reset();
    StartLater();
    return false;
  }
  // What the provincial systems still owe from before.
  std::vector<node::SystemTask> owed;
  (void)core_->Read([&](const platform::Transaction& txn, node::CaseService& cases) {
    absl::StatusOr<std::vector<node::SystemTask>> tasks = cases.PendingSystemTasks(txn);
    if (tasks.ok()) owed = *std::move(tasks);
    return tasks.status();
  });
  for (const node::SystemTask& task : owed) OnSystemTask(task);
  TickForEver(life_);
  tell_started_();
  return true;
}

void SimNode::StartLater() {
  if (ghost_) return;
  world_.time->In(world_.dice->Between(absl::Seconds(1), absl::Seconds(20)), [this, life = life_] {
    if (!up() && life == life_) Start();
  });
}

void SimNode::TickForEver(std::uint64_t life) {
  if (life != life_) return;
  if (!frozen_) {
    Post([this](node::NodeCore& core, absl::Time now) {
      keys_.Use(core.directory(), now);
      core.Tick(now);
    });
  }
  world_.time->In(kTick, [this, life] { TickForEver(life); });
}

void SimNode::Post(Event event) {
  if (core_ == nullptr) return;
  waiting_.push_back(std::move(event));
  if (group_scheduled_ || frozen_) return;
  group_scheduled_ = true;
  world_.time->In(world_.dice->Between(absl::ZeroDuration(), absl::Milliseconds(3)),
                  [this, life = life_] {
                    if (life == life_) RunGroup();
                  });
}

void SimNode::RunGroup() {
  group_scheduled_ = false;
  if (frozen_) return;
  for (const Event& event : std::exchange(waiting_, {})) event(*core_, Now());
  Finish();
}

bool SimNode::Finish() {
  const bool finished = core_->FinishGroup(Now()).ok();
  const bool damaged = disk_.read_damaged();
  if (damaged) Note(Kind::kReadDamaged, {province_, 0, "", 0}, "");
  if (finished) {
    RecordApplied();
    RecordDirectory();
    return true;
  }
  if (damaged) Note(Kind::kStopped, {province_, 0, "", 0}, "");
  if (!damaged && !disk_.broken()) Note(Kind::kDied, {province_, 0, "", 0}, "");
  if (disk_.last_write_survived()) RecordApplied();
  Crash();
  StartLater();
  return false;
}

void SimNode::Crash() {
  if (core_ == nullptr) return;
  ++life_;
  wire_.CloseSession();
  core_.reset();
  directory_.reset();
  applied_.clear();
  waiting_.clear();
  group_scheduled_ = false;
}

void SimNode::BecomeGhost() {
  ghost_ = true;
  frozen_ = true;
}

void SimNode::Thaw() {
  frozen_ = false;
  Post([](node::NodeCore& core, absl::Time now) { core.Tick(now); });
}

absl::Status SimNode::Command(const node::NodeCore::Command& command) {
  if (core_ == nullptr) return absl::UnavailableError("node is down");
  absl::Status answer = core_->Run(command, Now());
  return Finish() ? answer : absl::UnavailableError("node is down");
}

absl::Status SimNode::Query(const node::NodeCore::Query& query) {
  return core_ == nullptr ? absl::UnavailableError("node is down") : core_->Read(query);
}

v1::LogCheckpoint SimNode::LogCheckpoint() const {
  return core_ == nullptr ? v1::LogCheckpoint() : core_->log_checkpoint();
}

v1::RecoveryStatus SimNode::Recovery() const {
  return core_ == nullptr ? v1::RecoveryStatus() : core_->RecoveryStatus();
}

absl::Status SimNode::Recover(bool force) {
  if (core_ == nullptr) return absl::UnavailableError("node is down");
  absl::Status answer = core_->Recover(force, Now());
  return Finish() ? answer : absl::UnavailableError("node is down");
}

bool SimNode::Quiet() const {
  if (core_ == nullptr) return false;
  absl::StatusOr<std::vector<node::SystemTask>> owed;
  (void)core_->Read([&](const platform::Transaction& txn, node::CaseService& cases) {
    owed = cases.PendingSystemTasks(txn);
    return owed.status();
  });
  return owed.ok() && owed->empty() && core_->Statistics(Now()).outbox.empty();
}

// --- provincial systems ---

void SimNode::OnSystemTask(const node::SystemTask& task) {
  if (ghost_) return;
  world_.time->In(world_.dice->Between(absl::Milliseconds(10), absl::Seconds(3)),
                  [this, task, life = life_] {
                    if (life == life_) DoTask(task);
                  });
}

void SimNode::DoTask(const node::SystemTask& task) {
  (void)Command(
      [&](platform::Transaction& txn, node::CaseService& cases, node::CaseEffects& effects) {
        if (task.kind == node::SystemTask::Kind::kRegisterLookup) {
          // Everybody is in the register, as they say they are.
          node::RegisterRecord record;
          record.person = task.person;
          record.has_history_photo = true;
          return cases.OnRegisterAnswer(txn, task, record, effects);
        }
        v1::SystemOutcome outcome;
        outcome.set_of_sequence(task.of_sequence);
        outcome.set_of_header_digest(task.of_header_digest.str());
        outcome.set_applied(true);
        outcome.set_system("simulated");
        return cases.OnSystemOutcome(txn, task, outcome, effects);
      });
}

// --- history ---

void SimNode::RecordSession(Kind kind) {
  world_.history->events.push_back(
      {kind, {province_, 0, "", process_}, "", absl::ToUnixMicros(world_.time->now())});
}

void SimNode::Note(Kind kind, MessageName message, const std::string& digest) {
  if (ghost_) return;
  world_.history->events.push_back(
      {kind, std::move(message), Hex(digest), absl::ToUnixMicros(world_.time->now())});
}

void SimNode::OnSecurityEvent(const node::SecurityEvent& event) {
  // Whose clock is far off may find others' times strange.
  const bool own_clock = absl::AbsDuration(clock_offset_) > contract::kMaxClockSkew;
  if (ghost_ || own_clock || event.reason == v1::CLOCK_SKEW) return;
  world_.history->security.push_back(
      {province_, event.peer.value(),
       absl::StrCat(v1::ErrorReason_Name(event.reason), " ", event.what)});
}

void SimNode::OnPassage(const v1::MessageRef& ref, const v1::CaseMessage& message) {
  if (ref.destination() == province_) return;  // A = H inside the node
  switch (message.passage()) {
    case v1::PASSAGE_RECEIVED:
      return Note(Kind::kReceipted, NameOf(ref), ref.header_digest());
    case v1::PASSAGE_REFUSED:
      return Note(Kind::kRefused, NameOf(ref), ref.header_digest());
    case v1::PASSAGE_NOT_DELIVERED:
      return Note(Kind::kNoticed, NameOf(ref), ref.header_digest());
    default:
      return;
  }
}

void SimNode::RecordMade(const v1::Envelope& envelope) {
  v1::Header header;
  if (!header.ParseFromString(envelope.header())) return;
  world_.liar->Overhear(envelope);
  Note(Kind::kMade, NameOf(header), world_.lab->algorithms().hasher->Hash(envelope.header()).str());
  v1::Seal seal;
  if (ghost_ || !seal.ParseFromString(envelope.seal())) return;
  world_.history->sealed_to[header.destination()].insert(Hex(seal.recipient_key_id()));
}

void SimNode::RecordApplied() {
  for (const node::InboundMessage& message : std::exchange(applied_, {})) {
    if (message.source.value() == province_) continue;
    Note(Kind::kApplied,
         {message.source.value(), province_, Hex(message.case_handle.view()), message.sequence},
         message.header_digest.str());
  }
}

// Written down after what the group applied: that was judged by the copy before.
void SimNode::RecordDirectory() {
  if (DirectorySize() == recorded_directory_) return;
  recorded_directory_ = DirectorySize();
  Note(Kind::kNodeKnows, {province_, 0, "", recorded_directory_}, "");
}

void SimNode::TellLastKnown() {
  v1::ListMessagesRequest request;
  do {
    absl::StatusOr<v1::ListMessagesResponse> page = core_->ListMessages(request);
    if (!page.ok()) Die("messages of a node", page.status());
    for (const v1::NodeMessage& message : page->messages()) {
      if (message.source() != province_ || message.destination() == province_) continue;
      LastKnown& known = world_.history->last_known[NameOf(message)];
      switch (message.passage()) {
        case v1::PASSAGE_RECEIVED:
        case v1::PASSAGE_APPLIED:
        case v1::PASSAGE_REJECTED:
          known = LastKnown::kReceipted;
          break;
        case v1::PASSAGE_REFUSED:
          known = LastKnown::kRefused;
          break;
        case v1::PASSAGE_NOT_DELIVERED:
          known = LastKnown::kNotDelivered;
          break;
        case v1::PASSAGE_ACCEPTED:
          known = LastKnown::kAccepted;
          break;
        default:
          known = LastKnown::kWaiting;
      }
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
}

}  // namespace yizhan::simulation
