#include "tools/demo/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "adapters/platform/config/files.h"
#include "protos/contract/errors.h"

namespace yizhan::tools {
namespace {

constexpr std::size_t kTailBytes = 1500;
constexpr int kNoExec = 127;

// Between fork and exec: only calls that are safe there.
[[noreturn]] void Become(char* const* arguments, int log, bool dies_with_us, pid_t parent) {
  setsid();
  if (dies_with_us) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(kNoExec);
  }
  // Signals that the parent blocks or ignores must reach the child.
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  const int null = open("/dev/null", O_RDONLY);
  if (null >= 0) dup2(null, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv(arguments[0], arguments);
  _exit(kNoExec);
}

}  // namespace

ChildProcess::ChildProcess(std::string name, pid_t pid, std::string log_file)
    : name_(std::move(name)), pid_(pid), log_file_(std::move(log_file)) {}

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(
    std::string name, const std::vector<std::string>& arguments, const std::string& log_file,
    bool dies_with_us) {
  if (access(arguments[0].c_str(), X_OK) != 0) {
    return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                               absl::StrCat("There is no program ", arguments[0], "."),
                               "Build all of the project, or name its folder by --bin-dir.");
  }
  const int log = open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (log < 0) {
    return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                               absl::StrCat(log_file, ": ", std::strerror(errno)),
                               "Make its folder writable.");
  }
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) Become(argv.data(), log, dies_with_us, parent);
  const int error = errno;
  close(log);
  if (pid < 0) {
    return contract::MakeError(v1::INTERNAL_FAULT, v1::SIDE_MINE,
                               absl::StrCat("Cannot start ", name, ": ", std::strerror(error)),
                               "Free memory or raise the limit of processes.");
  }
  return absl::WrapUnique(new ChildProcess(std::move(name), pid, log_file));
}

ChildProcess::~ChildProcess() {
  if (!let_go_) Stop(absl::Seconds(5));
}

std::optional<std::string> ChildProcess::Ended() {
  if (ended_.has_value()) return ended_;
  int status = 0;
  const pid_t found = waitpid(pid_, &status, WNOHANG);
  if (found == pid_) {
    ended_ = WIFEXITED(status) ? absl::StrCat("exit code ", WEXITSTATUS(status))
                               : absl::StrCat("signal ", WTERMSIG(status));
  } else if (found < 0 && errno == ECHILD) {
    ended_ = "unknown";
  }
  return ended_;
}

void ChildProcess::RequestStop() {
  // Only while it is our child: an id that ended may belong to somebody else.
  if (!Ended().has_value()) kill(pid_, SIGTERM);
}

void ChildProcess::Stop(absl::Duration patience) {
  RequestStop();
  const absl::Time end = absl::Now() + patience;
  while (!Ended().has_value() && absl::Now() < end) absl::SleepFor(absl::Milliseconds(10));
  if (Ended().has_value()) return;
  kill(pid_, SIGKILL);
  while (!Ended().has_value()) absl::SleepFor(absl::Milliseconds(10));
}

std::string ChildProcess::LogTail() const {
  const absl::StatusOr<std::string> log = platform::ReadFile(log_file_);
  if (!log.ok()) return "";
  return log->size() <= kTailBytes ? *log : log->substr(log->size() - kTailBytes);
}

}  // namespace yizhan::tools
