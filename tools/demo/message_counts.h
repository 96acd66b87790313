// Compares what the broker's evidence log counted with what every node counted.
#ifndef YIZHAN_TOOLS_DEMO_MESSAGE_COUNTS_H_
#define YIZHAN_TOOLS_DEMO_MESSAGE_COUNTS_H_

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "protos/contract/ids.h"
#include "tools/yizhan/lab.h"
#include "yizhan/v1/broker_admin.pb.h"

namespace yizhan::tools {

// What flows from one province to another, by kind.
struct FlowKey {
  v1::Lane lane = v1::LANE_UNSPECIFIED;
  v1::MessageKind kind = v1::MESSAGE_KIND_UNSPECIFIED;
  std::uint32_t source = 0;
  std::uint32_t destination = 0;
  friend auto operator<=>(const FlowKey&, const FlowKey&) = default;
};

// Three tellings of one flow.
struct FlowCounts {
  std::uint64_t sender_accepted = 0;  // acceptance receipts that the sender holds
  std::uint64_t broker_accepted = 0;
  std::uint64_t sender_delivered = 0;  // delivery receipts that the sender holds
  std::uint64_t broker_delivered = 0;
  std::uint64_t recipient_applied = 0;
  std::uint64_t broker_refused = 0;
  std::uint64_t broker_noticed = 0;
  bool sender_known = false;  // its node answered
  bool recipient_known = false;
  // All who were asked say the same.
  bool Agree() const;
};

using Flows = std::map<FlowKey, FlowCounts>;

// Adds the broker's telling, and a node's.
void AddBrokerCounts(const v1::CountMessagesResponse& counts, Flows& flows);
void AddNodeCounts(contract::ProvinceCode node,
                   const google::protobuf::RepeatedPtrField<v1::MessageCount>& counts,
                   Flows& flows);
// After all have told: who was asked at all.
void MarkKnown(const std::set<contract::ProvinceCode>& asked, Flows& flows);

// BUSINESS flows that do not agree, as lines for people.
std::vector<std::string> Differences(const Flows& flows);

// Asks all until every BUSINESS flow agrees, or `patience` is over; the last
// answer. Receipts need a moment to come home.
absl::StatusOr<Flows> FetchFlows(const Lab& lab, const std::set<contract::ProvinceCode>& running,
                                 absl::Duration patience);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_DEMO_MESSAGE_COUNTS_H_
