#include "protos/contract/errors.h"

#include <string>

#include "absl/strings/cord.h"

namespace yizhan::contract {

const char kErrorDetailTypeUrl[] = "type.googleapis.com/yizhan.v1.ErrorDetail";

// No default: the compiler asks where a new reason belongs.
absl::StatusCode CodeOf(v1::ErrorReason reason) {
  switch (reason) {
    case v1::ERROR_REASON_UNSPECIFIED:
    case v1::INTERNAL_FAULT:
    case v1::ErrorReason_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::ErrorReason_INT_MAX_SENTINEL_DO_NOT_USE_:
      return absl::StatusCode::kInternal;

    case v1::CALLER_UNKNOWN:
    case v1::CERTIFICATE_REVOKED:
      return absl::StatusCode::kUnauthenticated;

    case v1::CALLER_NOT_ALLOWED:
    case v1::SPOOFED_SOURCE:
    case v1::SIGNATURE_INVALID:
    case v1::SIGNER_UNKNOWN:
    case v1::SIGNER_NOT_SOURCE:
    case v1::KIND_NOT_ALLOWED:
      return absl::StatusCode::kPermissionDenied;

    case v1::SESSION_FENCED:
      return absl::StatusCode::kAborted;

    case v1::SHUTTING_DOWN:
    case v1::PEER_UNREACHABLE:
      return absl::StatusCode::kUnavailable;

    case v1::QUOTA_EXCEEDED:
    case v1::STORAGE_FULL:
    case v1::VERIFICATION_BUDGET_EXCEEDED:
      return absl::StatusCode::kResourceExhausted;

    case v1::IDENTITY_CONFLICT:
    case v1::REQUEST_ID_REUSED:
    case v1::DUPLICATE_REF:
      return absl::StatusCode::kAlreadyExists;

    case v1::CASE_NOT_FOUND:
    case v1::NOT_FOUND:
    case v1::DESTINATION_UNKNOWN:
    case v1::TEST_RUN_UNKNOWN:
      return absl::StatusCode::kNotFound;

    case v1::STORAGE_FAILED:
      return absl::StatusCode::kDataLoss;

    case v1::STREAM_MALFORMED:
    case v1::HEADER_MALFORMED:
    case v1::SEAL_MALFORMED:
    case v1::CRITICAL_FEATURE_UNKNOWN:
    case v1::VERSION_UNSUPPORTED:
    case v1::BODY_TOO_LARGE:
    case v1::BODY_DIGEST_MISMATCH:
    case v1::CREATED_IN_FUTURE:
    case v1::LIFE_OUT_OF_RANGE:
    case v1::COMMITMENT_MISMATCH:
    case v1::PAYLOAD_MALFORMED:
    case v1::PREVIOUS_DIGEST_MISMATCH:
    case v1::LINE_UNREADABLE:
    case v1::FIELD_INVALID:
    case v1::ID_NUMBER_INVALID:
    case v1::BIRTH_DATE_DIFFERS_FROM_ID:
    case v1::SEX_DIFFERS_FROM_ID:
    case v1::DIVISION_UNKNOWN:
    case v1::PORTRAIT_INVALID:
    case v1::FINGERPRINT_INVALID:
    case v1::FEE_MISMATCH:
    case v1::REQUEST_MALFORMED:
    case v1::CONFIG_INVALID:
      return absl::StatusCode::kInvalidArgument;

    case v1::SESSION_UNKNOWN:
    case v1::CLOCK_SKEW:
    case v1::RESTORED:
    case v1::ENVELOPE_LINK_NOT_OPEN:
    case v1::MESSAGE_EXPIRED:
    case v1::NEW_CASE_ON_SUSPENDED_ROUTE:
    case v1::RECIPIENT_KEY_UNKNOWN:
    case v1::CANNOT_OPEN:
    case v1::CASE_RULE_VIOLATED:
    case v1::TOMBSTONE_CAME_FIRST:
    case v1::SEAL_SUPERSEDED:
    case v1::LINK_CUT:
    case v1::POINT_NOT_DESIGNATED:
    case v1::LINK_NOT_OPEN:
    case v1::BUSINESS_NOT_OFFERED:
    case v1::NOT_IN_PERSON:
    case v1::NO_LAWFUL_BASIS:
    case v1::EVIDENCE_INSUFFICIENT:
    case v1::GUARDIAN_REQUIRED:
    case v1::OLD_CARD_REQUIRED:
    case v1::PAPERS_NOT_GENUINE:
    case v1::CARD_SCRIPT_EXCLUDED:
    case v1::APPEARANCE_UNCONFIRMED:
    case v1::REGISTER_MISMATCH:
    case v1::NO_HISTORY_PHOTO:
    case v1::CREDIT_LISTED:
    case v1::INFORMATION_ERROR:
    case v1::IDENTITY_UNVERIFIABLE:
    case v1::RETAKE_PORTRAIT:
    case v1::RETAKE_FINGERPRINTS:
    case v1::OLD_CARD_NOT_SURRENDERED:
    case v1::CARD_FAULTY:
    case v1::STATE_NOT_ALLOWED:
    case v1::LINK_NOT_ARMED:
    case v1::LINK_RUN_CONFLICT:
    case v1::REPORT_REFUSED:
    case v1::DIRECTORY_ENTRY_REFUSED:
    case v1::DIRECTORY_FORKED:
    case v1::DIRECTORY_WITHHELD:
      return absl::StatusCode::kFailedPrecondition;
  }
  // A number that a newer peer knows and this build does not.
  return absl::StatusCode::kInternal;
}

absl::Status MakeError(const v1::ErrorDetail& detail) {
  absl::Status status(CodeOf(detail.reason()), detail.what());
  status.SetPayload(kErrorDetailTypeUrl, absl::Cord(detail.SerializeAsString()));
  return status;
}

absl::Status MakeError(v1::ErrorReason reason, v1::Side side, absl::string_view what,
                       absl::string_view next_step) {
  v1::ErrorDetail detail;
  detail.set_reason(reason);
  detail.set_side(side);
  detail.set_what(std::string(what));
  detail.set_next_step(std::string(next_step));
  return MakeError(detail);
}

v1::ErrorDetail DetailOf(const absl::Status& status) {
  v1::ErrorDetail detail;
  const auto payload = status.GetPayload(kErrorDetailTypeUrl);
  if (payload.has_value() && detail.ParseFromString(std::string(*payload))) return detail;
  detail.Clear();
  detail.set_reason(status.code() == absl::StatusCode::kDataLoss ? v1::STORAGE_FAILED
                                                                 : v1::INTERNAL_FAULT);
  detail.set_side(v1::SIDE_MINE);
  detail.set_what(std::string(status.message()));
  return detail;
}

v1::ErrorReason ReasonOf(const absl::Status& status) {
  return status.ok() ? v1::ERROR_REASON_UNSPECIFIED : DetailOf(status).reason();
}

}  // namespace yizhan::contract
