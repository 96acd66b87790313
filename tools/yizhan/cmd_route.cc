// Commands that change routes: request, grant, open, pilot, suspend, resume,
// cut, lift, withdraw; and what tells of them: proposals, history.
#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "protos/contract/errors.h"
#include "tools/yizhan/commands.h"
#include "tools/yizhan/lab.h"
#include "tools/yizhan/rpc_call.h"
#include "tools/yizhan/text.h"
#include "yizhan/v1/node_admin.grpc.pb.h"

namespace yizhan::tools {
namespace {

using contract::ProvinceCode;
using platform::JsonValue;

enum class Ways { kThere, kBack, kBoth };

// One command that changes routes.
struct Verb {
  absl::string_view name;
  v1::RouteState to;
  Ways ways;         // unless --way says otherwise
  bool takes_time;   // --at
  bool needs_order;  // --order and --reason
  absl::string_view summary;
  absl::string_view description;
};

constexpr std::array<Verb, 8> kVerbs = {{
    {"request", v1::ROUTE_REQUESTED, Ways::kThere, false, true,
     "Ask a home province for the service: its residents may apply here.",
     "The accepting side (--node) requests; the home side grants. A record of intent: routes\n"
     "open by the connectivity test alone."},
    {"grant", v1::ROUTE_TESTING, Ways::kBack, false, true,
     "Grant another province's request: our residents may apply there.",
     "The home side (--node) grants what the accepting side (--peer) has requested."},
    {"open", v1::ROUTE_OPEN, Ways::kBoth, true, true,
     "Open certified routes at a time; both provinces must say the same.",
     "The first side's command proposes, the same command on the other side makes it so. With\n"
     "several peers and one --group, all of them open at one instant."},
    {"pilot", v1::ROUTE_PILOT, Ways::kBoth, true, true,
     "Open certified routes as a pilot, with a daily quota and a list of points.",
     "The broker counts new cases a day (Asia/Shanghai); cases that are open are served on."},
    {"suspend", v1::ROUTE_SUSPENDED, Ways::kBoth, true, true,
     "Stop new cases; those in progress are served to their end.",
     "Either side alone. Resuming takes both."},
    {"resume", v1::ROUTE_OPEN, Ways::kBoth, true, true,
     "Let suspended routes take new cases again; both provinces must say the same.",
     "The certification must still hold."},
    {"cut", v1::ROUTE_CUT, Ways::kBoth, false, true,
     "Stop everything on the routes at once, for security.",
     "Either side alone. What waits is held, and its life is prolonged when it goes on."},
    {"lift", v1::ROUTE_SUSPENDED, Ways::kBoth, false, true,
     "Lift a cut; both provinces must say the same. The routes are suspended then.",
     "Follow with `yizhan link resume`."},
}};

void DeclareNode(FlagSet& flags) {
  DeclareNetworkFlag(flags);
  flags.AddText("node", "NN", "", "Province on whose side you are.");
}

absl::StatusOr<std::unique_ptr<v1::NodeAdmin::Stub>> StubOf(const Lab& lab, ProvinceCode node) {
  const auto channel = DialNode(lab, node, v1::CALLER_OPERATOR);
  if (!channel.ok()) return channel.status();
  return v1::NodeAdmin::NewStub(*channel);
}

std::string Who(ProvinceCode node) { return absl::StrCat("Node ", node.str()); }

absl::Status UsageError(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, what, next_step);
}

// What the flags ask for, without the route.
absl::StatusOr<v1::ChangeRouteRequest> TermsOf(const Verb& verb, const FlagSet& flags,
                                               ProvinceCode node) {
  v1::ChangeRouteRequest request;
  v1::RouteChange& change = *request.mutable_change();
  change.set_state(verb.to);
  change.set_order_number(flags.Text("order"));
  change.set_reason(flags.Text("reason"));
  if (verb.needs_order && (change.order_number().empty() || change.reason().empty())) {
    return UsageError("--order and --reason say by whose decision and why; one is missing",
                      "Give both: --order=GA-2016-31 --reason=\"opening of the network\".");
  }
  change.set_group(flags.Text("group"));
  if (verb.takes_time && !flags.Text("at").empty()) {
    const auto at = ParseTimeFlag("at", flags.Text("at"));
    if (!at.ok()) return at.status();
    change.set_effective_unix_us(absl::ToUnixMicros(*at));
  }
  if (verb.to == v1::ROUTE_PILOT) {
    change.mutable_pilot()->set_daily_quota(static_cast<std::uint32_t>(flags.Number("quota")));
    for (const std::string& point : flags.List("points")) change.mutable_pilot()->add_points(point);
  }
  request.mutable_officer()->set_number(
      flags.Text("officer").empty() ? absl::StrCat(node.str(), "0001") : flags.Text("officer"));
  request.mutable_officer()->set_unit("operations");
  return request;
}

// (accepting, home) of each route that is meant.
absl::StatusOr<std::vector<std::pair<ProvinceCode, ProvinceCode>>> RoutesOf(const Verb& verb,
                                                                            const FlagSet& flags,
                                                                            ProvinceCode node) {
  Ways ways = verb.ways;
  if (flags.Given("way")) {
    const std::string& text = flags.Text("way");
    ways = text == "there" ? Ways::kThere : text == "back" ? Ways::kBack : Ways::kBoth;
  }
  std::vector<std::pair<ProvinceCode, ProvinceCode>> routes;
  for (const std::string& text : flags.List("peer")) {
    const auto peer = ParseProvince("peer", text);
    if (!peer.ok()) return peer.status();
    if (ways != Ways::kBack) routes.emplace_back(node, *peer);
    if (ways != Ways::kThere) routes.emplace_back(*peer, node);
  }
  if (routes.empty()) return UsageError("--peer is missing", "Name the other province or several.");
  return routes;
}

std::string OutcomeText(const v1::ChangeRouteResponse& response, std::uint32_t peer) {
  if (response.outcome() == v1::ROUTE_CHANGED) return "done";
  if (response.has_peer_proposes()) {
    return absl::StrCat("proposed; but ", peer, " proposes ",
                        RouteText(response.peer_proposes().state()), " at ",
                        response.peer_proposes().effective_unix_us() == 0
                            ? "once"
                            : ShanghaiText(response.peer_proposes().effective_unix_us()));
  }
  return absl::StrCat("proposed; waits for ", peer, " to do the same");
}

absl::Status RunVerb(const Verb& verb, const FlagSet& flags, Console& console) {
  const auto lab = LoadLab(flags);
  if (!lab.ok()) return lab.status();
  const auto node = ParseProvince("node", flags.Text("node"));
  if (!node.ok()) return node.status();
  auto request = TermsOf(verb, flags, *node);
  if (!request.ok()) return request.status();
  const auto routes = RoutesOf(verb, flags, *node);
  if (!routes.ok()) return routes.status();
  const auto stub = StubOf(*lab, *node);
  if (!stub.ok()) return stub.status();
  Table table({"accepting", "home", "to", "from when", "outcome"});
  JsonValue list = JsonValue::Array();
  absl::Status first_error;
  for (const auto& [accepting, home] : *routes) {
    request->mutable_change()->set_accepting(accepting.value());
    request->mutable_change()->set_home(home.value());
    const auto response =
        Call(**stub, Who(*node), &v1::NodeAdmin::StubInterface::ChangeRoute, *request);
    const std::uint32_t peer = accepting == *node ? home.value() : accepting.value();
    const std::string outcome =
        response.ok() ? OutcomeText(*response, peer) : std::string(response.status().message());
    first_error.Update(response.status());
    const std::int64_t at = request->change().effective_unix_us();
    table.AddRow({accepting.str(), home.str(), RouteText(verb.to),
                  at == 0 ? "at once" : ShanghaiText(at), outcome});
    list.Append(
        JsonValue::Object()
            .Set("accepting", JsonValue::Integer(accepting.value()))
            .Set("home", JsonValue::Integer(home.value()))
            .Set("to", RouteText(verb.to))
            .Set("done", JsonValue::Bool(response.ok() && response->outcome() == v1::ROUTE_CHANGED))
            .Set("outcome", outcome));
  }
  console.Emit(JsonValue::Object().Set("routes", std::move(list)));
  console.Show(table);
  return first_error;
}

Command MakeVerb(const Verb& verb) {
  const std::string name = absl::StrCat("link ", verb.name);
  std::string example = absl::StrCat("yizhan ", name, " --node 32 --peer 34");
  if (verb.to == v1::ROUTE_PILOT) absl::StrAppend(&example, " --quota 50 --points 320106001");
  absl::StrAppend(&example, " --order GA-2016-31 --reason \"decision of the two bureaus\"");
  if (verb.takes_time) absl::StrAppend(&example, " --at 2016-07-01T00:00:00+08:00");
  return {.name = name,
          .summary = std::string(verb.summary),
          .description = std::string(verb.description),
          .examples = {example},
          .positionals = {},
          .declare =
              [&verb](FlagSet& flags) {
                DeclareNode(flags);
                flags.AddList("peer", "MM,..", "", "The other province, or several.");
                flags.AddChoice("way", {"there", "back", "both"},
                                verb.ways == Ways::kThere  ? "there"
                                : verb.ways == Ways::kBack ? "back"
                                                           : "both",
                                "there: --node accepts residents of --peer; back: the reverse.");
                flags.AddText("order", "NO", "", "Number of the decision.");
                flags.AddText("reason", "TEXT", "", "Why.");
                flags.AddText("officer", "NO", "", "Who decides; a lab's default otherwise.");
                flags.AddText("group", "NAME", "", "Name of routes that change together.");
                if (verb.takes_time) {
                  flags.AddText("at", "TIME", "", "From when on; at once otherwise.");
                }
                if (verb.to == v1::ROUTE_PILOT) {
                  flags.AddNumber("quota", "N", 100, 1, 1'000'000, "New cases a day and way.");
                  flags.AddList("points", "CODES", "", "Acceptance points; all otherwise.");
                }
              },
          .run = [&verb](const FlagSet& flags,
                         Console& console) { return RunVerb(verb, flags, console); }};
}

// --- what tells of routes ---

std::string SignersText(const google::protobuf::RepeatedField<std::uint32_t>& signers) {
  std::vector<std::string> names;
  for (const std::uint32_t signer : signers) {
    names.push_back(signer == 0 ? "broker" : signer == 1 ? "authority" : absl::StrCat(signer));
  }
  return absl::StrJoin(names, " ");
}

absl::Status RunHistory(const FlagSet& flags, Console& console) {
  const auto lab = LoadLab(flags);
  if (!lab.ok()) return lab.status();
  const auto node = ParseProvince("node", flags.Text("node"));
  if (!node.ok()) return node.status();
  const auto peer = ParseProvince("peer", flags.Text("peer"));
  if (!peer.ok()) return peer.status();
  const auto stub = StubOf(*lab, *node);
  if (!stub.ok()) return stub.status();
  Table table({"accepting", "home", "entry", "signed", "state", "from when", "order", "reason",
               "officer", "signed by"});
  JsonValue list = JsonValue::Array();
  for (const auto& [accepting, home] : {std::pair(*node, *peer), std::pair(*peer, *node)}) {
    v1::ListRouteHistoryRequest request;
    request.set_accepting(accepting.value());
    request.set_home(home.value());
    const auto response =
        Call(**stub, Who(*node), &v1::NodeAdmin::StubInterface::ListRouteHistory, request);
    if (!response.ok()) return response.status();
    for (const v1::RouteEvent& event : response->events()) {
      const std::string when = ShanghaiText(event.created_unix_us());
      const std::string effective = ShanghaiText(event.effective_unix_us());
      const std::string what = event.run_id().empty()
                                   ? RouteText(event.state())
                                   : absl::StrCat(RouteText(event.state()), " by run ",
                                                  Hex(event.run_id()).substr(0, 8));
      table.AddRow({accepting.str(), home.str(), absl::StrCat(event.position()), when, what,
                    effective, event.order_number(), event.reason(), event.officer().number(),
                    SignersText(event.signed_by())});
      list.Append(JsonValue::Object()
                      .Set("accepting", JsonValue::Integer(accepting.value()))
                      .Set("home", JsonValue::Integer(home.value()))
                      .Set("entry", JsonValue::Integer(static_cast<std::int64_t>(event.position())))
                      .Set("created", when)
                      .Set("state", RouteText(event.state()))
                      .Set("effective", effective)
                      .Set("order", event.order_number())
                      .Set("reason", event.reason())
                      .Set("group", event.group())
                      .Set("officer", event.officer().number())
                      .Set("run", Hex(event.run_id()))
                      .Set("signed_by", SignersText(event.signed_by())));
    }
  }
  console.Emit(JsonValue::Object().Set("events", std::move(list)));
  console.Show(table);
  return absl::OkStatus();
}

absl::Status RunProposals(const FlagSet& flags, Console& console) {
  const auto lab = LoadLab(flags);
  if (!lab.ok()) return lab.status();
  const auto node = ParseProvince("node", flags.Text("node"));
  if (!node.ok()) return node.status();
  const auto stub = StubOf(*lab, *node);
  if (!stub.ok()) return stub.status();
  const auto response = Call(**stub, Who(*node), &v1::NodeAdmin::StubInterface::ListRouteProposals,
                             v1::ListRouteProposalsRequest());
  if (!response.ok()) return response.status();
  Table table({"accepting", "home", "to", "from when", "by", "signed", "order", "reason"});
  JsonValue list = JsonValue::Array();
  for (const v1::RouteProposal& proposal : response->proposals()) {
    const v1::RouteChange& change = proposal.change();
    const std::string at = ShanghaiText(change.effective_unix_us());
    table.AddRow({absl::StrCat(change.accepting()), absl::StrCat(change.home()),
                  RouteText(change.state()), at.empty() ? "at once" : at,
                  absl::StrCat(proposal.by()), ShanghaiText(proposal.created_unix_us()),
                  change.order_number(), change.reason()});
    list.Append(JsonValue::Object()
                    .Set("accepting", JsonValue::Integer(change.accepting()))
                    .Set("home", JsonValue::Integer(change.home()))
                    .Set("to", RouteText(change.state()))
                    .Set("effective", at)
                    .Set("by", JsonValue::Integer(proposal.by()))
                    .Set("order", change.order_number())
                    .Set("reason", change.reason()));
  }
  console.Emit(JsonValue::Object().Set("proposals", std::move(list)));
  console.Show(table);
  if (response->proposals().empty()) console.Say("Nothing waits for a second signature.");
  return absl::OkStatus();
}

}  // namespace

std::vector<Command> RouteCommands() {
  std::vector<Command> commands;
  for (const Verb& verb : kVerbs) commands.push_back(MakeVerb(verb));
  commands.push_back({.name = "link proposals",
                      .summary = "Show changes that one province has signed and the other not yet.",
                      .description = "Doing the same command on the other side makes it so.",
                      .examples = {"yizhan link proposals --node 34"},
                      .positionals = {},
                      .declare = DeclareNode,
                      .run = RunProposals});
  commands.push_back(
      {.name = "link history",
       .summary = "Show everything the signed directory says of the routes of a pair.",
       .description = "From the node's own verified copy, oldest first, both ways.",
       .examples = {"yizhan link history --node 32 --peer 34"},
       .positionals = {},
       .declare =
           [](FlagSet& flags) {
             DeclareNode(flags);
             flags.AddText("peer", "MM", "", "The other province.");
           },
       .run = RunHistory});
  return commands;
}

}  // namespace yizhan::tools
