#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/yizhan/commands.h"
#include "tools/yizhan/lab.h"
#include "tools/yizhan/link_client.h"
#include "tools/yizhan/rpc_call.h"
#include "tools/yizhan/text.h"
#include "yizhan/v1/broker_admin.grpc.pb.h"
#include "yizhan/v1/node_admin.grpc.pb.h"

namespace yizhan::tools {
namespace {

using contract::ProvinceCode;
using platform::JsonValue;

struct Pair {
  Lab lab;
  ProvinceCode node;
  ProvinceCode peer;
};

void DeclarePair(FlagSet& flags) {
  DeclareNetworkFlag(flags);
  flags.AddText("node", "NN", "", "Province on whose side you are.");
  flags.AddText("peer", "MM", "", "The other province.");
}

absl::StatusOr<Pair> PairOf(const FlagSet& flags) {
  absl::StatusOr<Lab> lab = LoadLab(flags);
  if (!lab.ok()) return lab.status();
  const auto node = ParseProvince("node", flags.Text("node"));
  if (!node.ok()) return node.status();
  const auto peer = ParseProvince("peer", flags.Text("peer"));
  if (!peer.ok()) return peer.status();
  return Pair{*std::move(lab), *node, *peer};
}

absl::Status RunArm(const FlagSet& flags, Console& console) {
  const auto pair = PairOf(flags);
  if (!pair.ok()) return pair.status();
  const auto until = ArmLink(pair->lab, pair->node, pair->peer, flags.Duration("window"));
  if (!until.ok()) return until.status();
  const std::string text = ShanghaiText(absl::ToUnixMicros(*until));
  console.Say(absl::StrCat(pair->node.str(), " lets ", pair->peer.str(),
                           " start the connectivity test until ", text,
                           " (Asia/Shanghai).\nNext: yizhan link test --node ", pair->peer.str(),
                           " --peer ", pair->node.str()));
  console.Emit(JsonValue::Object()
                   .Set("node", JsonValue::Integer(pair->node.value()))
                   .Set("peer", JsonValue::Integer(pair->peer.value()))
                   .Set("until", text));
  return absl::OkStatus();
}

std::string Bar(const v1::LinkRun& run) {
  const int expected = std::max<int>(1, static_cast<int>(run.expected_verdicts()));
  const int done = std::min(run.verdicts_size(), expected);
  const int filled = done * 30 / expected;
  return absl::StrFormat("[%s%s] %d/%d  %s", std::string(filled, '#'),
                         std::string(30 - filled, '.'), done, expected,
                         Shorten(v1::RunState_Name(run.state()), "RUN_"));
}

std::string VerdictLine(const v1::CaseVerdict& verdict) {
  std::string line = absl::StrFormat("%-4s %02d -> %02d  %-8s %6.2f s", verdict.case_id(),
                                     verdict.from(), verdict.to(), VerdictText(verdict.verdict()),
                                     (verdict.ended_unix_us() - verdict.started_unix_us()) / 1e6);
  if (!verdict.cause().empty()) absl::StrAppend(&line, "  ", verdict.side(), ": ", verdict.cause());
  return line;
}

JsonValue RunJson(const v1::LinkRun& run) {
  JsonValue verdicts = JsonValue::Array();
  for (const v1::CaseVerdict& verdict : run.verdicts()) {
    verdicts.Append(
        JsonValue::Object()
            .Set("case", verdict.case_id())
            .Set("from", JsonValue::Integer(verdict.from()))
            .Set("to", JsonValue::Integer(verdict.to()))
            .Set("judge", Shorten(v1::Judge_Name(verdict.judge()), "JUDGE_"))
            .Set("verdict", VerdictText(verdict.verdict()))
            .Set("cause", verdict.cause())
            .Set("side", verdict.side())
            .Set("next_step", verdict.next_step())
            .Set("evidence_digest", Hex(verdict.evidence_digest()))
            .Set("attested_by_one_side", JsonValue::Bool(verdict.attested_by_one_side())));
  }
  return JsonValue::Object()
      .Set("run_id", Hex(run.run_id()))
      .Set("initiator", JsonValue::Integer(run.initiator()))
      .Set("counterpart", JsonValue::Integer(run.counterpart()))
      .Set("state", Shorten(v1::RunState_Name(run.state()), "RUN_"))
      .Set("failure", run.failure())
      .Set("verdicts", std::move(verdicts));
}

absl::Status RunTest(const FlagSet& flags, Console& console) {
  const auto pair = PairOf(flags);
  if (!pair.ok()) return pair.status();
  std::set<std::string> shown;
  const auto on_run = [&](const v1::LinkRun& run) {
    for (const v1::CaseVerdict& verdict : run.verdicts()) {
      const std::string key = absl::StrCat(verdict.case_id(), "/", verdict.from());
      if (shown.insert(key).second) console.Say(VerdictLine(verdict));
    }
    console.Progress(Bar(run));
  };
  const auto run = TestLink(pair->lab, pair->node, pair->peer, flags.Switch("fast"),
                            flags.Duration("timeout"), on_run);
  if (!run.ok()) return run.status();
  console.Emit(RunJson(*run));
  if (absl::Status status = JudgeRun(*run); !status.ok()) return status;
  console.Say(absl::StrCat("Certified: the routes ", run->initiator(), " -> ", run->counterpart(),
                           " and ", run->counterpart(), " -> ", run->initiator(), " are open. Run ",
                           Hex(run->run_id()), "."));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<v1::RouteInfo>> FetchRoutes(const Lab& lab, const FlagSet& flags) {
  std::vector<v1::RouteInfo> routes;
  if (flags.Text("node").empty()) {
    const auto channel = DialBroker(lab);
    if (!channel.ok()) return channel.status();
    const auto stub = v1::BrokerAdmin::NewStub(*channel);
    const auto response = Call(*stub, "The broker", &v1::BrokerAdmin::StubInterface::ListRoutes,
                               v1::ListRoutesRequest());
    if (!response.ok()) return response.status();
    routes.assign(response->routes().begin(), response->routes().end());
    return routes;
  }
  const auto node = ParseProvince("node", flags.Text("node"));
  if (!node.ok()) return node.status();
  const auto channel = DialNode(lab, *node, v1::CALLER_OPERATOR);
  if (!channel.ok()) return channel.status();
  const auto stub = v1::NodeAdmin::NewStub(*channel);
  const auto response = Call(*stub, absl::StrCat("Node ", node->str()),
                             &v1::NodeAdmin::StubInterface::ListLinks, v1::ListLinksRequest());
  if (!response.ok()) return response.status();
  routes.assign(response->routes().begin(), response->routes().end());
  return routes;
}

absl::Status RunList(const FlagSet& flags, Console& console) {
  const auto lab = LoadLab(flags);
  if (!lab.ok()) return lab.status();
  const auto routes = FetchRoutes(*lab, flags);
  if (!routes.ok()) return routes.status();
  std::map<std::pair<std::uint32_t, std::uint32_t>, v1::RouteState> states;
  JsonValue list = JsonValue::Array();
  std::size_t open = 0;
  for (const v1::RouteInfo& route : *routes) {
    states[{route.accepting(), route.home()}] = route.state();
    if (route.state() == v1::ROUTE_OPEN || route.state() == v1::ROUTE_PILOT) ++open;
    list.Append(
        JsonValue::Object()
            .Set("accepting", JsonValue::Integer(route.accepting()))
            .Set("home", JsonValue::Integer(route.home()))
            .Set("state", RouteText(route.state()))
            .Set("certified_until", ShanghaiText(route.certified_until_unix_us()))
            .Set("version", JsonValue::Integer(static_cast<std::int64_t>(route.version()))));
  }
  console.Emit(JsonValue::Object().Set("routes", std::move(list)));
  std::vector<std::string> header = {"accepting \\ home"};
  for (const ProvinceCode home : lab->Provinces()) header.push_back(home.str());
  Table table(header);
  for (const ProvinceCode accepting : lab->Provinces()) {
    std::vector<std::string> row = {
        absl::StrCat(accepting.str(), " ", lab->Find(accepting)->name())};
    for (const ProvinceCode home : lab->Provinces()) {
      const auto state = states.find({accepting.value(), home.value()});
      row.push_back(accepting == home       ? "*"
                    : state == states.end() ? "."
                                            : RouteText(state->second).substr(0, 4));
    }
    table.AddRow(std::move(row));
  }
  console.Show(table);
  console.Say(absl::StrCat(open, " directed routes are open. '.' no route, '*' inside the node."));
  return absl::OkStatus();
}

}  // namespace

Command LinkArmCommand() {
  return {
      .name = "link arm",
      .summary = "Let another province start the connectivity test with yours.",
      .description = "Without arming, the other side's test is refused. The window ends by itself.",
      .examples = {"yizhan link arm --network lab --node 34 --peer 32 --window 2h"},
      .positionals = {},
      .declare =
          [](FlagSet& flags) {
            DeclarePair(flags);
            flags.AddDuration("window", absl::Hours(2), "How long, 1m to 24h.");
          },
      .run = RunArm};
}

Command LinkTestCommand() {
  return {.name = "link test",
          .summary = "Run the bilateral connectivity test; passing it opens the routes.",
          .description =
              "Runs every case in both directions and shows each verdict as it comes. When all\n"
              "mandatory cases pass, both nodes sign the report, the broker checks it against its\n"
              "own log, and the routes open. Exit code 1 where a case did not pass.",
          .examples = {"yizhan link test --network lab --node 32 --peer 34 --fast",
                       "yizhan link test --network lab --node 32 --peer 34 --output=json"},
          .positionals = {},
          .declare =
              [](FlagSet& flags) {
                DeclarePair(flags);
                flags.AddSwitch("fast", "Shorter waits, for labs.");
                flags.AddDuration("timeout", absl::Minutes(30), "Give up following after this.");
              },
          .run = RunTest};
}

Command LinkListCommand() {
  return {
      .name = "link list",
      .summary = "Show which directed routes are open, as a matrix of provinces.",
      .description =
          "Rows accept, columns are home provinces. The broker answers, or with --node a\n"
          "node from its own verified copy of the directory.",
      .examples = {"yizhan link list --network lab", "yizhan link list --network lab --node 32"},
      .positionals = {},
      .declare =
          [](FlagSet& flags) {
            DeclareNetworkFlag(flags);
            flags.AddText("node", "NN", "", "Ask this node instead of the broker.");
          },
      .run = RunList};
}

}  // namespace yizhan::tools
