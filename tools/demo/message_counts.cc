#include "tools/demo/message_counts.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tools/yizhan/rpc_call.h"
#include "yizhan/v1/broker_admin.grpc.pb.h"
#include "yizhan/v1/node_admin.grpc.pb.h"

namespace yizhan::tools {
namespace {

using contract::ProvinceCode;

FlowKey KeyOf(const v1::MessageCount& count) {
  return {.lane = count.lane(),
          .kind = count.kind(),
          .source = count.source(),
          .destination = count.destination()};
}

}  // namespace

bool FlowCounts::Agree() const {
  if (sender_known &&
      (sender_accepted != broker_accepted || sender_delivered != broker_delivered)) {
    return false;
  }
  return !recipient_known || recipient_applied == broker_delivered;
}

void AddBrokerCounts(const v1::CountMessagesResponse& counts, Flows& flows) {
  for (const v1::MessageCount& count : counts.counts()) {
    FlowCounts& flow = flows[KeyOf(count)];
    flow.broker_accepted += count.accepted();
    flow.broker_delivered += count.delivered();
    flow.broker_refused += count.refused();
    flow.broker_noticed += count.noticed();
  }
}

void AddNodeCounts(ProvinceCode node,
                   const google::protobuf::RepeatedPtrField<v1::MessageCount>& counts,
                   Flows& flows) {
  for (const v1::MessageCount& count : counts) {
    // What a node tells itself never passes the broker.
    if (count.source() == count.destination()) continue;
    FlowCounts& flow = flows[KeyOf(count)];
    if (count.source() == node.value()) {
      flow.sender_accepted += count.accepted();
      flow.sender_delivered += count.delivered();
    } else if (count.destination() == node.value()) {
      flow.recipient_applied += count.delivered();
    }
  }
}

void MarkKnown(const std::set<ProvinceCode>& asked, Flows& flows) {
  for (auto& [key, flow] : flows) {
    flow.sender_known = asked.contains(ProvinceCode(key.source));
    flow.recipient_known = asked.contains(ProvinceCode(key.destination));
  }
}

std::vector<std::string> Differences(const Flows& flows) {
  std::vector<std::string> lines;
  for (const auto& [key, flow] : flows) {
    if (key.lane != v1::LANE_BUSINESS || flow.Agree()) continue;
    lines.push_back(absl::StrCat(
        v1::MessageKind_Name(key.kind), " ", key.source, " -> ", key.destination, ": accepted ",
        flow.sender_known ? absl::StrCat(flow.sender_accepted) : "?", " by the sender, ",
        flow.broker_accepted, " by the broker; delivered ",
        flow.sender_known ? absl::StrCat(flow.sender_delivered) : "?", " by the sender, ",
        flow.broker_delivered, " by the broker, ",
        flow.recipient_known ? absl::StrCat(flow.recipient_applied) : "?", " by the recipient"));
  }
  return lines;
}

absl::StatusOr<Flows> FetchFlows(const Lab& lab, const std::set<ProvinceCode>& running,
                                 absl::Duration patience) {
  const auto broker_channel = DialBroker(lab);
  if (!broker_channel.ok()) return broker_channel.status();
  const auto broker = v1::BrokerAdmin::NewStub(*broker_channel);
  std::map<ProvinceCode, std::unique_ptr<v1::NodeAdmin::Stub>> nodes;
  for (const ProvinceCode node : running) {
    const auto channel = DialNode(lab, node, v1::CALLER_OPERATOR);
    if (!channel.ok()) return channel.status();
    nodes[node] = v1::NodeAdmin::NewStub(*channel);
  }
  const absl::Time end = absl::Now() + patience;
  while (true) {
    Flows flows;
    for (const auto& [node, stub] : nodes) {
      const auto counts =
          Call(*stub, absl::StrCat("Node ", node.str()),
               &v1::NodeAdmin::StubInterface::CountNodeMessages, v1::CountNodeMessagesRequest());
      if (!counts.ok()) return counts.status();
      AddNodeCounts(node, counts->counts(), flows);
    }
    const auto counts = Call(*broker, "The broker", &v1::BrokerAdmin::StubInterface::CountMessages,
                             v1::CountMessagesRequest());
    if (!counts.ok()) return counts.status();
    AddBrokerCounts(*counts, flows);
    MarkKnown(running, flows);
    if (Differences(flows).empty() || absl::Now() > end) return flows;
    absl::SleepFor(absl::Milliseconds(300));
  }
}

}  // namespace yizhan::tools
