// Judgements of commands and messages before any case is looked at, and the
// errors of dispatch.
#ifndef YIZHAN_PROVINCE_NODES_CASES_REQUEST_CHECKS_H_
#define YIZHAN_PROVINCE_NODES_CASES_REQUEST_CHECKS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "province_nodes/cases/case_book.h"

namespace yizhan::node {

// Request id, officer number and unit, case time: all there and bounded.
// REQUEST_MALFORMED naming the field.
absl::Status CheckContext(const v1::CommandContext& context);
// Version, officer, case time, and that the body is the one of the kind.
// PAYLOAD_MALFORMED naming the field.
absl::Status CheckPayload(const InboundMessage& message);

absl::Status RequestIdReused(absl::string_view call);
absl::Status KindNotAllowed(const InboundMessage& message, absl::string_view why);
absl::Status CaseUnknown(const InboundMessage& message);

// Whether exactly this task still waits.
absl::StatusOr<bool> TaskIsPending(const platform::Transaction& txn, const CaseStore& store,
                                   const SystemTask& task);
// Tasks about this received message: somebody has reported its outcome.
absl::Status DropTasksOf(CaseBook& book, const cases::CaseRecord& record,
                         std::uint64_t of_sequence);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_CASES_REQUEST_CHECKS_H_
