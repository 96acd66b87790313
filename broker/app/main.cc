// yizhan-broker: wires the broker's rooms to files, network and signals.
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "adapters/platform/clock/clock.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/config/process.h"
#include "adapters/platform/crypto/suite.h"
#include "adapters/platform/kv/rocks_store.h"
#include "adapters/platform/log/log.h"
#include "adapters/platform/metrics/metrics_server.h"
#include "adapters/platform/rpc/server.h"
#include "broker/app/broker_config.h"
#include "broker/app/core_shell.h"
#include "broker/app/link_test_rpc.h"
#include "broker/app/services.h"
#include "grpcpp/impl/service_type.h"
#include "protos/contract/errors.h"

namespace yizhan::broker {
namespace {

constexpr int kConfigInvalid = 2;
constexpr int kStorageFailed = 3;
constexpr absl::Duration kStopGrace = absl::Seconds(5);

constexpr char kHelp[] =
    "yizhan-broker: stores and forwards sealed messages between provinces.\n"
    "\n"
    "usage: yizhan-broker --config FILE\n"
    "       yizhan-broker --version | --help\n"
    "\n"
    "FILE is a BrokerConfig in protobuf text format; `yizhan network init` writes one\n"
    "for a lab. SIGTERM stops it: no new deliveries, what came in is committed.\n"
    "\n"
    "exit codes: 0 stopped as asked; 2 wrong usage or configuration (file and field are\n"
    "named); 3 the store failed: nothing more was accepted. Check the disk, then start it\n"
    "again; what was acknowledged is on disk.\n";

int Explain(const absl::Status& status) {
  const v1::ErrorDetail detail = contract::DetailOf(status);
  std::fprintf(stderr, "yizhan-broker: %s\n  %s\n", std::string(status.message()).c_str(),
               detail.next_step().c_str());
  return detail.reason() == v1::STORAGE_FAILED ? kStorageFailed : kConfigInvalid;
}

absl::Status WritePorts(const BrokerSetup& setup, std::uint16_t exchange, std::uint16_t metrics) {
  if (setup.port_file.empty()) return absl::OkStatus();
  return platform::WriteFileAtomically(
      setup.port_file, absl::StrCat("exchange=", exchange, "\nmetrics=", metrics, "\n"));
}

int Serve(const BrokerSetup& setup, CoreShell& shell, platform::MetricsRegistry& registry) {
  const auto exchange = MakeExchangeService(&shell);
  const auto directory = MakeDirectoryService(&shell, &setup.operators);
  const auto admin = MakeBrokerAdminService(&shell, &setup.operators);
  const auto link_test = MakeLinkTestService(&shell);
  platform::RpcServer::Options options;
  options.listen = setup.listen;
  options.tls = setup.tls;
  options.services = {exchange.get(), directory.get(), admin.get(), link_test.get()};
  const auto server = platform::RpcServer::Start(options);
  if (!server.ok()) return Explain(server.status());
  const auto metrics = platform::MetricsServer::Start(&registry, setup.metrics_listen);
  if (!metrics.ok()) return Explain(metrics.status());
  if (absl::Status s = WritePorts(setup, (*server)->port(), (*metrics)->port()); !s.ok()) {
    return Explain(s);
  }
  platform::LogInfo("broker", "ready",
                    {{"exchange_port", (*server)->port()}, {"metrics_port", (*metrics)->port()}});
  const int code = platform::WaitForTermination();
  platform::LogInfo("broker", "stopping", {{"exit_code", code}});
  shell.BeginStop();
  (*server)->Shutdown(kStopGrace);
  shell.Stop();
  return code;
}

int Run(const std::string& path) {
  platform::BlockTerminationSignals();
  platform::InitRpcProcess();
  absl::StatusOr<BrokerSetup> setup = LoadBrokerConfig(path);
  if (!setup.ok()) return Explain(setup.status());
  platform::RaiseFileLimit();
  // Whoever waits for the ports must not read those of an earlier run.
  if (!setup->port_file.empty()) {
    std::error_code ignored;
    std::filesystem::remove(setup->port_file, ignored);
  }

  platform::RocksStore::Options store_options;
  store_options.dir = setup->data_dir;
  store_options.when_damaged =
      "Then start the broker with an empty data_dir: the nodes bring the directory and every "
      "message back that has not arrived.";
  const auto store = platform::RocksStore::Open(store_options);
  if (!store.ok()) return Explain(store.status());

  platform::SystemRandom random;
  platform::MetricsRegistry registry;
  BrokerMetrics metrics(&registry, YIZHAN_VERSION);
  CoreShell::Options options;
  options.core.store = store->get();
  options.core.algorithms = platform::SmSuite();
  options.core.signer = setup->signer.get();
  options.core.random = &random;
  options.core.limits = setup->limits;
  options.core.genesis = setup->genesis;
  options.core.genesis_digest = setup->genesis_digest;
  options.core.build = absl::StrCat("yizhan-broker ", YIZHAN_VERSION);
  options.clock = &platform::SystemClock();
  options.metrics = &metrics;
  options.free_disk_bytes = [dir = setup->data_dir] { return platform::FreeDiskBytes(dir); };
  options.on_failure = [](const absl::Status& status) {
    platform::LogError("broker", "stopped accepting",
                       {{"error", status}, {"next_step", contract::DetailOf(status).next_step()}});
    platform::RequestTermination(kStorageFailed);
  };
  const auto shell = CoreShell::Start(std::move(options));
  if (!shell.ok()) return Explain(shell.status());
  return Serve(*setup, **shell, registry);
}

int Main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
    std::printf("yizhan-broker %s\n", YIZHAN_VERSION);
    return 0;
  }
  if (argc == 2 && std::strcmp(argv[1], "--help") == 0) {
    std::fputs(kHelp, stdout);
    return 0;
  }
  if (argc == 3 && std::strcmp(argv[1], "--config") == 0) return Run(argv[2]);
  std::fputs(kHelp, stderr);
  return kConfigInvalid;
}

}  // namespace
}  // namespace yizhan::broker

int main(int argc, char** argv) { return yizhan::broker::Main(argc, argv); }
