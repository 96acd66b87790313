// The thread of a node's business core, and the way to it from other threads.
#ifndef YIZHAN_PROVINCE_NODES_APP_NODE_LOOP_H_
#define YIZHAN_PROVINCE_NODES_APP_NODE_LOOP_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "adapters/platform/clock/clock.h"
#include "adapters/platform/loop/group_loop.h"
#include "adapters/platform/mutex/mutex.h"
#include "province_nodes/app/node_core.h"
#include "province_nodes/gateway/case_runner.h"

namespace yizhan::node {

// Thread-safe, but where it says otherwise. What callers wait for is answered
// only after the group is on stable storage, reads included: nobody is shown
// what a crash could take back.
class NodeLoop final : public CaseRunner {
 public:
  struct Options {
    const platform::Clock* clock = nullptr;  // must outlive the loop
    // Called once on the loop's thread with the storage error that stopped it.
    std::function<void(const absl::Status&)> on_failure;
    // Called on the loop's thread at every tick, about every 50 ms.
    std::function<void(NodeCore&)> on_tick;
    // Called on the loop's thread after each group: time of its end (sealing,
    // signing, commit) and number of its events.
    std::function<void(absl::Duration took, std::size_t events)> on_group;
  };
  explicit NodeLoop(Options options) : options_(std::move(options)) {}
  ~NodeLoop() override;

  // Starts the thread. `core` must outlive it (Stop). Once.
  void Start(NodeCore* core);
  // Runs what waits, commits, joins. Idempotent; not from the loop's thread.
  void Stop();

  // False when the loop has stopped or is full.
  bool Post(std::function<void(NodeCore&)> event);
  // Runs on the loop's thread; returns after the commit of its group.
  // UNAVAILABLE (SHUTTING_DOWN) when it could not run.
  absl::Status Call(std::function<absl::Status(NodeCore&)> call);

  // CaseRunner.
  absl::Status Run(std::function<absl::Status(platform::Transaction&, CaseService&, CaseEffects&)>
                       command) override;
  absl::Status Read(
      std::function<absl::Status(const platform::Transaction&, CaseService&)> query) override;
  std::uint64_t Subscribe(std::function<void(const v1::CaseView&)> on_change) override;
  void Unsubscribe(std::uint64_t id) override;

  // For the core's observer, on the loop's thread.
  void TellSubscribers(const v1::CaseView& view);

 private:
  struct Waiter;
  absl::Status EndGroup();
  void AnswerWaiters(const absl::Status& status);

  const Options options_;
  NodeCore* core_ = nullptr;  // constant after Start
  std::shared_ptr<platform::GroupLoop> Loop() const;

  // The loop's thread alone.
  std::vector<std::shared_ptr<Waiter>> answered_;  // wait for the commit
  std::size_t events_ = 0;

  mutable platform::Mutex mutex_;
  std::shared_ptr<platform::GroupLoop> loop_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;

  // Held while subscribers are told, so that Unsubscribe waits for a call under way.
  platform::Mutex subscribers_mutex_;
  std::uint64_t next_subscriber_ ABSL_GUARDED_BY(subscribers_mutex_) = 1;
  std::map<std::uint64_t, std::function<void(const v1::CaseView&)>> subscribers_
      ABSL_GUARDED_BY(subscribers_mutex_);
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_APP_NODE_LOOP_H_
