// How operators of a node arm and run the bilateral connectivity test. The RPC
// service of the node sees this interface alone.
#ifndef YIZHAN_PROVINCE_NODES_LINKTEST_LINK_TESTER_H_
#define YIZHAN_PROVINCE_NODES_LINKTEST_LINK_TESTER_H_

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/common.pb.h"
#include "yizhan/v1/linktest.pb.h"

namespace yizhan::node {

// Thread-safe. ArmLink and TestLink block their caller; OnRuns never does, and
// may be called from the thread of the exchange session.
class LinkTester {
 public:
  virtual ~LinkTester() = default;

  // Signs an arming for `peer` and hands it to the broker; returns its end. A
  // run that the peer starts within the window is then taken up by itself.
  // Errors: REQUEST_MALFORMED for a window outside 1 minute to 24 hours, or the
  // broker's own (peer is no member, ...).
  virtual absl::StatusOr<absl::Time> ArmLink(contract::ProvinceCode peer, absl::Duration window,
                                             const v1::Officer& engineer) = 0;

  // Called with the run whenever it changed, on the thread of TestLink. False:
  // the caller has left; TestLink returns CANCELLED and the run goes on.
  using Progress = std::function<bool(const v1::LinkRun&)>;

  // Starts a run with `peer` and returns when it has ended: OK for every end
  // that the run itself reports (RUN_CERTIFIED, RUN_FAILED, RUN_ABANDONED; the
  // last progress call shows which). Errors: LINK_NOT_ARMED, LINK_RUN_CONFLICT,
  // UNAVAILABLE where the broker cannot be reached.
  virtual absl::Status TestLink(contract::ProvinceCode peer, bool fast, const v1::Officer& engineer,
                                const Progress& progress) = 0;

  // Runs of this province that changed, as ReceiveResponse.runs brings them.
  virtual void OnRuns(const std::vector<v1::LinkRun>& runs) = 0;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_LINKTEST_LINK_TESTER_H_
