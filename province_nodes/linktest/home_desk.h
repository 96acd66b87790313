// The home side of a test lane: a register that has the test person alone, and
// a reviewer who signs at once and says what arrived.
#ifndef YIZHAN_PROVINCE_NODES_LINKTEST_HOME_DESK_H_
#define YIZHAN_PROVINCE_NODES_LINKTEST_HOME_DESK_H_

#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "protos/contract/crypto.h"
#include "protos/contract/ids.h"
#include "province_nodes/app/node_core.h"
#include "province_nodes/cases/case_service.h"
#include "province_nodes/linktest/lane_journal.h"

namespace yizhan::node {

// One thread. `hasher` must outlive this object.
class HomeDesk {
 public:
  HomeDesk(contract::ProvinceCode province, const contract::Hasher* hasher)
      : province_(province), hasher_(hasher) {}

  // Answers a task of the case service: the register for lookups, "applied" for
  // the rest.
  absl::Status Answer(NodeCore& core, const SystemTask& task, absl::Time now) const;
  // Reviews a case that came under review.
  absl::Status Review(NodeCore& core, const LaneJournal& journal, const v1::CaseView& view,
                      absl::Time now);

  // What the reviewer writes as issuing office: a proof of what was opened.
  static std::string OfficeText(contract::ProvinceCode home, const contract::Digest& biometrics);
  // All roles, points and divisions: the lane is the test's own.
  static const Caller& Anybody();
  static v1::Officer Officer(contract::ProvinceCode province);

 private:
  const contract::ProvinceCode province_;
  const contract::Hasher* const hasher_;
  std::set<std::string> reviewed_;  // case handles
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_LINKTEST_HOME_DESK_H_
