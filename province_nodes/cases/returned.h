// What this node had sent of a case before its store was restored from a backup.
#ifndef YIZHAN_PROVINCE_NODES_CASES_RETURNED_H_
#define YIZHAN_PROVINCE_NODES_CASES_RETURNED_H_

#include "absl/status/status.h"
#include "province_nodes/cases/case_book.h"

namespace yizhan::node {

// Moves the case as the command did that sent the message, steps between that no
// message tells included, and saves it. What does not fit is noted in the case;
// errors are storage errors.
absl::Status ApplyReturned(const OutgoingMessage& message, CaseBook& book);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_CASES_RETURNED_H_
