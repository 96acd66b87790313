// yizhan-node: the node of one province.
#include <cstdio>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "adapters/platform/config/process.h"
#include "adapters/platform/log/log.h"
#include "adapters/platform/rpc/server.h"
#include "protos/contract/errors.h"
#include "province_nodes/app/node_config.h"
#include "province_nodes/app/node_process.h"

namespace {

using yizhan::contract::DetailOf;

constexpr char kVersion[] = "yizhan-node " YIZHAN_VERSION;
constexpr char kUsage[] =
    "usage: yizhan-node --config FILE | --version | --help\n"
    "\n"
    "Runs the node of one province: takes commands of the province's systems on\n"
    "its gateway, exchanges messages with other provinces over the broker, and\n"
    "keeps its cases in data_dir. FILE is a NodeConfig in protobuf text format.\n"
    "SIGHUP lets it read its keys and its certificate towards the broker again.\n"
    "\n"
    "exit codes: 0 ended by SIGTERM or SIGINT\n"
    "            1 could not start\n"
    "            2 the configuration is wrong (file and field are named)\n"
    "            3 the storage failed: check disk and file system, then start again;\n"
    "              the store decides what survived, and peers send again what is missing\n";

enum ExitCode { kOk = 0, kFailed = 1, kConfigWrong = 2, kStorageFailed = 3 };

int ExitCodeOf(const absl::Status& status) {
  switch (DetailOf(status).reason()) {
    case yizhan::v1::CONFIG_INVALID:
    case yizhan::v1::VERSION_UNSUPPORTED:
      return kConfigWrong;
    case yizhan::v1::STORAGE_FAILED:
      return kStorageFailed;
    default:
      return kFailed;
  }
}

int Report(const absl::Status& status) {
  const yizhan::v1::ErrorDetail detail = DetailOf(status);
  std::fprintf(stderr, "yizhan-node: %s\n", detail.what().c_str());
  if (!detail.next_step().empty()) {
    std::fprintf(stderr, "yizhan-node: %s\n", detail.next_step().c_str());
  }
  return ExitCodeOf(status);
}

void OnStorageFailure(const absl::Status& status) {
  yizhan::platform::LogError(
      "node", "the storage failed; the node stops. Check disk and file system, then start again",
      {{"error", status}});
  yizhan::platform::RequestTermination(kStorageFailed);
}

int RunNode(const std::string& config) {
  yizhan::platform::BlockTerminationSignals();
  yizhan::platform::InitRpcProcess();
  yizhan::platform::RaiseFileLimit();
  auto setup = yizhan::node::LoadNodeSetup(config);
  if (!setup.ok()) return Report(setup.status());
  auto node = yizhan::node::NodeProcess::Start(*std::move(setup), YIZHAN_VERSION, OnStorageFailure);
  if (!node.ok()) return Report(node.status());
  return yizhan::platform::WaitForTermination([&] { (void)(*node)->ReloadKeys(); });
}

}  // namespace

int main(int argc, char** argv) {
  const absl::string_view option = argc > 1 ? argv[1] : "";
  if (option == "--version" && argc == 2) {
    std::printf("%s\n", kVersion);
    return kOk;
  }
  if (option == "--help" && argc == 2) {
    std::fputs(kUsage, stdout);
    return kOk;
  }
  if (option == "--config" && argc == 3) return RunNode(argv[2]);
  std::fputs(kUsage, stderr);
  return kConfigWrong;
}
