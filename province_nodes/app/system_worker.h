// Asks the province's systems, outside of the core, and brings the answers back.
#ifndef YIZHAN_PROVINCE_NODES_APP_SYSTEM_WORKER_H_
#define YIZHAN_PROVINCE_NODES_APP_SYSTEM_WORKER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <thread>
#include <tuple>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "adapters/platform/clock/clock.h"
#include "adapters/platform/mutex/mutex.h"
#include "adapters/systems/card_centre.h"
#include "adapters/systems/population_register.h"
#include "province_nodes/app/node_loop.h"
#include "province_nodes/cases/case_service.h"

namespace yizhan::node {

// Thread-safe. One thread of its own, since systems may block.
//  1. A task is done at least once: it stays pending in its case until its
//     answer is stored, and what is forgotten here is found there again.
//  2. A system that does not answer is asked again, with growing pauses.
class SystemWorker {
 public:
  // Null: the province has no such system yet; its tasks wait.
  struct Systems {
    systems::PopulationRegister* population = nullptr;
    systems::CardCentre* card_centre = nullptr;
  };
  // Everything must outlive this object; `loop` may be stopped before.
  SystemWorker(Systems systems, NodeLoop* loop, const platform::Clock* clock);
  ~SystemWorker();

  // Tasks that cases wait for since before the start.
  void Start();
  // From the loop's thread too: never blocks.
  void Add(const SystemTask& task);
  void Stop();

 private:
  using TaskKey = std::tuple<SystemTask::Kind, contract::CaseHandle, std::uint64_t>;
  struct Attempt {
    SystemTask task;
    std::uint32_t tries = 0;
  };

  void Work();
  bool Next(Attempt& attempt);
  // False: ask again later.
  bool Do(const SystemTask& task);
  bool LookUp(const SystemTask& task);
  bool Report(const SystemTask& task, const absl::StatusOr<systems::SystemResult>& result);
  void FindPending();

  const Systems systems_;
  NodeLoop* const loop_;
  const platform::Clock* const clock_;

  platform::Mutex mutex_;
  platform::CondVar changed_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool forgot_some_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Attempt> ready_ ABSL_GUARDED_BY(mutex_);
  std::multimap<absl::Duration, Attempt> later_ ABSL_GUARDED_BY(mutex_);  // by monotonic time
  std::set<TaskKey> known_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_APP_SYSTEM_WORKER_H_
