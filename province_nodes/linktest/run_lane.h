// The TEST lane of one run on one node: the production core over a store of its
// own, pumped by one thread, with everything written down that it saw.
#ifndef YIZHAN_PROVINCE_NODES_LINKTEST_RUN_LANE_H_
#define YIZHAN_PROVINCE_NODES_LINKTEST_RUN_LANE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/platform/kv/memory_store.h"
#include "province_nodes/app/node_core.h"
#include "province_nodes/linktest/home_desk.h"
#include "province_nodes/linktest/lane_events.h"
#include "province_nodes/linktest/lane_journal.h"
#include "province_nodes/linktest/link_test_deps.h"

namespace yizhan::node {

// One thread (the run's) calls everything but events().Post.
//  1. The core, its store and its session exist for this run alone.
//  2. What the observer learns is acted on in a later group, never inside a
//     call of the core.
class RunLane {
 public:
  // `deps` and `events` must outlive this object.
  static absl::StatusOr<std::unique_ptr<RunLane>> Create(const LinkTestDeps& deps,
                                                         const v1::LinkRun& run,
                                                         LaneEvents* events);
  ~RunLane();

  // Runs what happens until `done` (asked between groups) or until `timeout`.
  // False on timeout, when the events were closed, or after an error of the core.
  bool PumpUntil(const std::function<bool()>& done, absl::Duration timeout);

  // A TEST_MESSAGE to the peer; nothing has been sent when this returns.
  absl::StatusOr<v1::MessageRef> SendTest(const contract::CaseHandle& handle,
                                          const v1::TestContent& content);
  // A command of the accepting side.
  absl::Status RunCommand(const NodeCore::Command& command);
  // Puts an item on the wire beside the core, which never sees its result.
  void SendBesideCore(v1::SubmitItem item);
  TappedTransport& tap() { return *tap_; }

  // Keys of this case in the node's business store: 0 is right.
  std::uint32_t CountInBusinessStore(const contract::CaseHandle& handle) const;

  const LaneJournal& journal() const { return *journal_; }
  const NodeCore& core() const { return *core_; }
  const LinkTestDeps& deps() const { return deps_; }
  contract::Random& random() { return *random_; }
  contract::ProvinceCode peer() const { return peer_; }
  const contract::RunId& run() const { return run_; }
  absl::Time now() const { return deps_.clock->Now(); }
  const absl::Status& status() const { return status_; }

 private:
  RunLane(const LinkTestDeps& deps, const v1::LinkRun& run, LaneEvents* events);
  absl::Status Start();
  std::unique_ptr<CaseService> MakeCases(std::string key_prefix,
                                         std::function<bool(contract::ProvinceCode)> link_open);
  void Step(absl::Duration longest);
  void ActOnNews();
  void Answer(const InboundMessage& probe, const v1::TestContent& content);

  const LinkTestDeps& deps_;
  LaneEvents* const events_;
  const contract::RunId run_;
  const contract::ProvinceCode peer_;
  const absl::Time window_until_;
  absl::Status status_;
  const std::unique_ptr<contract::Random> random_;
  platform::MemoryStore store_;
  std::unique_ptr<LaneJournal> journal_;
  HomeDesk desk_;
  std::unique_ptr<DirectoryCopy> directory_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<TappedTransport> tap_;
  std::unique_ptr<NodeCore> core_;
  // The core as events reach it; null before and after its life.
  const std::shared_ptr<NodeCore*> reached_ = std::make_shared<NodeCore*>(nullptr);
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_LINKTEST_RUN_LANE_H_
