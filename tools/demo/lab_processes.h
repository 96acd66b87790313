// The broker and the nodes of a lab, as processes.
#ifndef YIZHAN_TOOLS_DEMO_LAB_PROCESSES_H_
#define YIZHAN_TOOLS_DEMO_LAB_PROCESSES_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tools/demo/child_process.h"
#include "tools/yizhan/lab.h"

namespace yizhan::tools {

struct LabProcessesOptions {
  std::string bin_dir;      // with yizhan-broker and yizhan-node
  bool outlive_us = false;  // they go on if we crash
  absl::Duration start_timeout = absl::Seconds(60);
  std::function<bool()> interrupted;
  std::function<void(absl::string_view)> on_progress;
};

// One thread. Ends exactly what it started, also when it is destroyed.
class LabProcesses {
 public:
  // `lab` must outlive this object.
  LabProcesses(const Lab* lab, LabProcessesOptions options)
      : lab_(lab), options_(std::move(options)) {}
  ~LabProcesses() { StopAll(); }

  // Starts all, and waits until every node has a session with the broker and
  // the whole directory. UNAVAILABLE with the log's end where one does not come.
  absl::Status Start();
  void StopNode(contract::ProvinceCode province);
  void StopAll();
  // UNAVAILABLE naming the first process that ended by itself.
  absl::Status CheckAlive();
  void LetGo();
  std::vector<pid_t> Pids() const;

 private:
  absl::Status StartOne(const std::string& name, const std::string& program,
                        const std::string& config);
  absl::Status AwaitPortFile(ChildProcess& process, const std::string& config);
  absl::Status AwaitSession(contract::ProvinceCode province);
  absl::Status Failed(ChildProcess& process, absl::string_view what) const;

  const Lab* const lab_;
  const LabProcessesOptions options_;
  std::map<std::string, std::unique_ptr<ChildProcess>> processes_;  // "broker", "node-32"
};

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_DEMO_LAB_PROCESSES_H_
