// The connectivity test of a running node.
#ifndef YIZHAN_PROVINCE_NODES_LINKTEST_NODE_LINK_TESTER_H_
#define YIZHAN_PROVINCE_NODES_LINKTEST_NODE_LINK_TESTER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "adapters/platform/mutex/mutex.h"
#include "province_nodes/linktest/link_run_driver.h"
#include "province_nodes/linktest/link_test_deps.h"
#include "province_nodes/linktest/link_tester.h"

namespace yizhan::node {

// Thread-safe. One thread for each run that is going on (at most kMaxRuns), and
// one that asks the broker for open runs after every connection.
class NodeLinkTester final : public LinkTester {
 public:
  static constexpr std::size_t kMaxRuns = 64;

  explicit NodeLinkTester(LinkTestDeps deps);
  // Stops the runs on this node; those within their window go on when it is back.
  ~NodeLinkTester() override;

  absl::StatusOr<absl::Time> ArmLink(contract::ProvinceCode peer, absl::Duration window,
                                     const v1::Officer& engineer) override;
  absl::Status TestLink(contract::ProvinceCode peer, bool fast, const v1::Officer& engineer,
                        const Progress& progress) override;
  void OnRuns(const std::vector<v1::LinkRun>& runs) override;
  // The business session has opened. Never blocks.
  void OnConnected();
  // Ends what goes on here, TestLink calls too, and takes up nothing more. To be
  // called before the server that serves TestLink is shut down. Idempotent.
  void Stop();

 private:
  // Guarded by mutex_ but for the driver, which is thread-safe where it is used.
  struct Active {
    std::unique_ptr<LinkRunDriver> driver;
    std::thread thread;
    v1::LinkRun latest;
    std::uint64_t changes = 0;
    bool ended = false;
    absl::Status end;
  };

  absl::StatusOr<v1::SignedArming> SignArming(contract::ProvinceCode peer, absl::Duration window,
                                              const v1::Officer& engineer) const;
  std::shared_ptr<Active> Launch(const v1::LinkRun& run) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Reap() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Follow(const std::shared_ptr<Active>& active, const Progress& progress);
  void AskForRuns();

  const LinkTestDeps deps_;
  platform::Mutex mutex_;
  platform::CondVar changed_;
  std::map<contract::RunId, std::shared_ptr<Active>> active_ ABSL_GUARDED_BY(mutex_);
  std::set<contract::RunId> done_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool ask_ ABSL_GUARDED_BY(mutex_) = true;
  std::thread asking_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_LINKTEST_NODE_LINK_TESTER_H_
