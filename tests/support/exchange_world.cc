#include "tests/support/exchange_world.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "province_nodes/store/node_store.h"
#include "province_nodes/store/proto_io.h"
#include "province_nodes/store/store.pb.h"

namespace yizhan::testing {
namespace {

constexpr int kMaxRounds = 500;  // before a test is declared to run in a circle
constexpr int kMaxStarts = 4;    // of a process whose store fails, one after the other

[[noreturn]] void Die(absl::string_view what) {
  std::fprintf(stderr, "exchange world: %s\n", std::string(what).c_str());
  std::abort();
}

v1::Payload PayloadOf(v1::MessageKind kind) {
  v1::Payload payload;
  payload.set_format_version(1);
  payload.mutable_officer()->set_number("010203");
  payload.mutable_officer()->set_unit("test");
  switch (kind) {
    case v1::ELIGIBILITY_QUERY:
      payload.mutable_eligibility_query();
      break;
    case v1::ELIGIBILITY_ANSWER:
      payload.mutable_eligibility_answer()->set_matches(true);
      break;
    case v1::ACCEPTANCE:
      payload.mutable_acceptance();
      break;
    case v1::PRODUCTION_FEEDBACK:
      payload.mutable_production_feedback()->set_made(true);
      break;
    default:
      Die(absl::StrCat("no payload for kind ", kind));
  }
  return payload;
}

}  // namespace

ExchangeWorld::ExchangeWorld(const std::vector<std::uint32_t>& provinces, bool open_routes,
                             StoreMaker make_store)
    : lab(provinces, absl::FromUnixSeconds(1'772'413'200)),
      make_store_(std::move(make_store)),
      now_{absl::FromUnixSeconds(1'772'413'200), absl::Hours(1)} {
  for (std::size_t i = 0; open_routes && i < provinces.size(); ++i) {
    for (std::size_t j = i + 1; j < provinces.size(); ++j) {
      lab.OpenRoutes(provinces[i], provinces[j]);
    }
  }
  genesis_ = lab.entries();
  OpenBroker();
  for (const std::uint32_t province : provinces) {
    nodes_[province] = std::make_unique<WorldNode>(this, province);
  }
  Advance(absl::Seconds(1));
}

contract::CaseHandle ExchangeWorld::Handle(char name) {
  return *contract::CaseHandle::From(std::string(contract::CaseHandle::kSize, name));
}

absl::StatusOr<std::unique_ptr<platform::KeyValueStore>> ExchangeWorld::MakeStore(
    const std::string& name) {
  if (make_store_ != nullptr) return make_store_(name);
  return std::make_unique<platform::MemoryStore>();
}

absl::Status ExchangeWorld::TryToOpenBroker() {
  if (broker_store_ == nullptr) {
    auto store = MakeStore("broker");
    if (!store.ok()) return store.status();
    broker_store_ = *std::move(store);
  }
  broker::BrokerCore::Options options;
  options.store = broker_store_.get();
  options.algorithms = lab.algorithms();
  options.signer = &lab.broker_signer();
  options.random = &random;
  options.genesis = genesis_;
  options.genesis_digest = lab.genesis_digest();
  options.build = "test";
  auto opened = broker::BrokerCore::Create(std::move(options), now_);
  if (!opened.ok()) return opened.status();
  broker = *std::move(opened);
  return absl::OkStatus();
}

void ExchangeWorld::OpenBroker() {
  absl::Status opened = TryToOpenBroker();
  for (int start = 1; !opened.ok(); ++start) {
    if (make_store_ == nullptr || start == kMaxStarts) Die(opened.ToString());
    ++storage_failures;
    broker_store_.reset();
    opened = TryToOpenBroker();
  }
}

void ExchangeWorld::RestartBroker() {
  broker.reset();
  to_broker_.clear();
  after_commit_.clear();
  if (make_store_ != nullptr) broker_store_.reset();
  for (auto& [province, node] : nodes_) node->Disconnect();
  OpenBroker();
}

void ExchangeWorld::BrokerGoesAway() {
  broker.reset();
  to_broker_.clear();
  for (auto& [province, node] : nodes_) node->Disconnect();
  Settle();
}

void ExchangeWorld::BrokerComesBack() { OpenBroker(); }

void ExchangeWorld::BrokerLosesEverything() {
  BrokerGoesAway();
  broker_store_.reset();
  OpenBroker();
}

void ExchangeWorld::Append(const v1::SignedEntry& entry) {
  const auto appended = broker->AppendEntry(entry, now_);
  if (!appended.ok()) Die(appended.status().ToString());
  Settle();
}

bool ExchangeWorld::BrokerGroup() {
  if (broker == nullptr) {
    to_broker_.clear();
    return false;
  }
  const bool worked = !to_broker_.empty();
  for (const auto& event : std::exchange(to_broker_, {})) event();
  if (absl::Status committed = broker->Commit(now_); !committed.ok()) {
    if (make_store_ == nullptr) Die(committed.ToString());
    ++storage_failures;
    RestartBroker();
    return true;
  }
  for (const auto& event : std::exchange(after_commit_, {})) event();
  Distribute();
  return worked;
}

void ExchangeWorld::Distribute() {
  for (broker::Effect& effect : broker->TakeEffects()) {
    for (auto& [province, node] : nodes_) {
      const bool submit = node->submit_ == effect.stream;
      if (!submit && node->receive_ != effect.stream) continue;
      if (effect.submit != nullptr) {
        auto& way = node->hold_submit_answers ? node->held_answers_ : node->events_;
        way.push_back([response = *effect.submit, this](node::NodeCore& core) {
          core.OnSubmitResponse(response, now_.wall);
        });
      } else if (effect.receive != nullptr) {
        if (node->on_response && !node->on_response(*effect.receive)) continue;
        node->Deliver([response = *effect.receive, this](node::NodeCore& core) {
          core.OnReceiveResponse(response, now_.wall);
        });
      } else {
        node->submit_ = node->receive_ = broker::StreamId();
        node->Deliver([why = effect.close, this](node::NodeCore& core) {
          core.OnDisconnected(why, now_.wall);
        });
      }
    }
  }
}

void ExchangeWorld::Settle() {
  for (int round = 0; round < kMaxRounds; ++round) {
    bool worked = false;
    for (auto& [province, node] : nodes_) worked |= node->RunGroup();
    worked |= BrokerGroup();
    for (auto& [province, node] : nodes_) worked |= !node->events_.empty();
    if (!worked && to_broker_.empty()) return;
  }
  Die("the world does not come to rest");
}

void ExchangeWorld::Advance(absl::Duration by) {
  const absl::Duration step = std::max(by / 20, absl::Milliseconds(50));
  for (absl::Duration done; done < by; done += step) {
    now_.wall += step;
    now_.monotonic += step;
    if (broker != nullptr) broker->Tick(now_);
    for (auto& [province, node] : nodes_) {
      node->Deliver([this](node::NodeCore& core) { core.Tick(now_.wall); });
    }
    Settle();
  }
}

WorldNode::WorldNode(ExchangeWorld* world, std::uint32_t province)
    : unwrapper(&world->lab.unwrapper(province)), world_(world), province_(province) {
  Start();
}

absl::Status WorldNode::TryToStart() {
  const contract::ProvinceCode province(province_);
  if (store_ == nullptr) {
    auto made = world_->MakeStore(absl::StrCat("node-", province_));
    if (!made.ok()) return made.status();
    store_ = *std::move(made);
  }
  auto incarnation = node::OpenNodeStore(*store_, province, world_->random, world_->now());
  if (!incarnation.ok()) return incarnation.status();
  auto directory = node::DirectoryCopy::Load(*store_, world_->lab.algorithms(),
                                             world_->lab.genesis_digest(), world_->now());
  if (!directory.ok()) return directory.status();
  directory_ = *std::move(directory);
  options.province = province;
  options.incarnation = *incarnation;
  options.build = "test";
  node::NodeCoreDeps deps;
  deps.store = store_.get();
  deps.directory = directory_.get();
  deps.algorithms = world_->lab.algorithms();
  deps.signer = &world_->lab.signer(province_);
  deps.unwrapper = unwrapper;
  deps.random = &world_->random;
  deps.transport = this;
  deps.observer = this;
  deps.make_cases = [province](std::string prefix, auto) {
    return std::make_unique<ScribeCases>(province, std::move(prefix));
  };
  auto made = node::NodeCore::Create(options, deps, world_->now());
  if (!made.ok()) return made.status();
  core = *std::move(made);
  return absl::OkStatus();
}

void WorldNode::Start() {
  absl::Status started = TryToStart();
  for (int start = 1; !started.ok(); ++start) {
    if (world_->make_store_ == nullptr || start == kMaxStarts) Die(started.ToString());
    ++world_->storage_failures;
    directory_.reset();
    store_.reset();
    started = TryToStart();
  }
}

void WorldNode::Disconnect() {
  CloseSession();
  Deliver([this](node::NodeCore& node) {
    node.OnDisconnected(absl::UnavailableError("the line is down"), world_->now());
  });
}

void WorldNode::ReleaseSubmitAnswers() {
  hold_submit_answers = false;
  for (auto& answer : std::exchange(held_answers_, {})) events_.push_back(std::move(answer));
}

bool WorldNode::RunGroup() {
  const bool worked = !events_.empty();
  for (const auto& event : std::exchange(events_, {})) event(*core);
  if (absl::Status done = core->FinishGroup(world_->now()); !done.ok()) {
    if (world_->make_store_ == nullptr) Die(done.ToString());
    ++world_->storage_failures;
    Crash();
    return true;
  }
  return worked;
}

void WorldNode::Send(std::uint32_t to, v1::MessageKind kind, char case_name,
                     const std::string& acceptance_number) {
  const absl::Status sent_ok = core->Run(
      [&](platform::Transaction&, node::CaseService&, node::CaseEffects& effects) {
        node::OutgoingMessage message;
        message.destination = contract::ProvinceCode(to);
        message.kind = kind;
        message.case_handle = ExchangeWorld::Handle(case_name);
        message.payload = PayloadOf(kind);
        message.payload.set_acceptance_number(acceptance_number);
        effects.messages.push_back(std::move(message));
        return absl::OkStatus();
      },
      world_->now());
  // A store that fails here stops the node at the end of the group.
  if (!sent_ok.ok() && world_->make_store_ == nullptr) Die(sent_ok.ToString());
}

std::vector<std::string> WorldNode::Applied(char case_name) {
  std::vector<std::string> applied;
  const std::string prefix = absl::StrCat("b/c/applied/", ExchangeWorld::Handle(case_name).str());
  auto it = store().Scan(prefix, platform::PrefixEnd(prefix));
  for (; it->Valid(); it->Next()) applied.emplace_back(it->value());
  return applied;
}

v1::CaseMessage WorldNode::MessageOf(char case_name, std::uint64_t sequence) {
  v1::CaseMessage message;
  const auto bytes =
      store().Get(absl::StrCat("b/c/passage/", ExchangeWorld::Handle(case_name).str(), sequence));
  if (bytes.ok() && bytes->has_value()) message.ParseFromString(**bytes);
  return message;
}

void WorldNode::OpenSession(const v1::OpenSessionRequest& request) {
  if (world_->broker == nullptr) {
    return Deliver([this](node::NodeCore& node) {
      node.OnDisconnected(absl::UnavailableError("nobody answers"), world_->now());
    });
  }
  world_->to_broker_.push_back([this, request] {
    auto opened =
        world_->broker->OpenSession(world_->lab.certificate(province_), request, world_->now_);
    world_->after_commit_.push_back([this, opened] {
      Deliver([this, opened](node::NodeCore& node) {
        if (opened.ok()) return node.OnSessionOpened(*opened, world_->now());
        node.OnDisconnected(opened.status(), world_->now());
      });
    });
  });
}

void WorldNode::SendSubmit(v1::SubmitRequest request) {
  if (request.has_hello()) submit_ = broker::StreamId(world_->next_stream_++);
  v1::SubmitRequest out;
  if (!request.has_batch()) out = request;
  for (v1::SubmitItem& item : *request.mutable_batch()->mutable_items()) {
    std::vector<v1::SubmitItem> items = {std::move(item)};
    if (on_submit) items = on_submit(std::move(items[0]));
    for (v1::SubmitItem& each : items) {
      if (each.has_envelope()) sent.push_back(each.envelope());
      if (each.has_control()) tombstones.push_back(each.control());
      *out.mutable_batch()->add_items() = std::move(each);
    }
  }
  if (out.has_batch() && out.batch().items().empty()) return;
  world_->to_broker_.push_back([this, stream = submit_, out = std::move(out)] {
    world_->broker->OnSubmit(stream, world_->lab.certificate(province_), out, world_->now_);
  });
}

void WorldNode::SendReceive(v1::ReceiveRequest request) {
  if (request.has_hello()) receive_ = broker::StreamId(world_->next_stream_++);
  if (on_receive && !on_receive(request)) return;
  for (const v1::ControlRecord& receipt : request.receipts()) receipts.push_back(receipt);
  world_->to_broker_.push_back([this, stream = receive_, request = std::move(request)] {
    world_->broker->OnReceive(stream, world_->lab.certificate(province_), request, world_->now_);
  });
}

void WorldNode::CloseSession() {
  if (world_->broker != nullptr && submit_ != broker::StreamId()) {
    world_->broker->StreamClosed(submit_);
    world_->broker->StreamClosed(receive_);
  }
  submit_ = receive_ = broker::StreamId();
  events_.clear();
}

void WorldNode::FetchDirectory(const v1::FetchEntriesRequest& request) {
  absl::StatusOr<v1::FetchEntriesResponse> fetched = absl::UnavailableError("nobody answers");
  if (world_->broker != nullptr) fetched = world_->broker->FetchEntries(request);
  Deliver([this, request, fetched](node::NodeCore& node) {
    node.OnDirectoryEntries(request, fetched, world_->now());
  });
}

void WorldNode::AppendEntry(const v1::AppendEntryRequest& request) {
  if (world_->broker == nullptr) {
    return Deliver([this](node::NodeCore& node) {
      node.OnEntryAppended(absl::UnavailableError("nobody answers"), world_->now());
    });
  }
  world_->to_broker_.push_back([this, request] {
    const absl::Status appended =
        world_->broker->AppendEntry(request.entry(), world_->now_).status();
    world_->after_commit_.push_back([this, appended] {
      Deliver([this, appended](node::NodeCore& node) {
        node.OnEntryAppended(appended, world_->now());
      });
    });
  });
}

}  // namespace yizhan::testing
