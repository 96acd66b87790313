#include "adapters/platform/config/process.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <csignal>

#include "adapters/platform/log/log.h"

namespace yizhan::platform {
namespace {

constexpr int kNoneRequested = -1;
std::atomic<int> g_requested{kNoneRequested};

sigset_t AwaitedSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

void BlockTerminationSignals() {
  const sigset_t set = AwaitedSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int WaitForTermination(const std::function<void()>& on_hangup) {
  const sigset_t set = AwaitedSignals();
  int signal = 0;
  while (sigwait(&set, &signal) != 0 || signal == SIGHUP) {
    if (signal == SIGHUP && on_hangup) on_hangup();
    signal = 0;
  }
  const int requested = g_requested.load();
  if (requested != kNoneRequested) return requested;
  LogInfo("process", "termination asked for", {{"signal", signal == SIGINT ? "INT" : "TERM"}});
  return 0;
}

void RequestTermination(int exit_code) {
  int none = kNoneRequested;
  if (g_requested.compare_exchange_strong(none, exit_code)) kill(getpid(), SIGTERM);
}

std::uint64_t RaiseFileLimit(std::uint64_t wanted) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    struct rlimit raised = limit;
    raised.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  if (limit.rlim_cur < wanted) {
    LogWarning("process", "few open files are allowed; set LimitNOFILE higher",
               {{"allowed", limit.rlim_cur}, {"wanted", wanted}});
  }
  return limit.rlim_cur;
}

}  // namespace yizhan::platform
