#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/yizhan/commands.h"
#include "tools/yizhan/lab.h"
#include "tools/yizhan/rpc_call.h"
#include "tools/yizhan/text.h"
#include "yizhan/v1/node_admin.grpc.pb.h"

namespace yizhan::tools {
namespace {

using contract::ProvinceCode;
using platform::JsonValue;

absl::StatusOr<v1::GetStatusResponse> Ask(const Lab& lab, ProvinceCode node) {
  const auto channel = DialNode(lab, node, v1::CALLER_OPERATOR);
  if (!channel.ok()) return channel.status();
  const auto stub = v1::NodeAdmin::NewStub(*channel);
  return Call(*stub, absl::StrCat("Node ", node.str()), &v1::NodeAdmin::StubInterface::GetStatus,
              v1::GetStatusRequest(), absl::Seconds(5));
}

std::string SessionText(const v1::GetStatusResponse& status) {
  if (status.recovery().restored()) return "RESTORED";
  if (status.fenced()) return "FENCED";
  return status.connected() ? absl::StrCat("#", status.session_number()) : "away";
}

JsonValue StatusJson(const v1::GetStatusResponse& status) {
  const auto number = [](std::uint64_t value) {
    return JsonValue::Integer(static_cast<std::int64_t>(value));
  };
  JsonValue cases = JsonValue::Array();
  for (const v1::CaseStateCount& count : status.cases()) {
    cases.Append(JsonValue::Object()
                     .Set("role", Shorten(v1::CaseRole_Name(count.role()), "CASE_ROLE_"))
                     .Set("state", StateText(count.state()))
                     .Set("count", number(count.count())));
  }
  const v1::RecoveryStatus& recovery = status.recovery();
  JsonValue peers = JsonValue::Array();
  for (const v1::RecoveryPeerStatus& peer : recovery.peers()) {
    peers.Append(JsonValue::Object()
                     .Set("peer", number(peer.peer()))
                     .Set("asked", JsonValue::Bool(peer.asked()))
                     .Set("answered", JsonValue::Bool(peer.answered()))
                     .Set("done", JsonValue::Bool(peer.done()))
                     .Set("own_returned", number(peer.own_returned()))
                     .Set("own_waiting", number(peer.own_waiting())));
  }
  JsonValue recovered = JsonValue::Object()
                            .Set("restored", JsonValue::Bool(recovery.restored()))
                            .Set("recovering", JsonValue::Bool(recovery.recovering()))
                            .Set("own_returned", number(recovery.own_returned()))
                            .Set("received_again", number(recovery.received_again()))
                            .Set("peers", std::move(peers));
  return JsonValue::Object()
      .Set("province", number(status.province()))
      .Set("reachable", JsonValue::Bool(true))
      .Set("build", status.build())
      .Set("connected", JsonValue::Bool(status.connected()))
      .Set("session_number", number(status.session_number()))
      .Set("fenced", JsonValue::Bool(status.fenced()))
      .Set("last_error", status.last_error())
      .Set("outbox_waiting", number(status.outbox_waiting()))
      .Set("inbox_held", number(status.inbox_held()))
      .Set("directory_size", number(status.directory_head().size()))
      .Set("incarnation", Hex(status.incarnation()))
      .Set("recovery", std::move(recovered))
      .Set("cases", std::move(cases));
}

// "2 of 3 provinces" while one runs; else empty.
std::string RecoveryText(const v1::RecoveryStatus& recovery) {
  if (recovery.restored()) return "needed";
  if (!recovery.recovering()) return recovery.started_unix_us() == 0 ? "" : "done";
  return absl::StrCat(recovery.peers_done(), " of ", recovery.peers_asked(), " provinces");
}

absl::Status RunStatus(const FlagSet& flags, Console& console) {
  const auto lab = LoadLab(flags);
  if (!lab.ok()) return lab.status();
  const auto nodes = ChosenNodes(*lab, flags.List("node"), "node");
  if (!nodes.ok()) return nodes.status();
  Table table({"node", "session", "outbox", "held", "directory", "cases", "recovery", "build",
               "last error"});
  JsonValue list = JsonValue::Array();
  absl::Status first_error;
  for (const ProvinceCode node : *nodes) {
    const std::string name = absl::StrCat(node.str(), " ", lab->Find(node)->name());
    const auto status = Ask(*lab, node);
    if (!status.ok()) {
      first_error.Update(status.status());
      table.AddRow(
          {name, "no answer", "", "", "", "", "", "", std::string(status.status().message())});
      list.Append(JsonValue::Object()
                      .Set("province", JsonValue::Integer(node.value()))
                      .Set("reachable", JsonValue::Bool(false)));
      continue;
    }
    std::uint64_t cases = 0;
    for (const v1::CaseStateCount& count : status->cases()) cases += count.count();
    table.AddRow({name, SessionText(*status), absl::StrCat(status->outbox_waiting()),
                  absl::StrCat(status->inbox_held()), absl::StrCat(status->directory_head().size()),
                  absl::StrCat(cases), RecoveryText(status->recovery()), status->build(),
                  status->last_error()});
    list.Append(StatusJson(*status));
  }
  console.Emit(JsonValue::Object().Set("nodes", std::move(list)));
  console.Show(table);
  return first_error;
}

absl::Status RunResume(const FlagSet& flags, Console& console) {
  const auto lab = LoadLab(flags);
  if (!lab.ok()) return lab.status();
  const auto node = ParseProvince("node", flags.Text("node"));
  if (!node.ok()) return node.status();
  const auto channel = DialNode(*lab, *node, v1::CALLER_OPERATOR);
  if (!channel.ok()) return channel.status();
  const auto stub = v1::NodeAdmin::NewStub(*channel);
  v1::ResumeSessionRequest request;
  request.mutable_officer()->set_number(flags.Text("officer"));
  request.mutable_officer()->set_unit("operator");
  const auto response = Call(*stub, absl::StrCat("Node ", node->str()),
                             &v1::NodeAdmin::StubInterface::ResumeSession, request);
  if (!response.ok()) return response.status();
  console.Say(absl::StrCat("Node ", node->str(), " opens sessions again."));
  console.Emit(JsonValue::Object()
                   .Set("node", JsonValue::Integer(node->value()))
                   .Set("resumed", JsonValue::Bool(true)));
  return absl::OkStatus();
}

absl::Status RunRecover(const FlagSet& flags, Console& console) {
  const auto lab = LoadLab(flags);
  if (!lab.ok()) return lab.status();
  const auto node = ParseProvince("node", flags.Text("node"));
  if (!node.ok()) return node.status();
  const auto channel = DialNode(*lab, *node, v1::CALLER_OPERATOR);
  if (!channel.ok()) return channel.status();
  const auto stub = v1::NodeAdmin::NewStub(*channel);
  v1::RecoverNodeRequest request;
  request.mutable_officer()->set_number(flags.Text("officer"));
  request.mutable_officer()->set_unit("operator");
  request.set_force(flags.Switch("force"));
  const auto response = Call(*stub, absl::StrCat("Node ", node->str()),
                             &v1::NodeAdmin::StubInterface::RecoverNode, request);
  if (!response.ok()) return response.status();
  console.Say(absl::StrCat("Node ", node->str(), " begins a new incarnation and asks its peers; ",
                           "`yizhan node status --node ", node->str(), "` shows how far it is."));
  console.Emit(JsonValue::Object()
                   .Set("node", JsonValue::Integer(node->value()))
                   .Set("recovering", JsonValue::Bool(response->recovery().recovering())));
  return absl::OkStatus();
}

}  // namespace

Command NodeStatusCommand() {
  return {.name = "node status",
          .summary = "Show each node's session, queues, cases and last error.",
          .description = "Exit code 3 where a node does not answer.",
          .examples = {"yizhan node status --network lab",
                       "yizhan node status --network lab --node 32 --output=json"},
          .positionals = {},
          .declare =
              [](FlagSet& flags) {
                DeclareNetworkFlag(flags);
                flags.AddList("node", "NN", "", "Only these nodes.");
              },
          .run = RunStatus};
}

Command NodeResumeCommand() {
  return {.name = "node resume",
          .summary = "Let a fenced node open sessions again.",
          .description =
              "A node is fenced when a second process of its province opened a session. Make sure\n"
              "that only one runs before you resume it.",
          .examples = {"yizhan node resume --network lab --node 34 --officer 340017"},
          .positionals = {},
          .declare =
              [](FlagSet& flags) {
                DeclareNetworkFlag(flags);
                flags.AddText("node", "NN", "", "The fenced node.");
                flags.AddText("officer", "NUMBER", "lab-operator",
                              "Who decides it, for the audit.");
              },
          .run = RunResume};
}

Command NodeRecoverCommand() {
  return {
      .name = "node recover",
      .summary = "Bring back what a node exchanged since the backup that it was restored from.",
      .description =
          "A node whose store was put back from a backup says RESTORED and sends nothing. Make\n"
          "sure that no other node of the province runs, then recover it: it begins a new\n"
          "incarnation, and every province gives back what was exchanged in the last 7 days.\n"
          "Cases with a province that is away wait for it; the others go on. Repeating the\n"
          "command changes nothing.",
      .examples = {"yizhan node recover --network lab --node 34 --officer 340017"},
      .positionals = {},
      .declare =
          [](FlagSet& flags) {
            DeclareNetworkFlag(flags);
            flags.AddText("node", "NN", "", "The restored node.");
            flags.AddText("officer", "NUMBER", "lab-operator", "Who decides it, for the audit.");
            flags.AddSwitch("force",
                            "Although the broker did not notice: it has lost its own store.");
          },
      .run = RunRecover};
}

}  // namespace yizhan::tools
