#include "province_nodes/cases/request_checks.h"

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"

namespace yizhan::node {
namespace {

constexpr std::size_t kMaxRequestId = 64;
constexpr std::size_t kMaxOfficerNumber = 32;
constexpr std::size_t kMaxOfficerUnit = 128;
// 2100-01-01: later ones are of a wrong unit.
constexpr std::int64_t kMaxCaseTime = 4'102'444'800'000'000;

v1::Payload::BodyCase BodyOf(v1::MessageKind kind) {
  switch (kind) {
    case v1::ELIGIBILITY_QUERY:
      return v1::Payload::kEligibilityQuery;
    case v1::ELIGIBILITY_ANSWER:
      return v1::Payload::kEligibilityAnswer;
    case v1::ACCEPTANCE:
      return v1::Payload::kAcceptance;
    case v1::REVIEW_DECISION:
      return v1::Payload::kReviewDecision;
    case v1::QUALITY_FEEDBACK:
      return v1::Payload::kQualityFeedback;
    case v1::RETAKE:
      return v1::Payload::kRetake;
    case v1::PRODUCTION_FEEDBACK:
      return v1::Payload::kProductionFeedback;
    case v1::HAND_OVER:
      return v1::Payload::kHandOver;
    case v1::CLOSURE:
      return v1::Payload::kClosure;
    case v1::SYSTEM_OUTCOME:
      return v1::Payload::kSystemOutcome;
    case v1::TEST_MESSAGE:
      return v1::Payload::kTestMessage;
    default:
      return v1::Payload::BODY_NOT_SET;
  }
}

bool Within(const std::string& text, std::size_t most) {
  return !text.empty() && text.size() <= most;
}

absl::Status Refuse(v1::ErrorReason reason, absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(reason, v1::SIDE_THEIRS, what, next_step);
}

}  // namespace

absl::Status CheckContext(const v1::CommandContext& context) {
  const auto missing = [](absl::string_view field, std::size_t most) {
    return FieldError(v1::REQUEST_MALFORMED, field,
                      absl::StrCat("must have 1 to ", most, " bytes"));
  };
  if (!Within(context.request_id(), kMaxRequestId)) {
    return missing("context.request_id", kMaxRequestId);
  }
  if (!Within(context.officer().number(), kMaxOfficerNumber)) {
    return missing("context.officer.number", kMaxOfficerNumber);
  }
  if (!Within(context.officer().unit(), kMaxOfficerUnit)) {
    return missing("context.officer.unit", kMaxOfficerUnit);
  }
  if (context.case_time_unix_us() <= 0 || context.case_time_unix_us() > kMaxCaseTime) {
    return FieldError(v1::REQUEST_MALFORMED, "context.case_time_unix_us",
                      "must be a time after 1970, in microseconds");
  }
  return absl::OkStatus();
}

absl::Status CheckPayload(const InboundMessage& message) {
  const v1::Payload& payload = message.payload;
  const auto malformed = [&](absl::string_view what) {
    return Refuse(v1::PAYLOAD_MALFORMED,
                  absl::StrCat("payload of ", v1::MessageKind_Name(message.kind), ": ", what),
                  "The sending node's operator reports it to whoever builds that node.");
  };
  if (payload.format_version() != 1) return malformed("format_version must be 1");
  if (!Within(payload.officer().number(), kMaxOfficerNumber) ||
      !Within(payload.officer().unit(), kMaxOfficerUnit)) {
    return malformed("officer must have number and unit");
  }
  if (payload.case_time_unix_us() <= 0 || payload.case_time_unix_us() > kMaxCaseTime) {
    return malformed("case_time_unix_us is missing or out of range");
  }
  if (payload.body_case() == v1::Payload::BODY_NOT_SET ||
      payload.body_case() != BodyOf(message.kind)) {
    return malformed("the body is of another kind");
  }
  return absl::OkStatus();
}

absl::Status RequestIdReused(absl::string_view call) {
  return contract::MakeError(
      v1::REQUEST_ID_REUSED, v1::SIDE_MINE,
      absl::StrCat(call,
                   ": context.request_id was used before for another "
                   "request of this caller"),
      "Give every new request an id of its own; repeat a request unchanged.");
}

absl::Status KindNotAllowed(const InboundMessage& message, absl::string_view why) {
  return Refuse(v1::KIND_NOT_ALLOWED,
                absl::StrCat("province ", message.source.str(), " may not send ",
                             v1::MessageKind_Name(message.kind), ": it ", why),
                "The sending node's operator looks at the case's roles.");
}

absl::Status CaseUnknown(const InboundMessage& message) {
  return Refuse(v1::CASE_RULE_VIOLATED,
                absl::StrCat(v1::MessageKind_Name(message.kind),
                             " is of a case that this node does not know"),
                "A case begins with its eligibility query; the sender's operator looks at it.");
}

absl::StatusOr<bool> TaskIsPending(const platform::Transaction& txn, const CaseStore& store,
                                   const SystemTask& task) {
  const auto stored = store.FindTask(txn, task.case_handle, static_cast<std::uint32_t>(task.kind));
  if (!stored.ok()) return stored.status();
  return stored->has_value() && (*stored)->of_sequence() == task.of_sequence;
}

absl::Status DropTasksOf(CaseBook& book, const cases::CaseRecord& record,
                         std::uint64_t of_sequence) {
  const contract::CaseHandle handle = KeyOf(record).first;
  const SystemTask::Kind kind = record.role() == v1::CASE_ROLE_HOME
                                    ? SystemTask::Kind::kRegisterRecordCard
                                    : SystemTask::Kind::kCardCentreOrder;
  const auto task = book.store.FindTask(book.txn, handle, static_cast<std::uint32_t>(kind));
  if (!task.ok()) return task.status();
  if (task->has_value() && (*task)->of_sequence() == of_sequence) {
    book.store.DeleteTask(book.txn, handle, static_cast<std::uint32_t>(kind));
  }
  return absl::OkStatus();
}

}  // namespace yizhan::node
