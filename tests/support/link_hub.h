// Connectivity tests in one process: the real broker core, reached by function
// calls instead of gRPC, and nodes that have nothing but their link tester.
#ifndef YIZHAN_TESTS_SUPPORT_LINK_HUB_H_
#define YIZHAN_TESTS_SUPPORT_LINK_HUB_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "adapters/platform/crypto/suite.h"
#include "adapters/platform/kv/memory_store.h"
#include "adapters/platform/mutex/mutex.h"
#include "broker/service/broker_core.h"
#include "broker/service/link_run_host.h"
#include "broker/service/link_runs.h"
#include "province_nodes/linktest/link_test_deps.h"
#include "tests/support/lab_directory.h"

namespace yizhan::testing {

class HubTransport;

// Thread-safe. Every call runs one event of the core, commits it, and then lets
// its effects out. `lab` must outlive it; transports must be gone before it.
class LinkHub {
 public:
  explicit LinkHub(const LabDirectory* lab);
  ~LinkHub();

  std::unique_ptr<node::Transport> Connect(std::uint32_t province, node::PostCoreEvent post);
  // Calls as this province.
  std::unique_ptr<node::LinkTestService> Service(std::uint32_t province);
  std::unique_ptr<node::BusinessProbe> Business(std::uint32_t province);
  bool HasReport(const contract::RunId& run);
  int OpenRoutes();
  // Runs of this province that changed, as its business session would bring them.
  void OnRuns(std::uint32_t province, std::function<void(const std::vector<v1::LinkRun>&)> tell);

  // A dishonest broker: true if it answers this item itself. To be set before
  // anything is sent.
  using Cheat = std::function<bool(const v1::SubmitItem& item, v1::SubmitResult* answer)>;
  void SetCheat(Cheat cheat) { cheat_ = std::move(cheat); }

 private:
  friend class HubTransport;
  class Host;
  class ServiceCaller;
  class Probe;
  using Event = std::function<void(broker::BrokerCore&, broker::LinkRuns&, broker::Moment)>;
  using OnEffect = std::function<void(broker::Effect)>;

  void Run(const Event& event);
  broker::StreamId AddStream(OnEffect on_effect);
  void RemoveStream(broker::StreamId stream);
  broker::Moment Now() const;

  const LabDirectory* const lab_;
  Cheat cheat_;
  platform::SystemRandom random_;
  platform::MemoryStore store_;

  platform::Mutex mutex_;
  std::unique_ptr<broker::BrokerCore> core_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Host> host_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<broker::LinkRuns> runs_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t last_stream_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<broker::StreamId, OnEffect> streams_ ABSL_GUARDED_BY(mutex_);
  std::map<std::uint32_t, std::function<void(const std::vector<v1::LinkRun>&)>> tell_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace yizhan::testing

#endif  // YIZHAN_TESTS_SUPPORT_LINK_HUB_H_
