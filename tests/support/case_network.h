// Case services of several provinces, with the exchange between them played by
// the test: a tiny language for case tests.
#ifndef YIZHAN_TESTS_SUPPORT_CASE_NETWORK_H_
#define YIZHAN_TESTS_SUPPORT_CASE_NETWORK_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "adapters/platform/crypto/gcrypt_algorithms.h"
#include "adapters/platform/kv/memory_store.h"
#include "adapters/systems/card_centre.h"
#include "adapters/systems/divisions.h"
#include "adapters/systems/point_registry.h"
#include "adapters/systems/population_register.h"
#include "province_nodes/cases/case_service.h"
#include "tests/support/seeded_random.h"
#include "yizhan/v1/gateway.pb.h"

namespace yizhan::node {

// 2016-07-20 10:00 in Shanghai.
inline constexpr std::int64_t kCaseTime = 1'468'980'000'000'000;
inline constexpr std::int64_t kDayUs = std::int64_t{24} * 60 * 60 * 1'000'000;

// Callers that may do their part everywhere in their province.
Caller PointCaller();
Caller CountyCaller();
Caller CentreCaller();
Caller CollectionCaller();
Caller SystemCaller();
Caller OperatorCaller();

// With the sample's registers, points and divisions. Invariant: messages and
// receipts move only in Deliver and its parts.
class CaseNetwork {
 public:
  CaseNetwork();

  using Command = std::function<absl::StatusOr<v1::CaseView>(platform::Transaction&, CaseService&,
                                                             CaseEffects&)>;
  void OpenRoute(int accepting, int home) { routes_.insert({accepting, home}); }
  // In one transaction, rolled back on error; effects are taken up.
  absl::StatusOr<v1::CaseView> Run(int province, const Command& command);
  absl::StatusOr<v1::CaseView> View(int province, const std::string& handle, v1::CaseRole role,
                                    std::int64_t as_of_us = 0);
  // Moves everything that waits until nothing does.
  void Deliver();
  void DeliverMessages();  // without giving receipts back
  void DeliverReceipts();
  void AnswerSystems();
  // A message as if it came from `source`.
  absl::Status Inject(int province, int source, v1::MessageKind kind, const std::string& handle,
                      v1::Payload payload);
  absl::Status Passage(int province, const std::string& handle, const v1::CaseMessage& message);

  struct Node {
    platform::MemoryStore store;
    std::unique_ptr<platform::Transaction> txn;
    std::unique_ptr<platform::SeededRandom> random;
    std::unique_ptr<CaseService> service;
    std::unique_ptr<systems::FilePopulationRegister> population;
    std::unique_ptr<systems::FileCardCentre> centre;
    std::deque<OutgoingMessage> messages;
    std::deque<SystemTask> tasks;
    std::vector<v1::CaseView> changed;
  };
  Node& node(int province);
  const std::vector<v1::MessageKind>& sent() const { return sent_; }
  // Everything that went from one province to another, in the order of arrival.
  struct Handed {
    int from;
    int to;
    InboundMessage message;
  };
  const std::vector<Handed>& handed() const { return handed_; }
  std::vector<absl::Status>& refusals() { return refusals_; }
  bool registers_answer = true;

 private:
  void Take(Node& node, CaseEffects effects);
  void Hand(int from, const OutgoingMessage& message);

  platform::Sm3Hasher hasher_;
  v1::Policy policy_;
  std::unique_ptr<systems::FilePointRegistry> points_;
  std::unique_ptr<systems::Divisions> divisions_;
  std::map<int, std::unique_ptr<Node>> nodes_;
  std::set<std::pair<int, int>> routes_;
  // By source, destination and case.
  std::map<std::tuple<int, int, std::string>, std::uint64_t> sequences_;
  struct Receipt {
    int to;
    contract::CaseHandle handle;
    v1::CaseMessage message;
  };
  std::deque<Receipt> receipts_;
  std::vector<v1::MessageKind> sent_;
  std::vector<Handed> handed_;
  std::vector<absl::Status> refusals_;
};

// One sequence for all kinds of requests.
inline std::string NextRequestId() {
  static int counter = 0;
  return "r" + std::to_string(++counter);
}

// A request with its context: an id of its own unless given.
template <typename Request>
Request Stamped(Request request, std::int64_t case_time_us = kCaseTime, std::string id = "") {
  v1::CommandContext& context = *request.mutable_context();
  context.set_request_id(id.empty() ? NextRequestId() : id);
  context.mutable_officer()->set_number("032001");
  context.mutable_officer()->set_unit("320106");
  context.set_case_time_unix_us(case_time_us);
  return request;
}

// The same for a command about a case.
template <typename Request>
Request About(const std::string& handle, Request request = {},
              std::int64_t case_time_us = kCaseTime) {
  request.mutable_case_()->set_case_handle(handle);
  return Stamped(std::move(request), case_time_us);
}

}  // namespace yizhan::node

#endif  // YIZHAN_TESTS_SUPPORT_CASE_NETWORK_H_
