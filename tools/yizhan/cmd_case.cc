#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "protos/contract/errors.h"
#include "protos/contract/resident.h"
#include "tools/yizhan/case_json.h"
#include "tools/yizhan/commands.h"
#include "tools/yizhan/lab.h"
#include "tools/yizhan/rpc_call.h"
#include "tools/yizhan/text.h"
#include "yizhan/v1/gateway.grpc.pb.h"

namespace yizhan::tools {
namespace {

using contract::ProvinceCode;
using platform::JsonValue;

std::string ClockText(const v1::CaseClock& clock) {
  return absl::StrCat(Shorten(v1::ClockKind_Name(clock.kind()), "CLOCK_"), " ",
                      Shorten(v1::ClockStatus_Name(clock.status()), "CLOCK_"), " ",
                      ShanghaiText(clock.due_unix_us()).substr(0, 10));
}

bool IsPressing(const v1::CaseClock& clock) {
  return clock.status() == v1::CLOCK_WARNING || clock.status() == v1::CLOCK_BREACHED;
}

absl::Status ListOfNode(const Lab& lab, ProvinceCode node, v1::ListCasesRequest request,
                        std::vector<v1::CaseView>& cases) {
  const auto channel = DialNode(lab, node, v1::CALLER_OPERATOR);
  if (!channel.ok()) return channel.status();
  const auto stub = v1::Gateway::NewStub(*channel);
  std::set<std::string> seen;
  while (true) {
    const auto response = Call(*stub, absl::StrCat("Node ", node.str()),
                               &v1::Gateway::StubInterface::ListCases, request);
    if (!response.ok()) return response.status();
    cases.insert(cases.end(), response->cases().begin(), response->cases().end());
    request.set_page_token(response->next_page_token());
    // A server that repeats its tokens must not keep us for ever.
    if (request.page_token().empty() || !seen.insert(request.page_token()).second) break;
  }
  return absl::OkStatus();
}

void ShowCases(const std::vector<v1::CaseView>& cases, Console& console) {
  Table table({"number", "role", "state", "from", "to", "business", "applied", "reason", "clocks"});
  JsonValue list = JsonValue::Array();
  for (const v1::CaseView& view : cases) {
    std::vector<std::string> pressing;
    for (const v1::CaseClock& clock : view.clocks()) {
      if (IsPressing(clock)) pressing.push_back(ClockText(clock));
    }
    table.AddRow(
        {view.acceptance_number().empty() ? Hex(view.case_handle()) : view.acceptance_number(),
         CaseRoleText(view.role()), StateText(view.state()), absl::StrCat(view.accepting()),
         absl::StrCat(view.home()), v1::Business_Name(view.business()),
         ShanghaiText(view.applied_unix_us()).substr(0, 10), ReasonText(view.reason()),
         absl::StrJoin(pressing, "; ")});
    list.Append(CaseJson(view));
  }
  console.Emit(JsonValue::Object().Set("cases", std::move(list)));
  console.Show(table);
  console.Say(absl::StrCat(cases.size(), " cases."));
}

absl::Status RunList(const FlagSet& flags, Console& console) {
  const auto lab = LoadLab(flags);
  if (!lab.ok()) return lab.status();
  const auto nodes = ChosenNodes(*lab, flags.List("node"), "node");
  if (!nodes.ok()) return nodes.status();
  v1::ListCasesRequest request;
  request.set_due_only(flags.Switch("due"));
  request.set_page_size(500);
  if (!flags.Text("as-of").empty()) {
    const auto as_of = ParseTimeFlag("as-of", flags.Text("as-of"));
    if (!as_of.ok()) return as_of.status();
    request.set_as_of_unix_us(absl::ToUnixMicros(*as_of));
  }
  for (const std::string& name : flags.List("state")) {
    v1::CaseState state;
    if (!v1::CaseState_Parse(absl::StrCat("CASE_", name), &state)) {
      std::vector<std::string> known;
      for (int i = v1::CaseState_MIN + 1; i <= v1::CaseState_MAX; ++i) {
        known.push_back(StateText(static_cast<v1::CaseState>(i)));
      }
      return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                                 absl::StrCat("There is no state '", name, "'."),
                                 absl::StrCat("States are ", absl::StrJoin(known, ", "), "."));
    }
    request.add_states(state);
  }
  // A node that does not answer must not hide the cases of the others.
  std::vector<v1::CaseView> cases;
  absl::Status first_error;
  for (const ProvinceCode node : *nodes) {
    const absl::Status status = ListOfNode(*lab, node, request, cases);
    if (status.ok()) continue;
    if (!first_error.ok()) console.Note(DescribeError(status));
    first_error.Update(status);
  }
  ShowCases(cases, console);
  return first_error;
}

// The view of one side; NOT_FOUND where that node has none.
absl::StatusOr<v1::CaseView> Fetch(const Lab& lab, ProvinceCode node, const v1::CaseKey& key,
                                   std::int64_t as_of) {
  const auto channel = DialNode(lab, node, v1::CALLER_OPERATOR);
  if (!channel.ok()) return channel.status();
  const auto stub = v1::Gateway::NewStub(*channel);
  v1::GetCaseRequest request;
  *request.mutable_case_() = key;
  request.set_as_of_unix_us(as_of);
  auto response =
      Call(*stub, absl::StrCat("Node ", node.str()), &v1::Gateway::StubInterface::GetCase, request);
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_case_());
}

void ShowCase(const v1::CaseView& view, Console& console) {
  console.Say(absl::StrCat(CaseRoleText(view.role()), " view: ", StateText(view.state()), "  ",
                           view.acceptance_number(), "  ", view.accepting(), " -> ", view.home(),
                           "  ", v1::Business_Name(view.business()), "  point ", view.point(),
                           "  ID ", view.id_number_masked(), "\n  handle ", Hex(view.case_handle()),
                           "  fee ", view.fee_fen(), " fen, paid back ", view.refund_fen(), " fen",
                           view.reason() == 0 ? "" : "  reason ", ReasonText(view.reason()), " ",
                           view.reason_detail()));
  if (view.validity_known()) {
    console.Say(absl::StrCat("  valid ", view.valid_from(), " to ",
                             view.valid_until().empty() ? "long-term" : view.valid_until(), ", ",
                             view.issuing_office(), "  card ", view.card_serial()));
  }
  Table events({"case time", "state", "what", "officer", "unit", "reason"});
  for (const v1::CaseEvent& event : view.events()) {
    events.AddRow({ShanghaiText(event.at_unix_us()), StateText(event.state()), event.what(),
                   event.officer().number(), event.officer().unit(), ReasonText(event.reason())});
  }
  if (!events.empty()) console.Show(events);
  Table clocks({"clock", "started", "warns", "due", "met", "status"});
  for (const v1::CaseClock& clock : view.clocks()) {
    clocks.AddRow({Shorten(v1::ClockKind_Name(clock.kind()), "CLOCK_"),
                   ShanghaiText(clock.started_unix_us()), ShanghaiText(clock.warns_unix_us()),
                   ShanghaiText(clock.due_unix_us()), ShanghaiText(clock.met_unix_us()),
                   Shorten(v1::ClockStatus_Name(clock.status()), "CLOCK_")});
  }
  if (!clocks.empty()) console.Show(clocks);
  Table messages({"message", "way", "kind", "no", "passage", "at", "detail"});
  for (const v1::CaseMessage& message : view.messages()) {
    messages.AddRow({MessageIdText(message.message_id()), message.outgoing() ? "out" : "in",
                     v1::MessageKind_Name(message.kind()), absl::StrCat(message.sequence()),
                     PassageText(message.passage()), ShanghaiMillisText(message.at_unix_us()),
                     absl::StrCat(ReasonText(message.reason()), message.reason() == 0 ? "" : " ",
                                  message.detail())});
  }
  if (!messages.empty()) console.Show(messages);
}

absl::StatusOr<v1::CaseKey> ParseKey(const std::string& text) {
  v1::CaseKey key;
  if (contract::IsAcceptanceNumber(text)) {
    key.set_acceptance_number(text);
    return key;
  }
  const bool hex = text.size() == 2 * contract::CaseHandle::kSize &&
                   text.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
  if (!hex) {
    return contract::MakeError(
        v1::CONFIG_INVALID, v1::SIDE_MINE, absl::StrCat("'", text, "' names no case."),
        "Give the 22 digits of its acceptance number, or its handle (32 hex digits).");
  }
  key.set_case_handle(absl::HexStringToBytes(text));
  return key;
}

absl::Status RunShow(const FlagSet& flags, Console& console) {
  const auto lab = LoadLab(flags);
  if (!lab.ok()) return lab.status();
  auto key = ParseKey(flags.positionals()[0]);
  if (!key.ok()) return key.status();
  const auto nodes = ChosenNodes(*lab, flags.List("node"), "node");
  if (!nodes.ok()) return nodes.status();
  std::int64_t as_of = 0;
  if (!flags.Text("as-of").empty()) {
    const auto time = ParseTimeFlag("as-of", flags.Text("as-of"));
    if (!time.ok()) return time.status();
    as_of = absl::ToUnixMicros(*time);
  }
  JsonValue views = JsonValue::Array();
  absl::Status first_error;
  bool found = false;
  for (const v1::CaseRole role : {v1::CASE_ROLE_ACCEPTING, v1::CASE_ROLE_HOME}) {
    for (const ProvinceCode node : *nodes) {
      key->set_role(role);
      const auto view = Fetch(*lab, node, *key, as_of);
      if (view.ok()) {
        // The home side may know the case by its handle alone.
        key->set_case_handle(view->case_handle());
        key->clear_acceptance_number();
        ShowCase(*view, console);
        views.Append(CaseJson(*view));
        found = true;
        break;
      }
      if (ExitCodeOf(view.status()) != kExitNotFound) first_error.Update(view.status());
    }
  }
  console.Emit(JsonValue::Object().Set("views", std::move(views)));
  if (found || !first_error.ok()) return first_error;
  return contract::MakeError(v1::CASE_NOT_FOUND, v1::SIDE_MINE,
                             absl::StrCat("No node has the case ", flags.positionals()[0], "."),
                             "See `yizhan case list`.");
}

void DeclareCases(FlagSet& flags) {
  DeclareNetworkFlag(flags);
  flags.AddList("node", "NN", "", "Ask these nodes; else all.");
  flags.AddText("as-of", "TIME", "", "Case time for the clocks, 2016-07-20 or RFC 3339; else now.");
}

}  // namespace

Command CaseListCommand() {
  return {.name = "case list",
          .summary = "List cases, or with --due those whose clock warns or is breached.",
          .description =
              "Clocks count in Asia/Shanghai. A demo's cases are of 2016: name the day whose\n"
              "clocks you want with --as-of.",
          .examples = {"yizhan case list --network lab --node 32",
                       "yizhan case list --network lab --due --as-of 2016-09-10",
                       "yizhan case list --network lab --state READY,RECOLLECT --output=json"},
          .positionals = {},
          .declare =
              [](FlagSet& flags) {
                DeclareCases(flags);
                flags.AddSwitch("due", "Only cases with a clock in warning or breach.");
                flags.AddList("state", "STATE", "", "Only cases in these states.");
              },
          .run = RunList};
}

Command CaseShowCommand() {
  return {.name = "case show",
          .summary = "Show one case: state, events, clocks, and how far each message came.",
          .description = "Shows the view of the accepting and of the home province.",
          .examples = {"yizhan case show --network lab 3201060012016072000001"},
          .positionals = {"CASE"},
          .declare = DeclareCases,
          .run = RunShow};
}

}  // namespace yizhan::tools
