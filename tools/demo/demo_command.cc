#include "tools/demo/demo_command.h"

#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "protos/contract/errors.h"
#include "tools/demo/comparison.h"
#include "tools/demo/demo_run.h"
#include "tools/demo/interruption.h"

namespace yizhan::tools {
namespace {

using contract::ProvinceCode;

std::string StandardList() {
  std::vector<std::string> codes;
  for (const ProvinceCode province : StandardProvinces()) codes.push_back(province.str());
  return absl::StrJoin(codes, ",");
}

absl::StatusOr<DemoPlan> PlanOf(const FlagSet& flags) {
  DemoPlan plan;
  auto provinces = ParseProvinces("provinces", flags.List("provinces"));
  if (!provinces.ok()) return provinces.status();
  plan.provinces = *std::move(provinces);
  for (const std::string& text : flags.List("stop-node")) {
    const auto province = ParseProvince("stop-node", text);
    if (!province.ok()) return province.status();
    if (std::find(plan.provinces.begin(), plan.provinces.end(), *province) ==
        plan.provinces.end()) {
      return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                                 absl::StrCat("--stop-node=", text, " is none of --provinces."),
                                 "Name a province that has a node.");
    }
    plan.stopped.insert(*province);
  }
  auto data = DataFilesOf(flags);
  if (!data.ok()) return data.status();
  const std::string folder =
      flags.Text("applications").empty() ? data->sample : flags.Text("applications");
  auto input = InputFolder::Open(folder, *data);
  if (!input.ok()) return input.status();
  plan.input = *std::move(input);
  plan.dir = flags.Text("dir");
  plan.out = flags.Text("out");
  plan.bin_dir = flags.Text("bin-dir").empty() ? ProgramFolder() : flags.Text("bin-dir");
  plan.links = flags.Text("links") == "all";
  plan.fast = flags.Switch("fast") || !flags.Given("fast");
  plan.keep = flags.Switch("keep");
  plan.in_flight = static_cast<int>(flags.Number("in-flight"));
  plan.parallel_links = static_cast<int>(flags.Number("parallel-links"));
  plan.base_port = static_cast<std::uint16_t>(flags.Number("base-port"));
  return plan;
}

absl::Status RunDemoCommand(const FlagSet& flags, Console& console) {
  NoteInterruptions();
  auto plan = PlanOf(flags);
  if (!plan.ok()) return plan.status();
  return RunDemo(*plan, console);
}

void Declare(FlagSet& flags) {
  flags.AddList("provinces", "NN", StandardList(),
                "Provinces with a node; links are of 32 to each.");
  flags.AddText(
      "applications", "DIR", "",
      "Folder with applications.jsonl; its points.jsonl, divisions.csv, registers, images "
      "stand in the place of the shipped ones. Else the shipped sample.");
  flags.AddText("out", "DIR", "", "Write outcomes.jsonl there, a line for each input line.");
  flags.AddChoice("links", {"all", "none"}, "all",
                  "Run the connectivity tests, or leave all closed.");
  flags.AddList("stop-node", "NN", "", "Stop this node after the link tests, before feeding.");
  flags.AddSwitch("keep", "Leave the network running, and say how to look at it and stop it.");
  flags.AddText("dir", "DIR", "", "Folder for the network; new or empty. Else a temporary one.");
  flags.AddNumber("in-flight", "N", 24, 1, 256, "Cases led at the same time.");
  flags.AddNumber("parallel-links", "N", 4, 1, 16, "Connectivity tests at the same time.");
  flags.AddNumber("base-port", "PORT", 0, 0, 65000,
                  "First port of the network; 0 finds free ones.");
  flags.AddSwitch("fast",
                  "Short waits in the connectivity tests (the default; --no-fast for real ones).");
  flags.AddText("bin-dir", "DIR", "",
                "Folder of yizhan-broker and yizhan-node; else beside this program.");
  DeclareDataFlags(flags);
}

}  // namespace

Command DemoCommand() {
  return {.name = "demo",
          .summary = "Start a lab of real processes, open its links, feed it with applications.",
          .description =
              "Makes a network, starts a broker and a node for each province, runs the bilateral\n"
              "connectivity tests of 32 and its partners, and hands applications in as points,\n"
              "county reviewers, card centres and collection desks would. Ends with tables of\n"
              "cases, messages, reasons and times. Exit code 0 only if every outcome is as\n"
              "expected.jsonl says (where there is one) and all counts agree.",
          .examples = {"yizhan demo", "yizhan demo --provinces 32,34",
                       "yizhan demo --applications DIR --out DIR", "yizhan demo --links none",
                       "yizhan demo --stop-node 34 --keep"},
          .positionals = {},
          .declare = Declare,
          .run = RunDemoCommand};
}

}  // namespace yizhan::tools
