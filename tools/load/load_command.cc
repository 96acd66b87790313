#include "tools/load/load_command.h"

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "adapters/platform/rpc/status.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "protos/contract/errors.h"
#include "tools/load/load_report.h"
#include "tools/load/load_run.h"
#include "yizhan/v1/broker_admin.grpc.pb.h"

namespace yizhan::tools {
namespace {

using contract::ProvinceCode;

absl::Status Unfit(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, what, next_step);
}

absl::StatusOr<std::vector<ProvinceCode>> ProvincesOf(const FlagSet& flags, const Lab& lab,
                                                      absl::string_view flag) {
  if (flags.List(flag).empty()) {
    return Unfit(absl::StrCat("--", flag, " is missing."),
                 absl::StrCat("Name provinces of ", lab.dir, ", for example --", flag, "=32."));
  }
  return ChosenNodes(lab, flags.List(flag), flag);
}

absl::StatusOr<LoadPlan> PlanOf(const FlagSet& flags, const Lab& lab) {
  LoadPlan plan;
  auto senders = ProvincesOf(flags, lab, "from");
  if (!senders.ok()) return senders.status();
  auto recipients = ProvincesOf(flags, lab, "to");
  if (!recipients.ok()) return recipients.status();
  plan.senders = *std::move(senders);
  plan.recipients = *std::move(recipients);
  if (!flags.List("quiet").empty()) {
    auto quiet = ChosenNodes(lab, flags.List("quiet"), "quiet");
    if (!quiet.ok()) return quiet.status();
    plan.quiet = *std::move(quiet);
  }
  std::set<ProvinceCode> once;
  for (const auto* provinces : {&plan.senders, &plan.recipients, &plan.quiet}) {
    for (const ProvinceCode province : *provinces) {
      if (once.insert(province).second) continue;
      return Unfit(absl::StrCat("Province ", province.str(), " is named twice."),
                   "Give each province one part: --from, --to or --quiet.");
    }
  }
  plan.messages = static_cast<std::uint64_t>(flags.Number("messages"));
  plan.body_bytes = static_cast<std::size_t>(flags.Number("body-bytes"));
  plan.batch = static_cast<std::size_t>(flags.Number("batch"));
  plan.per_second = static_cast<double>(flags.Number("rate"));
  plan.credit_messages = static_cast<std::uint64_t>(flags.Number("credit"));
  plan.hold_recipients = flags.Switch("backlog");
  return plan;
}

// Speaking for a province ends its node's session, and what waits for it would
// come to us.
absl::Status CheckNobodyIsThere(const Lab& lab, const LoadPlan& plan) {
  auto channel = DialBroker(lab);
  if (!channel.ok()) return channel.status();
  const auto stub = v1::BrokerAdmin::NewStub(*channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  v1::ListMailboxesResponse response;
  const absl::Status listed =
      platform::FromGrpc(stub->ListMailboxes(&context, v1::ListMailboxesRequest(), &response));
  if (!listed.ok()) return listed;
  std::set<std::uint32_t> ours;
  for (const auto* provinces : {&plan.senders, &plan.recipients, &plan.quiet}) {
    for (const ProvinceCode province : *provinces) ours.insert(province.value());
  }
  for (const v1::MailboxInfo& box : response.mailboxes()) {
    if (box.lane() != v1::LANE_BUSINESS || !ours.contains(box.province())) continue;
    if (box.session_active()) {
      return Unfit(absl::StrCat("Province ", box.province(), " has a session with the broker."),
                   "Stop its node: a load speaks in its name.");
    }
    if (box.messages() > 0 || box.control_records() > 0) {
      return Unfit(absl::StrCat("For province ", box.province(), " ", box.messages(),
                                " messages and ", box.control_records(), " control records wait."),
                   "Let its node fetch them first, or load a lab that nobody uses.");
    }
  }
  return absl::OkStatus();
}

absl::Status RunLoadCommand(const FlagSet& flags, Console& console) {
  auto lab = LoadLab(flags);
  if (!lab.ok()) return lab.status();
  auto plan = PlanOf(flags, *lab);
  if (!plan.ok()) return plan.status();
  if (absl::Status s = CheckNobodyIsThere(*lab, *plan); !s.ok()) return s;
  plan->on_progress = [&](absl::string_view text) { console.Progress(text); };
  auto report = RunLoad(*lab, *plan);
  console.ClearProgress();
  if (!report.ok()) return report.status();
  console.Show(TableOf(*report));
  console.Emit(JsonOf(*report));
  if (report->Complete()) return absl::OkStatus();
  return contract::MakeError(
      v1::INTERNAL_FAULT, v1::SIDE_BROKER,
      absl::StrFormat("%d of %d messages were refused, %d came twice. %s", report->refused,
                      report->accepted + report->refused, report->delivered_again,
                      report->first_refusal),
      "Open the routes by `yizhan link test`; look at `yizhan link list` and the broker's log.");
}

void Declare(FlagSet& flags) {
  DeclareNetworkFlag(flags);
  flags.AddList("from", "NN", "", "Busy senders.");
  flags.AddList("to", "NN", "", "Recipients, in turn.");
  flags.AddList("quiet", "NN", "", "Further senders of one message a second, signed alone.");
  flags.AddNumber("messages", "N", 100'000, 1, 10'000'000, "Messages of all busy senders.");
  flags.AddNumber("body-bytes", "N", 1024, 512, 1 << 20, "Bytes of a sealed body.");
  flags.AddNumber("batch", "N", 256, 1, 256, "Messages of one frame, signed together.");
  flags.AddNumber("rate", "N", 0, 0, 10'000'000,
                  "Messages a second of all busy senders; 0: as fast as credit allows.");
  flags.AddNumber("credit", "N", 4096, 1, 16384, "Messages that a recipient takes unanswered.");
  flags.AddSwitch("backlog", "Recipients begin when all is accepted.");
}

}  // namespace

Command LoadCommand() {
  return {
      .name = "load",
      .summary = "Load the broker of a lab, and measure it.",
      .description =
          "Speaks to a running broker as the nodes of the named provinces would: messages that\n"
          "were sealed and signed beforehand, recipients that keep nothing and sign receipts. For\n"
          "labs only, since it needs the private keys of all of them in one place (`yizhan "
          "network\n"
          "init`). The broker must run, the nodes of these provinces must not, and each sender\n"
          "needs an open route to each recipient (`yizhan link test`). Times are counted from "
          "when\n"
          "a message was due, whether it could be sent then or not. Exit code 0 only if every\n"
          "message was accepted, delivered once and receipted.",
      .examples = {"yizhan load --network lab --from 32 --to 34",
                   "yizhan load --network lab --from 32 --to 34 --rate 10000 --batch 16"},
      .positionals = {},
      .declare = Declare,
      .run = RunLoadCommand};
}

}  // namespace yizhan::tools
