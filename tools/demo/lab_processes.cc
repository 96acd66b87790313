#include "tools/demo/lab_processes.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "adapters/platform/config/files.h"
#include "protos/contract/errors.h"
#include "tools/demo/interruption.h"
#include "tools/yizhan/rpc_call.h"
#include "yizhan/v1/node_admin.grpc.pb.h"

namespace yizhan::tools {
namespace {

std::string NodeName(contract::ProvinceCode province) {
  return absl::StrCat("node-", province.str());
}

std::string PortFileBeside(const std::string& config) {
  return platform::JoinPath(platform::FolderOf(config), "ports");
}

}  // namespace

absl::Status LabProcesses::Failed(ChildProcess& process, absl::string_view what) const {
  return contract::MakeError(v1::SHUTTING_DOWN, v1::SIDE_MINE,
                             absl::StrCat(process.name(), " ", what, ". The end of ",
                                          process.log_file(), ":\n", process.LogTail()),
                             "Do what its log says, and run this again.");
}

absl::Status LabProcesses::StartOne(const std::string& name, const std::string& program,
                                    const std::string& config) {
  // A port file of an earlier start would look like readiness.
  unlink(PortFileBeside(config).c_str());
  auto process = ChildProcess::Start(
      name, {platform::JoinPath(options_.bin_dir, program), "--config", config},
      platform::JoinPath(lab_->dir, absl::StrCat("log/", name, ".log")), !options_.outlive_us);
  if (!process.ok()) return process.status();
  processes_[name] = *std::move(process);
  return absl::OkStatus();
}

absl::Status LabProcesses::AwaitPortFile(ChildProcess& process, const std::string& config) {
  const std::string path = PortFileBeside(config);
  const absl::Time end = absl::Now() + options_.start_timeout;
  while (access(path.c_str(), R_OK) != 0) {
    if (const auto ended = process.Ended(); ended.has_value()) {
      return Failed(process, absl::StrCat("ended at once with ", *ended));
    }
    if (options_.interrupted()) return InterruptedError();
    if (absl::Now() > end) {
      return Failed(process, absl::StrCat("is not ready after ",
                                          absl::FormatDuration(options_.start_timeout)));
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
  return absl::OkStatus();
}

absl::Status LabProcesses::AwaitSession(contract::ProvinceCode province) {
  const auto channel = DialNode(*lab_, province, v1::CALLER_OPERATOR);
  if (!channel.ok()) return channel.status();
  const auto stub = v1::NodeAdmin::NewStub(*channel);
  ChildProcess& process = *processes_.at(NodeName(province));
  const std::uint64_t members = 1 + static_cast<std::uint64_t>(lab_->network.nodes_size());
  const absl::Time end = absl::Now() + options_.start_timeout;
  while (true) {
    const auto status = Call(*stub, process.name(), &v1::NodeAdmin::StubInterface::GetStatus,
                             v1::GetStatusRequest(), absl::Seconds(5));
    if (status.ok() && status->connected() && status->directory_head().size() >= members) {
      return absl::OkStatus();
    }
    if (const auto ended = process.Ended(); ended.has_value()) {
      return Failed(process, absl::StrCat("ended with ", *ended));
    }
    if (options_.interrupted()) return InterruptedError();
    if (absl::Now() > end) {
      return Failed(process, absl::StrCat("has no session with the broker after ",
                                          absl::FormatDuration(options_.start_timeout), " (",
                                          status.ok() ? status->last_error()
                                                      : std::string(status.status().message()),
                                          ")"));
    }
    absl::SleepFor(absl::Milliseconds(50));
  }
}

absl::Status LabProcesses::Start() {
  absl::Status status = platform::MakeDirectories(platform::JoinPath(lab_->dir, "log"), 0700);
  const std::string broker_config = platform::JoinPath(lab_->dir, lab_->network.broker_config());
  if (status.ok()) status = StartOne("broker", "yizhan-broker", broker_config);
  if (status.ok()) status = AwaitPortFile(*processes_.at("broker"), broker_config);
  if (!status.ok()) return status;
  for (const v1::LabNode& node : lab_->network.nodes()) {
    const std::string name = NodeName(contract::ProvinceCode(node.province()));
    status = StartOne(name, "yizhan-node", platform::JoinPath(lab_->dir, node.config()));
    if (!status.ok()) return status;
  }
  int ready = 0;
  for (const v1::LabNode& node : lab_->network.nodes()) {
    options_.on_progress(absl::StrCat("nodes ready ", ready++, "/", lab_->network.nodes_size()));
    const contract::ProvinceCode province(node.province());
    status = AwaitPortFile(*processes_.at(NodeName(province)),
                           platform::JoinPath(lab_->dir, node.config()));
    if (status.ok()) status = AwaitSession(province);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void LabProcesses::StopNode(contract::ProvinceCode province) {
  const auto found = processes_.find(NodeName(province));
  if (found == processes_.end()) return;
  found->second->Stop(absl::Seconds(10));
  processes_.erase(found);
}

void LabProcesses::StopAll() {
  // Nodes first, all at once; the broker goes last so that they end in peace.
  for (const auto& [name, process] : processes_) {
    if (name != "broker") process->RequestStop();
  }
  for (const auto& [name, process] : processes_) {
    if (name != "broker") process->Stop(absl::Seconds(10));
  }
  processes_.clear();
}

absl::Status LabProcesses::CheckAlive() {
  for (const auto& [name, process] : processes_) {
    if (const auto ended = process->Ended(); ended.has_value()) {
      return Failed(*process, absl::StrCat("ended by itself with ", *ended));
    }
  }
  return absl::OkStatus();
}

void LabProcesses::LetGo() {
  for (const auto& [name, process] : processes_) process->LetGo();
  processes_.clear();
}

std::vector<pid_t> LabProcesses::Pids() const {
  std::vector<pid_t> pids;
  for (const auto& [name, process] : processes_) pids.push_back(process->pid());
  return pids;
}

}  // namespace yizhan::tools
