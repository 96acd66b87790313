#include "tests/simulation/sim_node.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "province_nodes/store/node_store.h"
#include "tests/simulation/recording_cases.h"

namespace yizhan::simulation {
namespace {

[[noreturn]] void Die(const std::string& what, const absl::Status& status) {
  std::fprintf(stderr, "simulation: %s: %s\n", what.c_str(), status.ToString().c_str());
  std::abort();
}

std::string Hex(absl::string_view bytes) {
  static const char* const digits = "0123456789abcdef";
  std::string out;
  for (unsigned char c : bytes) {
    out.push_back(digits[c >> 4]);
    out.push_back(digits[c & 15]);
  }
  return out;
}

}  // namespace

SimNode::SimNode(World world, std::uint32_t province)
    : world_(world), province_(province), random_(world.dice->Next()) {
  Start();
}

void SimNode::Start() {
  store_.Reopen();
  absl::StatusOr<contract::Incarnation> incarnation =
      node::OpenNodeStore(store_, contract::ProvinceCode(province_), random_, Now());
  if (!incarnation.ok()) Die("store", incarnation.status());
  absl::StatusOr<std::unique_ptr<node::DirectoryCopy>> directory = node::DirectoryCopy::Load(
      store_, world_.lab->algorithms(), world_.lab->genesis_digest(), Now());
  if (!directory.ok()) Die("directory", directory.status());
  directory_ = *std::move(directory);

  node::NodeCoreOptions options;
  options.province = contract::ProvinceCode(province_);
  options.incarnation = *incarnation;
  options.build = "simulation";
  options.reoffer_interval = absl::Minutes(5);
  node::NodeCoreDeps deps;
  deps.store = &store_;
  deps.directory = directory_.get();
  deps.algorithms = world_.lab->algorithms();
  deps.signer = &world_.lab->signer(province_);
  deps.unwrapper = &world_.lab->unwrapper(province_);
  deps.random = &random_;
  deps.transport = this;
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
  applied_.clear();
  absl::StatusOr<std::unique_ptr<node::NodeCore>> core =
      node::NodeCore::Create(options, std::move(deps), Now());
  if (!core.ok()) Die("node core", core.status());
  core_ = *std::move(core);
  ++life_;
  // What the provincial systems still owe from before.
  std::vector<node::SystemTask> owed;
  (void)core_->Read([&](const platform::Transaction& txn, node::CaseService& cases) {
    absl::StatusOr<std::vector<node::SystemTask>> tasks = cases.PendingSystemTasks(txn);
    if (tasks.ok()) owed = *std::move(tasks);
    return tasks.status();
  });
  for (const node::SystemTask& task : owed) OnSystemTask(task);
  TickForEver(life_);
}

void SimNode::TickForEver(std::uint64_t life) {
  if (life != life_) return;
  Do([](node::NodeCore& core, absl::Time now) { core.Tick(now); });
  world_.time->In(absl::Milliseconds(250), [this, life] { TickForEver(life); });
}

bool SimNode::Do(const std::function<void(node::NodeCore&, absl::Time now)>& event) {
  if (core_ == nullptr) return false;
  const bool fault_kept = store_.next_keeps();
  event(*core_, Now());
  if (core_->FinishGroup(Now()).ok()) {
    RecordApplied();
    return true;
  }
  if (fault_kept) RecordApplied();
  Crash();
  world_.time->In(world_.dice->Between(absl::Seconds(1), absl::Seconds(20)), [this] {
    if (!up()) Start();
  });
  return false;
}

void SimNode::Crash() {
  if (core_ == nullptr) return;
  ++life_;
  CloseSession();
  core_.reset();
  directory_.reset();
  applied_.clear();
}

void SimNode::CutConnection() {
  Disconnect(absl::UnavailableError("simulated network: connection cut"));
}

void SimNode::SetReachable(bool reachable) {
  reachable_ = reachable;
  if (!reachable) CutConnection();
}

absl::Status SimNode::Command(const node::NodeCore::Command& command) {
  absl::Status answer = absl::UnavailableError("node is down");
  const bool alive =
      Do([&](node::NodeCore& core, absl::Time now) { answer = core.Run(command, now); });
  return alive ? answer : absl::UnavailableError("node is down");
}

absl::Status SimNode::Query(const node::NodeCore::Query& query) {
  return core_ == nullptr ? absl::UnavailableError("node is down") : core_->Read(query);
}

// --- connection ---

std::shared_ptr<SimNode::Connection> SimNode::Connect() {
  auto connection = std::make_shared<Connection>();
  const auto crashed = [this, connection] {
    if (!connection->alive) return;
    // The peer's death reaches us a moment later.
    world_.time->In(absl::Milliseconds(1), [this, connection] {
      if (connection == connection_) Disconnect(absl::UnavailableError("simulated broker died"));
    });
  };
  const auto deliver = [this, connection](broker::Effect effect) {
    auto shared = std::make_shared<broker::Effect>(std::move(effect));
    ToNode(connection, [this, shared, connection](node::NodeCore& core, absl::Time now) {
      if (shared->submit != nullptr) return core.OnSubmitResponse(*shared->submit, now);
      if (shared->receive != nullptr) return core.OnReceiveResponse(*shared->receive, now);
      if (connection == connection_) CloseSession();
      core.OnDisconnected(shared->close, now);
    });
  };
  connection->submit = world_.broker->OpenStream({deliver, crashed});
  connection->receive = world_.broker->OpenStream({deliver, [] {}});
  return connection;
}

void SimNode::Disconnect(const absl::Status& why) {
  if (connection_ == nullptr) return;
  CloseSession();
  Do([&](node::NodeCore& core, absl::Time now) { core.OnDisconnected(why, now); });
}

void SimNode::CloseSession() {
  std::shared_ptr<Connection> connection = std::move(connection_);
  connection_ = nullptr;
  if (connection == nullptr) return;
  connection->alive = false;
  world_.broker->CloseStream(connection->submit);
  world_.broker->CloseStream(connection->receive);
}

void SimNode::ToBroker(std::shared_ptr<Connection> connection, SimBroker::Work work) {
  const absl::Duration delay = world_.dice->Between(absl::Milliseconds(1), absl::Milliseconds(80));
  connection->to_broker = std::max(connection->to_broker, world_.time->now() + delay);
  world_.time->At(connection->to_broker, [this, connection, work = std::move(work)] {
    if (connection->alive && world_.broker->up()) world_.broker->Post(work);
  });
}

void SimNode::ToNode(std::shared_ptr<Connection> connection,
                     std::function<void(node::NodeCore&, absl::Time)> event) {
  const absl::Duration delay = world_.dice->Between(absl::Milliseconds(1), absl::Milliseconds(80));
  connection->to_node = std::max(connection->to_node, world_.time->now() + delay);
  world_.time->At(connection->to_node, [this, connection, event = std::move(event), life = life_] {
    if (connection->alive && life == life_) Do(event);
  });
}

void SimNode::OpenSession(const v1::OpenSessionRequest& request) {
  if (!reachable_ || !world_.broker->up()) {
    world_.time->In(absl::Milliseconds(50), [this, life = life_] {
      if (life != life_) return;
      Do([](node::NodeCore& core, absl::Time now) {
        core.OnDisconnected(absl::UnavailableError("simulated network: no way to the broker"), now);
      });
    });
    return;
  }
  CloseSession();
  connection_ = Connect();
  ToBroker(connection_,
           [this, request, connection = connection_](broker::BrokerCore& core, broker::Moment now) {
             auto answer = std::make_shared<absl::StatusOr<v1::OpenSessionResponse>>(
                 core.OpenSession(certificate(), request, now));
             return std::function<void()>([this, answer, connection] {
               ToNode(connection, [this, answer, connection](node::NodeCore& node, absl::Time at) {
                 if (answer->ok()) return node.OnSessionOpened(**answer, at);
                 if (connection == connection_) CloseSession();
                 node.OnDisconnected(answer->status(), at);
               });
             });
           });
}

void SimNode::SendSubmit(v1::SubmitRequest request) {
  if (connection_ == nullptr) return;
  for (const v1::SubmitItem& item : request.batch().items()) {
    if (item.has_envelope()) RecordMade(item.envelope());
  }
  ToBroker(connection_,
           [this, request, connection = connection_](broker::BrokerCore& core, broker::Moment now) {
             core.OnSubmit(connection->submit, certificate(), request, now);
             return std::function<void()>();
           });
}

void SimNode::SendReceive(v1::ReceiveRequest request) {
  if (connection_ == nullptr) return;
  ToBroker(connection_,
           [this, request, connection = connection_](broker::BrokerCore& core, broker::Moment now) {
             core.OnReceive(connection->receive, certificate(), request, now);
             return std::function<void()>();
           });
}

void SimNode::FetchDirectory(const v1::FetchEntriesRequest& request) {
  auto answer = std::make_shared<absl::StatusOr<v1::FetchEntriesResponse>>(
      absl::UnavailableError("simulated network: no connection"));
  if (connection_ == nullptr) {
    world_.time->In(absl::Milliseconds(5), [this, request, answer, life = life_] {
      if (life != life_) return;
      Do([&](node::NodeCore& core, absl::Time now) {
        core.OnDirectoryEntries(request, *answer, now);
      });
    });
    return;
  }
  ToBroker(connection_, [this, request, answer, connection = connection_](broker::BrokerCore& core,
                                                                          broker::Moment) {
    *answer = core.FetchEntries(request);
    return std::function<void()>([this, request, answer, connection] {
      ToNode(connection, [request, answer](node::NodeCore& node, absl::Time now) {
        node.OnDirectoryEntries(request, *answer, now);
      });
    });
  });
}

// --- provincial systems ---

void SimNode::OnSystemTask(const node::SystemTask& task) {
  world_.time->In(world_.dice->Between(absl::Milliseconds(10), absl::Seconds(3)),
                  [this, task, life = life_] {
                    if (life == life_) DoTask(task);
                  });
}

void SimNode::DoTask(node::SystemTask task) {
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

void SimNode::OnSecurityEvent(const node::SecurityEvent& event) {
  world_.history->security_events.push_back(
      absl::StrCat("node ", province_, ": ", v1::ErrorReason_Name(event.reason), " ", event.what));
}

void SimNode::RecordMade(const v1::Envelope& envelope) {
  v1::Header header;
  if (!header.ParseFromString(envelope.header())) return;
  world_.history->events.push_back(
      {HistoryEvent::Kind::kMade,
       {header.source(), header.destination(), Hex(header.case_handle()), header.sequence()},
       Hex(world_.lab->algorithms().hasher->Hash(envelope.header()).view()),
       absl::FormatTime(world_.time->now(), absl::UTCTimeZone())});
}

void SimNode::RecordApplied() {
  for (const node::InboundMessage& message : applied_) {
    if (message.source.value() == province_) continue;  // A = H inside the node
    world_.history->events.push_back(
        {HistoryEvent::Kind::kApplied,
         {message.source.value(), province_, Hex(message.case_handle.view()), message.sequence},
         Hex(message.header_digest.view()),
         absl::FormatTime(world_.time->now(), absl::UTCTimeZone())});
  }
  applied_.clear();
}

void SimNode::TellPassages() {
  v1::ListMessagesRequest request;
  do {
    absl::StatusOr<v1::ListMessagesResponse> page = core_->ListMessages(request);
    if (!page.ok()) Die("messages of a node", page.status());
    for (const v1::NodeMessage& message : page->messages()) {
      if (message.source() != province_ || message.destination() == province_) continue;
      HistoryEvent event{
          HistoryEvent::Kind::kReceipted,
          {message.source(), message.destination(), Hex(message.case_handle()), message.sequence()},
          Hex(message.header_digest()),
          "end"};
      switch (message.passage()) {
        case v1::PASSAGE_RECEIVED:
        case v1::PASSAGE_APPLIED:
        case v1::PASSAGE_REJECTED:
          break;
        case v1::PASSAGE_REFUSED:
          event.kind = HistoryEvent::Kind::kRefused;
          break;
        case v1::PASSAGE_NOT_DELIVERED:
          event.kind = HistoryEvent::Kind::kNoticed;
          break;
        default:
          continue;
      }
      world_.history->events.push_back(std::move(event));
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
}

}  // namespace yizhan::simulation
