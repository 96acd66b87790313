#include "tools/demo/demo_run.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/crypto/suite.h"
#include "protos/contract/errors.h"
#include "tools/demo/interruption.h"
#include "tools/demo/lab_processes.h"
#include "tools/demo/link_opener.h"
#include "tools/demo/report.h"
#include "tools/demo/rpc_desk.h"
#include "tools/yizhan/text.h"

namespace yizhan::tools {
namespace {

namespace fs = std::filesystem;
using contract::ProvinceCode;

constexpr std::uint32_t kHub = 32;

class DemoRun {
 public:
  DemoRun(const DemoPlan& plan, Console& console) : plan_(plan), console_(console) {}
  absl::Status Run();

 private:
  absl::Status ChooseFolder();
  absl::Status MakeNetwork();
  absl::Status StartProcesses();
  absl::Status OpenRoutes();
  void StopNodes();
  absl::Status FeedApplications();
  absl::Status WriteOutcomes();
  absl::Status CountMessages();
  absl::Status CompareOutcomes();
  void Keep();
  void CleanUp(const absl::Status& status);

  // Runs a step and says how long it took.
  absl::Status Timed(absl::string_view what, absl::Duration& took, absl::Status (DemoRun::*step)());
  std::function<void(absl::string_view)> Progress() {
    return [this](absl::string_view text) { console_.Progress(text); };
  }

  const DemoPlan& plan_;
  Console& console_;
  bool temporary_ = false;
  std::string dir_;
  Lab lab_;
  std::unique_ptr<LabProcesses> processes_;
  std::set<ProvinceCode> running_;
  DemoFindings findings_;
};

absl::Status DemoRun::Timed(absl::string_view what, absl::Duration& took,
                            absl::Status (DemoRun::*step)()) {
  console_.Progress(what);
  const absl::Time began = absl::Now();
  absl::Status status = (this->*step)();
  took = absl::Now() - began;
  if (status.ok() && Interrupted()) status = InterruptedError();
  // A process that died explains more than what it made fail.
  if (processes_ != nullptr && !Interrupted()) {
    if (absl::Status alive = processes_->CheckAlive(); !alive.ok()) status = alive;
  }
  if (status.ok()) {
    console_.Say(absl::StrFormat("%s: %.1f s", what, absl::ToDoubleSeconds(took)));
  }
  return status;
}

absl::Status DemoRun::ChooseFolder() {
  dir_ = plan_.dir;
  if (!dir_.empty()) {
    std::error_code error;
    dir_ = fs::absolute(dir_, error).lexically_normal().string();
    return absl::OkStatus();
  }
  std::error_code error;
  std::string pattern = (fs::temp_directory_path(error) / "yizhan-demo-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                               absl::StrCat("No folder can be made like ", pattern, "."),
                               "Name one by --dir.");
  }
  dir_ = pattern;
  temporary_ = true;
  return absl::OkStatus();
}

absl::Status DemoRun::MakeNetwork() {
  NetworkInitOptions options;
  options.dir = dir_;
  options.provinces = plan_.provinces;
  options.base_port = plan_.base_port;
  options.data = plan_.input.data();
  options.now = absl::Now();
  options.on_progress = [this](absl::string_view step) {
    console_.Progress(absl::StrCat("making ", step));
  };
  platform::SystemRandom random;
  auto lab = InitNetwork(options, random);
  if (!lab.ok()) return lab.status();
  lab_ = *std::move(lab);
  return absl::OkStatus();
}

absl::Status DemoRun::StartProcesses() {
  LabProcessesOptions options;
  options.bin_dir = plan_.bin_dir;
  options.outlive_us = plan_.keep;
  options.interrupted = Interrupted;
  options.on_progress = Progress();
  processes_ = std::make_unique<LabProcesses>(&lab_, std::move(options));
  running_.insert(plan_.provinces.begin(), plan_.provinces.end());
  return processes_->Start();
}

absl::Status DemoRun::OpenRoutes() {
  LinkOpenerOptions options;
  options.hub = ProvinceCode(kHub);
  for (const ProvinceCode province : plan_.provinces) {
    if (province != options.hub) options.partners.push_back(province);
  }
  if (!plan_.links || options.partners.size() == plan_.provinces.size()) return absl::OkStatus();
  options.fast = plan_.fast;
  options.parallel = plan_.parallel_links;
  options.interrupted = Interrupted;
  options.on_progress = Progress();
  findings_.links = OpenLinks(lab_, options);
  absl::Status first;
  for (const LinkResult& link : findings_.links) {
    if (link.status.ok()) continue;
    if (!first.ok()) console_.Note(DescribeError(link.status));
    first.Update(link.status);
  }
  return first;
}

void DemoRun::StopNodes() {
  for (const ProvinceCode province : plan_.stopped) {
    processes_->StopNode(province);
    running_.erase(province);
    console_.Say(absl::StrCat("node ", province.str(), " is stopped: its cases will wait"));
  }
}

absl::Status DemoRun::FeedApplications() {
  const auto local = LocalDecision::Load(plan_.input.data());
  if (!local.ok()) return local.status();
  const std::vector<ProvinceCode> nodes(running_.begin(), running_.end());
  const auto desk = RpcDesk::Connect(lab_, nodes, Interrupted);
  if (!desk.ok()) return desk.status();
  CaseBoard board;
  const auto watchers = CaseWatchers::Start(lab_, nodes, &board);
  if (!watchers.ok()) return watchers.status();
  FeedOptions options;
  options.running = running_;
  options.stopped = plan_.stopped;
  options.in_flight = plan_.in_flight;
  options.run_name = absl::StrCat("d", absl::ToUnixSeconds(absl::Now()));
  options.interrupted = Interrupted;
  options.on_progress = Progress();
  auto result = Feed(plan_.input, **local, desk->get(), &board, options);
  if (!result.ok()) return result.status();
  findings_.feed = *std::move(result);
  return absl::OkStatus();
}

absl::Status DemoRun::WriteOutcomes() {
  if (plan_.out.empty()) return absl::OkStatus();
  std::string text;
  for (const LineResult& line : findings_.feed.lines) {
    absl::StrAppend(&text, OutcomeLine(line.outcome), "\n");
  }
  absl::Status status = platform::MakeDirectories(plan_.out, 0755);
  const std::string path = platform::JoinPath(plan_.out, "outcomes.jsonl");
  status.Update(platform::WriteFileAtomically(path, text));
  if (status.ok()) console_.Say(absl::StrCat("outcomes are in ", path));
  return status;
}

absl::Status DemoRun::CountMessages() {
  auto flows = FetchFlows(lab_, running_, absl::Seconds(20));
  if (!flows.ok()) return flows.status();
  findings_.flows = *std::move(flows);
  return absl::OkStatus();
}

absl::Status DemoRun::CompareOutcomes() {
  if (plan_.input.expected_file().empty()) return absl::OkStatus();
  const auto expected = LoadExpected(plan_.input.expected_file());
  if (!expected.ok()) return expected.status();
  ComparisonScope scope;
  scope.standard.insert(StandardProvinces().begin(), StandardProvinces().end());
  scope.running = running_;
  scope.links_open = plan_.links;
  findings_.comparison = Compare(findings_.feed.lines, *expected, scope);
  return absl::OkStatus();
}

void DemoRun::Keep() {
  std::vector<std::string> pids;
  for (const pid_t pid : processes_->Pids()) pids.push_back(absl::StrCat(pid));
  const std::string pid_file = platform::JoinPath(dir_, "pids");
  const absl::Status written =
      platform::WriteFileAtomically(pid_file, absl::StrCat(absl::StrJoin(pids, "\n"), "\n"));
  if (!written.ok()) console_.Note(DescribeError(written));
  const std::string yizhan = platform::JoinPath(ProgramFolder(), "yizhan");
  std::string number = "NUMBER";
  std::string metrics;
  for (const v1::LabNode& node : lab_.network.nodes()) {
    if (metrics.empty()) metrics = node.metrics();
  }
  console_.Say(absl::StrCat(
      "The network goes on in ", dir_, ". Look at it:\n  export YIZHAN_NETWORK=", dir_, "\n  ",
      yizhan, " node status\n  ", yizhan, " link list\n  ", yizhan, " mailbox list\n  ", yizhan,
      " case list --node ", lab_.network.nodes(0).province(), "\n  ", yizhan,
      " case list --due --as-of 2016-09-10\n  ", yizhan, " case show ", number, "\n  curl http://",
      metrics, "/metrics\n  less ", dir_, "/log/broker.log\nStop it:\n  kill $(cat ", pid_file,
      ")"));
  processes_->LetGo();
}

void DemoRun::CleanUp(const absl::Status& status) {
  if (processes_ != nullptr) {
    console_.Progress("stopping the processes");
    processes_->StopAll();
  }
  if (!temporary_) return;
  if (!status.ok() && !Interrupted()) {
    console_.Note(absl::StrCat("The network's folder with its logs is kept: ", dir_));
    return;
  }
  std::error_code error;
  fs::remove_all(dir_, error);
}

absl::Status DemoRun::Run() {
  if (absl::Status status = ChooseFolder(); !status.ok()) return status;
  absl::Duration unused;
  absl::Status status = Timed("network made", findings_.made, &DemoRun::MakeNetwork);
  if (status.ok()) status = Timed("processes ready", findings_.started, &DemoRun::StartProcesses);
  if (status.ok()) status = Timed("connectivity tests", findings_.tested, &DemoRun::OpenRoutes);
  if (status.ok()) StopNodes();
  if (status.ok()) status = Timed("applications", unused, &DemoRun::FeedApplications);
  if (status.ok()) status = WriteOutcomes();
  if (status.ok()) status = Timed("messages counted", findings_.counted, &DemoRun::CountMessages);
  if (status.ok()) status = CompareOutcomes();
  const bool complete = status.ok();
  if (complete) {
    ShowReport(lab_, findings_, console_);
    console_.Emit(ReportJson(findings_).Set("network", dir_));
    status = JudgeFindings(findings_);
  }
  if (plan_.keep && complete) {
    Keep();
  } else {
    CleanUp(status);
  }
  return status;
}

}  // namespace

absl::Status RunDemo(const DemoPlan& plan, Console& console) {
  return DemoRun(plan, console).Run();
}

}  // namespace yizhan::tools
