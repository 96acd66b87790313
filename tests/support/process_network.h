// A lab network of real processes on loopback, for integration tests.
#ifndef YIZHAN_TESTS_SUPPORT_PROCESS_NETWORK_H_
#define YIZHAN_TESTS_SUPPORT_PROCESS_NETWORK_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace yizhan::testing {

// Outcome of a command line.
struct ProgramResult {
  int exit_code = -1;  // 128 + signal where one ended it
  std::string out;
  std::string err;
};

// One test thread, but for Yizhan. Every wait is bounded and looks again every few
// milliseconds; what a wait misses fails the test with the process's log.
//  1. Processes die with the test program, and with this object, by their ids.
//  2. The folder is removed at the end, unless the test failed: then it stays
//     and its path is printed.
class ProcessNetwork {
 public:
  // Longest wait for a process to be ready or gone.
  static constexpr absl::Duration kPatience = absl::Seconds(60);

  // Runs `yizhan network init` with these provinces (and further flags of it);
  // starts nothing. `binary_dir` has yizhan, yizhan-broker and yizhan-node.
  ProcessNetwork(std::string binary_dir, const std::vector<std::uint32_t>& provinces,
                 const std::vector<std::string>& init_flags = {});
  ~ProcessNetwork();
  ProcessNetwork(const ProcessNetwork&) = delete;
  ProcessNetwork& operator=(const ProcessNetwork&) = delete;

  const std::string& dir() const { return dir_; }
  const std::vector<std::uint32_t>& provinces() const { return provinces_; }

  // Each returns when the process serves; false (and a test failure) otherwise.
  bool StartBroker();
  bool StartNode(std::uint32_t province);
  bool StartAll();

  // SIGTERM, and the exit code; SIGKILL for the Kill forms.
  int StopBroker() { return End(kBroker, 15); }
  int StopNode(std::uint32_t province) { return End(NodeName(province), 15); }
  int KillBroker() { return End(kBroker, 9); }
  int KillNode(std::uint32_t province) { return End(NodeName(province), 9); }
  bool BrokerRuns() const { return processes_.contains(kBroker); }
  // The exit code of a process that ends by itself.
  int AwaitBrokerEnd() { return End(kBroker, 0); }
  int AwaitNodeEnd(std::uint32_t province) { return End(NodeName(province), 0); }
  // For signals and limits of a running process.
  pid_t BrokerPid() const { return processes_.at(kBroker); }
  pid_t NodePid(std::uint32_t province) const { return processes_.at(NodeName(province)); }

  // `yizhan ARGUMENTS --network DIR --output=json`, ended after `patience`.
  ProgramResult Yizhan(std::vector<std::string> arguments, absl::Duration patience = kPatience);
  // Arms `peer` and tests from `node`: true if the run was certified.
  bool OpenLink(std::uint32_t node, std::uint32_t peer);
  // Number of routes that the broker's directory has OPEN.
  int OpenRoutes();

  // Value of a port file's line ("exchange", "metrics", "gateway"); 0 if absent.
  std::uint16_t BrokerPort(const std::string& which) const;
  std::uint16_t NodePort(std::uint32_t province, const std::string& which) const;
  // Standard output and error of a process so far.
  std::string BrokerLog() const { return Log(kBroker); }
  std::string NodeLog(std::uint32_t province) const { return Log(NodeName(province)); }

  // Looks until `done` or `patience`; what it said at last.
  static bool Eventually(const std::function<bool()>& done, absl::Duration patience = kPatience);

 private:
  static constexpr char kBroker[] = "broker";
  static std::string NodeName(std::uint32_t province);
  bool Start(const std::string& name, const std::string& program, const std::string& config,
             const std::string& port_file);
  int End(const std::string& name, int signal);
  std::string Log(const std::string& name) const;

  const std::string binary_dir_;
  const std::vector<std::uint32_t> provinces_;
  std::string dir_;
  std::map<std::string, pid_t> processes_;
};

}  // namespace yizhan::testing

#endif  // YIZHAN_TESTS_SUPPORT_PROCESS_NETWORK_H_
