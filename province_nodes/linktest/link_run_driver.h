// One run of the connectivity test on one node, from its start to its end.
#ifndef YIZHAN_PROVINCE_NODES_LINKTEST_LINK_RUN_DRIVER_H_
#define YIZHAN_PROVINCE_NODES_LINKTEST_LINK_RUN_DRIVER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "province_nodes/linktest/lane_events.h"
#include "province_nodes/linktest/link_case.h"
#include "province_nodes/linktest/link_test_deps.h"
#include "province_nodes/linktest/run_lane.h"
#include "yizhan/v1/linktest.pb.h"

namespace yizhan::node {

// Drive runs on a thread of its own; Tell and Stop may be called from any.
//  1. Runs the suite in its own direction and answers the peer's at once.
//  2. Posts only what it saw; signs only a report that says what it posted.
//  3. Signing needs no further command: arming and start were the engineers'
//     consent.
class LinkRunDriver {
 public:
  // `changed` is called on Drive's thread. `deps` must outlive this object.
  using Changed = std::function<void(const v1::LinkRun&)>;
  LinkRunDriver(const LinkTestDeps& deps, v1::LinkRun run, Changed changed);

  // Returns when the run has ended (OK), or when this node can do nothing more
  // for it: an error that says why.
  absl::Status Drive();
  // The broker's latest word on the run.
  void Tell(const v1::LinkRun& run);
  void Stop();

 private:
  void Update(const v1::LinkRun& run);
  bool Over() const;
  // Keeps the lane going until `done`; asks the broker for news now and then.
  bool PumpUntil(const std::function<bool()>& done, absl::Duration timeout);
  void AskForNews();
  absl::Duration WindowLeft() const;

  void RunSuite();
  CaseOutcome RunCase(const LinkTestCase& one, bool connected, const std::string& blocked_by);
  void Post(const LinkTestCase& one, const CaseOutcome& outcome, absl::Time started);
  absl::Status PostOnce(const v1::CaseVerdict& verdict, const std::string& evidence);
  bool Posted(absl::string_view case_id) const;
  absl::Status SignReport();
  absl::Status SendSignature();

  const LinkTestDeps& deps_;
  const Changed changed_;
  const CaseBounds bounds_;
  LaneEvents events_;

  // Drive's thread alone.
  v1::LinkRun run_;
  std::unique_ptr<RunLane> lane_;
  absl::Status lane_status_;
  std::vector<v1::CaseVerdict> own_;
  absl::Duration next_question_ = absl::ZeroDuration();  // monotonic
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_LINKTEST_LINK_RUN_DRIVER_H_
