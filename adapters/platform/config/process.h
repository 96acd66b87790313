// What a process does at its start and end, apart from its work.
#ifndef YIZHAN_ADAPTERS_PLATFORM_CONFIG_PROCESS_H_
#define YIZHAN_ADAPTERS_PLATFORM_CONFIG_PROCESS_H_

#include <cstdint>
#include <functional>

namespace yizhan::platform {

// Blocks SIGTERM, SIGINT and SIGHUP, ignores SIGPIPE. First in main, before any thread
// starts: threads inherit it, so that WaitForTermination alone sees signals.
void BlockTerminationSignals();

// Waits for SIGTERM, SIGINT or RequestTermination; returns the exit code that
// is asked for (0 for a signal). SIGHUP meanwhile calls `on_hangup`, on this
// thread. Call it on the main thread, once.
int WaitForTermination(const std::function<void()>& on_hangup = {});

// Wakes WaitForTermination with this exit code, e.g. after the first storage
// error. Any thread; the first call counts.
void RequestTermination(int exit_code);

// Raises the soft limit of open files to the hard one and returns it: gRPC's
// listener never accepts again after it has once run out of descriptors. Where
// the limit stays below `wanted`, logs a warning.
std::uint64_t RaiseFileLimit(std::uint64_t wanted = 65536);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_CONFIG_PROCESS_H_
