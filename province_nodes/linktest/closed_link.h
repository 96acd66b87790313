// A business message that must not pass: sealed and signed as the node would,
// but of no case, no outbox and no number of the business store.
#ifndef YIZHAN_PROVINCE_NODES_LINKTEST_CLOSED_LINK_H_
#define YIZHAN_PROVINCE_NODES_LINKTEST_CLOSED_LINK_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "protos/contract/directory.h"
#include "protos/contract/ids.h"
#include "province_nodes/linktest/link_test_deps.h"
#include "yizhan/v1/envelope.pb.h"

namespace yizhan::node {

// Where a message over a closed link can go: to the peer while its route is
// closed; else to the first member whose route is; else to the reference
// province, which has none.
contract::ProvinceCode ClosedDestination(const contract::DirectoryState& directory,
                                         contract::ProvinceCode from, contract::ProvinceCode peer,
                                         absl::Time now);

// An eligibility query for the test person in a case that nobody has. Sealed to
// the peer's key where the destination has none.
absl::StatusOr<v1::Envelope> ClosedLinkQuery(const LinkTestDeps& deps,
                                             const contract::DirectoryState& directory,
                                             contract::ProvinceCode destination,
                                             contract::ProvinceCode peer, contract::Random& random,
                                             absl::Time now);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_LINKTEST_CLOSED_LINK_H_
