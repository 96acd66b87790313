#include "tests/support/process_network.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace yizhan::testing {
namespace {

namespace fs = std::filesystem;

constexpr int kLookAgainMs = 5;

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// Starts a program whose standard streams go to files. Only async-signal-safe
// calls between fork and exec: the test program may have threads.
pid_t Spawn(const std::vector<std::string>& command, const std::string& out_path,
            const std::string& err_path) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(125);
  // At a limit of file sizes, writes fail as on a disk; they do not kill.
  signal(SIGXFSZ, SIG_IGN);
  const int in = open("/dev/null", O_RDONLY);
  const int out = open(out_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int err =
      out_path == err_path ? out : open(err_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(in, 0);
  dup2(out, 1);
  dup2(err, 2);
  execv(argv[0], argv.data());
  _exit(127);
}

int ExitCodeOf(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// The exit code, or nothing while it runs.
bool Reaped(pid_t pid, int* code) {
  int status = 0;
  if (waitpid(pid, &status, WNOHANG) != pid) return false;
  *code = ExitCodeOf(status);
  return true;
}

int KillAndReap(pid_t pid) {
  kill(pid, SIGKILL);
  int status = 0;
  waitpid(pid, &status, 0);
  return ExitCodeOf(status);
}

ProgramResult RunProgram(const std::vector<std::string>& command, const std::string& scratch,
                         absl::Duration patience) {
  static std::atomic<int> serial{0};  // commands may run at once
  const std::string stem = absl::StrCat(scratch, "/command-", ++serial);
  ProgramResult result;
  const pid_t pid = Spawn(command, stem + ".out", stem + ".err");
  if (!ProcessNetwork::Eventually([&] { return Reaped(pid, &result.exit_code); }, patience)) {
    result.exit_code = KillAndReap(pid);
  }
  result.out = ReadAll(stem + ".out");
  result.err = ReadAll(stem + ".err");
  return result;
}

std::uint16_t PortIn(const std::string& path, const std::string& which) {
  for (absl::string_view line : absl::StrSplit(ReadAll(path), '\n')) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(line, '=');
    std::uint32_t port = 0;
    if (parts.first == which && absl::SimpleAtoi(parts.second, &port)) {
      return static_cast<std::uint16_t>(port);
    }
  }
  return 0;
}

std::string NewFolder() {
  const char* tmp = std::getenv("TMPDIR");
  std::string pattern = absl::StrCat(tmp != nullptr ? tmp : "/tmp", "/yizhan-test-XXXXXX");
  return mkdtemp(pattern.data()) == nullptr ? "" : pattern;
}

}  // namespace

bool ProcessNetwork::Eventually(const std::function<bool()>& done, absl::Duration patience) {
  const absl::Time end = absl::Now() + patience;
  while (!done()) {
    if (absl::Now() >= end) return done();
    // What happens in other processes raises no event here: look again.
    poll(nullptr, 0, kLookAgainMs);
  }
  return true;
}

ProcessNetwork::ProcessNetwork(std::string binary_dir, const std::vector<std::uint32_t>& provinces,
                               const std::vector<std::string>& init_flags)
    : binary_dir_(std::move(binary_dir)), provinces_(provinces) {
  const std::string root = NewFolder();
  dir_ = absl::StrCat(root, "/net");
  std::error_code error;
  fs::create_directories(absl::StrCat(root, "/logs"), error);
  std::vector<std::string> command = {
      absl::StrCat(binary_dir_, "/yizhan"), "network", "init", "--dir", dir_, "--provinces",
      absl::StrJoin(provinces_, ",")};
  command.insert(command.end(), init_flags.begin(), init_flags.end());
  const ProgramResult made = RunProgram(command, absl::StrCat(root, "/logs"), kPatience);
  EXPECT_EQ(made.exit_code, 0) << made.out << made.err;
}

ProcessNetwork::~ProcessNetwork() {
  for (const auto& [name, pid] : processes_) KillAndReap(pid);
  const fs::path root = fs::path(dir_).parent_path();
  if (::testing::Test::HasFailure()) {
    std::cerr << "the network of the failed test is in " << root << "\n";
    return;
  }
  std::error_code error;
  fs::remove_all(root, error);
}

std::string ProcessNetwork::NodeName(std::uint32_t province) {
  return absl::StrCat("node-", province);
}

std::string ProcessNetwork::Log(const std::string& name) const {
  return ReadAll(absl::StrCat(dir_, "/../logs/", name, ".log"));
}

bool ProcessNetwork::Start(const std::string& name, const std::string& program,
                           const std::string& config, const std::string& port_file) {
  EXPECT_FALSE(processes_.contains(name)) << name << " runs already";
  unlink(port_file.c_str());
  const std::string log = absl::StrCat(dir_, "/../logs/", name, ".log");
  const pid_t pid = Spawn({absl::StrCat(binary_dir_, "/", program), "--config", config}, log, log);
  int exit_code = 0;
  bool ended = false;
  const bool ready = Eventually([&] {
    ended = Reaped(pid, &exit_code);
    return ended || access(port_file.c_str(), R_OK) == 0;
  });
  if (!ended) processes_[name] = pid;
  if (ready && !ended) return true;
  ADD_FAILURE() << name << (ended ? absl::StrCat(" ended with ", exit_code) : " is not ready")
                << "; its log:\n"
                << Log(name);
  return false;
}

bool ProcessNetwork::StartBroker() {
  return Start(kBroker, "yizhan-broker", absl::StrCat(dir_, "/broker/broker.textproto"),
               absl::StrCat(dir_, "/broker/ports"));
}

bool ProcessNetwork::StartNode(std::uint32_t province) {
  const std::string folder = absl::StrCat(dir_, "/", NodeName(province));
  return Start(NodeName(province), "yizhan-node", absl::StrCat(folder, "/node.textproto"),
               absl::StrCat(folder, "/ports"));
}

bool ProcessNetwork::StartAll() {
  if (!StartBroker()) return false;
  for (std::uint32_t province : provinces_) {
    if (!StartNode(province)) return false;
  }
  return true;
}

int ProcessNetwork::End(const std::string& name, int signal) {
  const auto found = processes_.find(name);
  if (found == processes_.end()) {
    ADD_FAILURE() << name << " does not run";
    return -1;
  }
  const pid_t pid = found->second;
  processes_.erase(found);
  kill(pid, signal);
  int exit_code = 0;
  if (Eventually([&] { return Reaped(pid, &exit_code); })) return exit_code;
  ADD_FAILURE() << name << " did not end; its log:\n" << Log(name);
  return KillAndReap(pid);
}

ProgramResult ProcessNetwork::Yizhan(std::vector<std::string> arguments, absl::Duration patience) {
  arguments.insert(arguments.begin(), absl::StrCat(binary_dir_, "/yizhan"));
  arguments.insert(arguments.end(), {"--network", dir_, "--output=json"});
  return RunProgram(arguments, absl::StrCat(dir_, "/../logs"), patience);
}

bool ProcessNetwork::OpenLink(std::uint32_t node, std::uint32_t peer) {
  const ProgramResult armed = Yizhan({"link", "arm", "--node", absl::StrCat(peer), "--peer",
                                      absl::StrCat(node), "--window", "10m"});
  EXPECT_EQ(armed.exit_code, 0) << armed.out << armed.err;
  const ProgramResult tested =
      Yizhan({"link", "test", "--node", absl::StrCat(node), "--peer", absl::StrCat(peer), "--fast"},
             absl::Minutes(3));
  EXPECT_EQ(tested.exit_code, 0) << tested.out << tested.err << "\nnode " << node << ":\n"
                                 << NodeLog(node) << "\nnode " << peer << ":\n"
                                 << NodeLog(peer) << "\nbroker:\n"
                                 << BrokerLog();
  return tested.exit_code == 0;
}

int ProcessNetwork::OpenRoutes() {
  const ProgramResult listed = Yizhan({"link", "list"});
  EXPECT_EQ(listed.exit_code, 0) << listed.out << listed.err;
  int open = 0;
  const std::string word = "\"OPEN\"";
  for (std::size_t at = listed.out.find(word); at != std::string::npos;
       at = listed.out.find(word, at + word.size())) {
    ++open;
  }
  return open;
}

std::uint16_t ProcessNetwork::BrokerPort(const std::string& which) const {
  return PortIn(absl::StrCat(dir_, "/broker/ports"), which);
}

std::uint16_t ProcessNetwork::NodePort(std::uint32_t province, const std::string& which) const {
  return PortIn(absl::StrCat(dir_, "/", NodeName(province), "/ports"), which);
}

}  // namespace yizhan::testing
