// Errors with stable reasons, carried inside absl::Status as a payload.
#ifndef YIZHAN_PROTOS_CONTRACT_ERRORS_H_
#define YIZHAN_PROTOS_CONTRACT_ERRORS_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "yizhan/v1/error.pb.h"

namespace yizhan::contract {

// Type URL of the payload: "type.googleapis.com/yizhan.v1.ErrorDetail".
extern const char kErrorDetailTypeUrl[];

// The status code that fits the reason, e.g. INVALID_ARGUMENT for
// ID_NUMBER_INVALID, PERMISSION_DENIED for SPOOFED_SOURCE, RESOURCE_EXHAUSTED
// for QUOTA_EXCEEDED, NOT_FOUND, FAILED_PRECONDITION, ...
absl::StatusCode CodeOf(v1::ErrorReason reason);

// A status with the detail as payload; the status message is `what`.
absl::Status MakeError(const v1::ErrorDetail& detail);
// what: what went wrong and where, a sentence. next_step: what to do.
absl::Status MakeError(v1::ErrorReason reason, v1::Side side, absl::string_view what,
                       absl::string_view next_step);

// The detail of a status; for one without, INTERNAL_FAULT (or STORAGE_FAILED
// for DATA_LOSS) with the status message. Never called with an OK status.
v1::ErrorDetail DetailOf(const absl::Status& status);
// ERROR_REASON_UNSPECIFIED for OK.
v1::ErrorReason ReasonOf(const absl::Status& status);

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_ERRORS_H_
