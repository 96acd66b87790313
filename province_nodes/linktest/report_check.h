// What a node looks at before it signs the report of a run.
#ifndef YIZHAN_PROVINCE_NODES_LINKTEST_REPORT_CHECK_H_
#define YIZHAN_PROVINCE_NODES_LINKTEST_REPORT_CHECK_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "protos/contract/directory.h"
#include "province_nodes/linktest/link_test_deps.h"
#include "yizhan/v1/linktest.pb.h"

namespace yizhan::node {

// OK if the run's report_entry says what this node itself judged (`own`), of
// this run and pair, for exactly the two routes with their next versions, and
// is true about this node's build, doubles and fingerprints. REPORT_REFUSED
// naming what differs. `directory` must hold all entries up to now.
absl::Status CheckReport(const LinkTestDeps& deps, const contract::DirectoryState& directory,
                         const v1::LinkRun& run, const std::vector<v1::CaseVerdict>& own,
                         absl::Time now);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_LINKTEST_REPORT_CHECK_H_
