// What one test lane has seen, for cases to wait for and to give as evidence.
#ifndef YIZHAN_PROVINCE_NODES_LINKTEST_LANE_JOURNAL_H_
#define YIZHAN_PROVINCE_NODES_LINKTEST_LANE_JOURNAL_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "province_nodes/app/node_observer.h"
#include "yizhan/v1/linktest.pb.h"

namespace yizhan::node {

// The observer of a lane's core. One thread. Only writes down: what must be
// done about it is taken from the queues at the end by the lane.
class LaneJournal final : public NodeObserver {
 public:
  explicit LaneJournal(const contract::Hasher* hasher) : hasher_(hasher) {}

  struct Made {
    v1::Envelope envelope;
    v1::Header header;
  };
  struct Received {
    InboundMessage message;
    v1::ControlRecord receipt;
    std::uint32_t applied = 0;
  };

  // An own message of a case, by kind; null if it was not made.
  const Made* FindMade(const contract::CaseHandle& handle, v1::MessageKind kind) const;
  // A message of the peer that was applied here.
  const Received* FindReceived(const contract::CaseHandle& handle, v1::MessageKind kind) const;
  const Received* FindReceived(const contract::Digest& header) const;
  // Records about an own message; nothing if none came yet.
  const v1::ControlRecord* FindAcceptance(const contract::Digest& header) const;
  const v1::ControlRecord* FindDelivery(const contract::Digest& header) const;
  // Refusal or notice.
  const v1::Control* FindRefusal(const contract::Digest& header) const;
  const v1::SubmitResult* FindResult(std::uint64_t tag) const;
  const v1::CaseView* FindCase(const contract::CaseHandle& handle, v1::CaseRole role) const;

  // News that the lane acts on, oldest first.
  bool HasNews() const { return !tasks.empty() || !views.empty() || !probes.empty(); }
  std::deque<SystemTask> tasks;
  std::deque<v1::CaseView> views;
  std::deque<InboundMessage> probes;  // TEST_MESSAGEs, answers too

  // NodeObserver.
  void OnCaseChanged(const v1::CaseView& view) override;
  void OnSystemTask(const SystemTask& task) override { tasks.push_back(task); }
  void OnControl(const v1::ControlRecord& record, const contract::ParsedControl& parsed) override;
  void OnEnvelopeMade(const v1::Envelope& envelope) override;
  void OnApplied(const InboundMessage& message, const v1::ControlRecord& receipt) override;
  void OnUnknownResult(const v1::SubmitResult& result) override;
  absl::Status OnTestMessage(const InboundMessage& message) override;

 private:
  struct Records {
    std::optional<v1::ControlRecord> acceptance;
    std::optional<v1::ControlRecord> delivery;
    std::optional<v1::Control> refusal;
  };
  const contract::Hasher* const hasher_;
  std::map<contract::Digest, Made> made_;
  std::map<contract::Digest, Received> received_;
  std::map<contract::Digest, Records> records_;
  std::map<std::uint64_t, v1::SubmitResult> results_;
  std::map<std::pair<std::string, int>, v1::CaseView> cases_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_LINKTEST_LANE_JOURNAL_H_
