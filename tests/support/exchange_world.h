// Real node cores and a real broker core, coupled in memory, in one thread: a
// small language for what happens between provinces.
#ifndef YIZHAN_TESTS_SUPPORT_EXCHANGE_WORLD_H_
#define YIZHAN_TESTS_SUPPORT_EXCHANGE_WORLD_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/platform/kv/memory_store.h"
#include "broker/service/broker_core.h"
#include "province_nodes/app/node_core.h"
#include "tests/support/lab_directory.h"
#include "tests/support/seeded_random.h"

namespace yizhan::testing {

// A case service that writes down what it hears, within the transaction.
//  - An ELIGIBILITY_QUERY is answered with an ELIGIBILITY_ANSWER.
//  - A message whose acceptance number is "refuse" is refused CASE_RULE_VIOLATED,
//    after it has changed the transaction.
class ScribeCases : public node::CaseService {
 public:
  ScribeCases(contract::ProvinceCode province, std::string prefix)
      : province_(province), prefix_(std::move(prefix)) {}

  absl::Status OnMessage(platform::Transaction& txn, const node::InboundMessage& message,
                         node::CaseEffects& effects) override;
  absl::Status OnPassage(platform::Transaction& txn, const contract::CaseHandle& handle,
                         const v1::CaseMessage& message, node::CaseEffects& effects) override;

  // "own REVIEW_DECISION" and the like, among what was applied.
  absl::Status OnReturned(platform::Transaction& txn, const node::OutgoingMessage& message,
                          node::CaseEffects&) override;

  absl::Status OnRegisterAnswer(platform::Transaction&, const node::SystemTask&,
                                const std::optional<node::RegisterRecord>&,
                                node::CaseEffects&) override;
  absl::Status OnSystemOutcome(platform::Transaction&, const node::SystemTask&,
                               const v1::SystemOutcome&, node::CaseEffects&) override;
  absl::StatusOr<std::vector<node::SystemTask>> PendingSystemTasks(
      const platform::Transaction&) override;
  using Txn = platform::Transaction;
  using Effects = node::CaseEffects;
  using Caller = node::Caller;
  using View = absl::StatusOr<v1::CaseView>;
  View Apply(Txn&, const Caller&, const v1::ApplyRequest&, Effects&) override;
  View RecordReview(Txn&, const Caller&, const v1::RecordReviewRequest&, Effects&) override;
  View RecordQualityFeedback(Txn&, const Caller&, const v1::RecordQualityFeedbackRequest&,
                             Effects&) override;
  View RecordRetake(Txn&, const Caller&, const v1::RecordRetakeRequest&, Effects&) override;
  View RecordProduction(Txn&, const Caller&, const v1::RecordProductionRequest&, Effects&) override;
  View RecordReady(Txn&, const Caller&, const v1::RecordReadyRequest&, Effects&) override;
  View RecordHandOver(Txn&, const Caller&, const v1::RecordHandOverRequest&, Effects&) override;
  View RecordInformed(Txn&, const Caller&, const v1::RecordInformedRequest&, Effects&) override;
  View RecordRefunded(Txn&, const Caller&, const v1::RecordRefundedRequest&, Effects&) override;
  View RecordSystemOutcome(Txn&, const Caller&, const v1::RecordSystemOutcomeRequest&,
                           Effects&) override;
  View GetCase(const Txn&, const Caller&, const v1::GetCaseRequest&) override;
  absl::StatusOr<v1::ListCasesResponse> ListCases(const Txn&, const Caller&,
                                                  const v1::ListCasesRequest&) override;
  absl::StatusOr<v1::ListWorkResponse> ListWork(const Txn&, const Caller&,
                                                const v1::ListWorkRequest&) override;
  absl::StatusOr<std::vector<v1::CaseView>> ChangesAfter(const Txn&, const Caller&, std::uint64_t,
                                                         std::size_t) override;
  absl::StatusOr<Statistics> Collect(const Txn&, absl::Time) override;

 private:
  const contract::ProvinceCode province_;
  const std::string prefix_;
};

class ExchangeWorld;

// Opens the store of a process ("broker", "node-32"), again after each failure;
// the earlier one is closed by then.
using StoreMaker =
    std::function<absl::StatusOr<std::unique_ptr<platform::KeyValueStore>>(const std::string&)>;

// One node: its store survives a crash, its core does not. Frames on their way
// may be changed or dropped (an empty vector, false).
class WorldNode final : public node::Transport, public node::NodeObserver {
 public:
  WorldNode(ExchangeWorld* world, std::uint32_t province);

  // --- what tests say ---
  // A message of a case; the handle is made of its name.
  void Send(std::uint32_t to, v1::MessageKind kind, char case_name,
            const std::string& acceptance_number = "");
  // The process dies and starts again from its store.
  void Crash();
  void Disconnect();
  // What the store holds now; and a store that is put back from it.
  platform::MemoryStore::Map Backup() const;
  void Restore(const platform::MemoryStore::Map& backup);
  // By the operator.
  void Recover(bool force = false);
  // --- what tests see ---
  bool recovered() const {
    const v1::RecoveryStatus status = core->RecoveryStatus();
    return !status.restored() && !status.recovering();
  }
  // "query#1" and the like, in the order of applying.
  std::vector<std::string> Applied(char case_name);
  // Messages of a case that this node has numbered.
  std::uint64_t SentIn(std::uint32_t to, char case_name) const;
  v1::CaseMessage MessageOf(char case_name, std::uint64_t sequence);
  v1::Passage PassageOf(char case_name, std::uint64_t sequence) {
    return MessageOf(case_name, sequence).passage();
  }
  std::vector<v1::ErrorReason> security_events;
  std::vector<v1::Envelope> sent;           // every envelope handed to the broker
  std::vector<v1::ControlRecord> receipts;  // every receipt handed to the broker
  std::vector<v1::ControlRecord> tombstones;

  std::function<std::vector<v1::SubmitItem>(v1::SubmitItem)> on_submit;
  std::function<bool(v1::ReceiveRequest&)> on_receive;
  std::function<bool(v1::ReceiveResponse&)> on_response;
  // The broker's answers to submissions stay on their way.
  bool hold_submit_answers = false;
  void ReleaseSubmitAnswers();
  node::NodeCoreOptions options;
  const contract::Unwrapper* unwrapper = nullptr;
  std::unique_ptr<node::NodeCore> core;
  platform::KeyValueStore& store() { return *store_; }

  void OpenSession(const v1::OpenSessionRequest& request) override;
  void SendSubmit(v1::SubmitRequest request) override;
  void SendReceive(v1::ReceiveRequest request) override;
  void CloseSession() override;
  void FetchDirectory(const v1::FetchEntriesRequest& request) override;
  void AppendEntry(const v1::AppendEntryRequest& request) override;
  void OnSecurityEvent(const node::SecurityEvent& event) override {
    security_events.push_back(event.reason);
  }

 private:
  friend class ExchangeWorld;
  void Start();
  absl::Status TryToStart();
  void Deliver(std::function<void(node::NodeCore&)> event) { events_.push_back(std::move(event)); }
  bool RunGroup();

  ExchangeWorld* const world_;
  const std::uint32_t province_;
  std::unique_ptr<platform::KeyValueStore> store_;
  std::unique_ptr<node::DirectoryCopy> directory_;
  std::deque<std::function<void(node::NodeCore&)>> events_;
  std::deque<std::function<void(node::NodeCore&)>> held_answers_;
  broker::StreamId submit_;
  broker::StreamId receive_;
};

class ExchangeWorld {
 public:
  // Routes between all of them are open, unless told otherwise. With a maker of
  // stores, a process whose store fails stops and starts again from what the
  // maker opens; without one, stores are in memory and never fail.
  explicit ExchangeWorld(const std::vector<std::uint32_t>& provinces, bool open_routes = true,
                         StoreMaker make_store = nullptr);

  WorldNode& node(std::uint32_t province) { return *nodes_.at(province); }
  // Until nothing moves any more.
  void Settle();
  // Clocks move in steps; everything settles after each.
  void Advance(absl::Duration by);
  void BrokerGoesAway();
  void BrokerComesBack();
  void BrokerLosesEverything();  // comes back with an empty store
  // Entries of the directory that a new broker begins with.
  void KeepGenesisAlone() { genesis_.resize(1); }
  void RestartBroker();  // from its store, at once
  // Processes that stopped because of their stores.
  int storage_failures = 0;
  void Append(const v1::SignedEntry& entry);

  static contract::CaseHandle Handle(char name);
  absl::Time now() const { return now_.wall; }

  LabDirectory lab;
  platform::SeededRandom random{11};
  std::unique_ptr<broker::BrokerCore> broker;

 private:
  friend class WorldNode;
  void OpenBroker();
  absl::Status TryToOpenBroker();
  absl::StatusOr<std::unique_ptr<platform::KeyValueStore>> MakeStore(const std::string& name);
  void Distribute();
  bool BrokerGroup();

  const StoreMaker make_store_;
  broker::Moment now_;
  std::vector<v1::SignedEntry> genesis_;
  std::unique_ptr<platform::KeyValueStore> broker_store_;
  std::map<std::uint32_t, std::unique_ptr<WorldNode>> nodes_;
  std::deque<std::function<void()>> to_broker_;
  std::vector<std::function<void()>> after_commit_;
  std::uint64_t next_stream_ = 1;
};

}  // namespace yizhan::testing

#endif  // YIZHAN_TESTS_SUPPORT_EXCHANGE_WORLD_H_
