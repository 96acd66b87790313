// Hands what the business core tells to the parts of the process.
#ifndef YIZHAN_PROVINCE_NODES_APP_PROCESS_OBSERVER_H_
#define YIZHAN_PROVINCE_NODES_APP_PROCESS_OBSERVER_H_

#include <string>
#include <vector>

#include "adapters/platform/log/log.h"
#include "province_nodes/app/node_loop.h"
#include "province_nodes/app/node_observer.h"
#include "province_nodes/app/system_worker.h"
#include "province_nodes/linktest/node_link_tester.h"
#include "province_nodes/linktest/probed_transport.h"

namespace yizhan::node {

// The loop's thread. Everything given must outlive the loop.
class ProcessObserver final : public NodeObserver {
 public:
  ProcessObserver(NodeLoop* loop, SystemWorker* worker, NodeLinkTester* tester,
                  ProbedTransport* transport)
      : loop_(loop), worker_(worker), tester_(tester), transport_(transport) {}

  void OnCaseChanged(const v1::CaseView& view) override { loop_->TellSubscribers(view); }
  void OnSystemTask(const SystemTask& task) override { worker_->Add(task); }
  void OnRuns(const std::vector<v1::LinkRun>& runs) override { tester_->OnRuns(runs); }
  void OnUnknownResult(const v1::SubmitResult& result) override {
    transport_->OnUnknownResult(result);
  }
  void OnSecurityEvent(const SecurityEvent& event) override;
  void OnSessionChanged(const absl::Status& status) override;
  void OnRecovery(const std::string& what) override { platform::LogInfo("node.recovery", what); }

 private:
  NodeLoop* const loop_;
  SystemWorker* const worker_;
  NodeLinkTester* const tester_;
  ProbedTransport* const transport_;
  platform::LogLimit events_limit_{absl::Milliseconds(200)};
  platform::LogLimit session_limit_{absl::Seconds(5)};
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_APP_PROCESS_OBSERVER_H_
