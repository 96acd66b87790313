// The one thread that owns a core. It takes all tasks that wait as one group,
// runs them, lets the owner commit the group (one synced write), and only then
// lets out what the tasks promised.
#ifndef YIZHAN_ADAPTERS_PLATFORM_LOOP_GROUP_LOOP_H_
#define YIZHAN_ADAPTERS_PLATFORM_LOOP_GROUP_LOOP_H_

#include <cstddef>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace yizhan::platform {

class GroupLoop {
 public:
  struct Options {
    // Tasks in one group at most. Larger: fewer syncs, longer single commits.
    std::size_t max_group = 1024;
    // Tasks that may wait; Post returns false beyond it.
    std::size_t max_waiting = 65536;
    // The tick task runs this often, at the head of a group.
    absl::Duration tick = absl::Milliseconds(50);
    std::function<void()> on_tick;
    // Called on the loop thread after the tasks of a group; commits, then lets
    // effects out. An error stops the loop: no further task runs, and
    // `on_failure` is called once on the loop thread.
    std::function<absl::Status()> commit;
    std::function<void(const absl::Status&)> on_failure;
  };
  static std::unique_ptr<GroupLoop> Start(Options options);
  virtual ~GroupLoop() = default;  // stops and joins

  // From any thread. Tasks run in the order of posting, on the loop thread.
  // False when the loop has stopped or is full; the task will not run.
  virtual bool Post(std::function<void()> task) = 0;
  // Runs what waits, commits, joins. Idempotent. Not from the loop thread.
  virtual void Stop() = 0;
  virtual std::size_t waiting() const = 0;
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_LOOP_GROUP_LOOP_H_
