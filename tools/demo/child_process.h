// A process that we start, and end by its own id alone.
#ifndef YIZHAN_TOOLS_DEMO_CHILD_PROCESS_H_
#define YIZHAN_TOOLS_DEMO_CHILD_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace yizhan::tools {

// One thread. Destroying it ends the process, unless it was let go.
class ChildProcess {
 public:
  // `arguments` begins with the program's path. Both outputs go to `log_file`.
  // The child has a session of its own, so that a Ctrl-C at our terminal
  // reaches it only through us; `dies_with_us` ends it when we crash.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(
      std::string name, const std::vector<std::string>& arguments, const std::string& log_file,
      bool dies_with_us);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  const std::string& name() const { return name_; }
  pid_t pid() const { return pid_; }
  const std::string& log_file() const { return log_file_; }
  // Nothing while it runs; "exit code 3", "signal 9" once it has ended.
  std::optional<std::string> Ended();
  // SIGTERM, and SIGKILL after `patience`; returns when it is gone.
  void Stop(absl::Duration patience);
  // Asks it to end without waiting.
  void RequestStop();
  // It outlives us.
  void LetGo() { let_go_ = true; }
  // The log's last lines, for an error text.
  std::string LogTail() const;

 private:
  ChildProcess(std::string name, pid_t pid, std::string log_file);
  const std::string name_;
  const pid_t pid_;
  const std::string log_file_;
  std::optional<std::string> ended_;
  bool let_go_ = false;
};

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_DEMO_CHILD_PROCESS_H_
