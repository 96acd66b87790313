#include "adapters/platform/rpc/status.h"

#include <cstddef>
#include <map>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "protos/contract/errors.h"
#include "yizhan/v1/error.pb.h"

namespace yizhan::platform {
namespace {

constexpr char kDomain[] = "yizhan.v1";
// Trailers hold 16 KiB (server.cc, channel.cc); a text goes into them up to
// four times, once with three bytes for one.
constexpr std::size_t kMaxTextBytes = 1024;
constexpr std::size_t kMaxMetadataEntries = 8;
constexpr std::size_t kMaxMetadataBytes = 128;

// Cut between UTF-8 characters.
std::string Cut(absl::string_view text, std::size_t max) {
  if (text.size() <= max) return std::string(text);
  std::size_t end = max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end));
}

v1::ErrorDetail BoundedDetail(const absl::Status& status) {
  v1::ErrorDetail full = contract::DetailOf(status);
  v1::ErrorDetail detail = full;
  detail.set_what(Cut(full.what(), kMaxTextBytes));
  detail.set_next_step(Cut(full.next_step(), kMaxTextBytes));
  detail.clear_metadata();
  // Sorted, so that the same entries stay in every process.
  std::map<std::string, std::string> sorted(full.metadata().begin(), full.metadata().end());
  for (const auto& [key, value] : sorted) {
    if (detail.metadata_size() == static_cast<int>(kMaxMetadataEntries)) break;
    (*detail.mutable_metadata())[Cut(key, kMaxMetadataBytes)] = Cut(value, kMaxMetadataBytes);
  }
  return detail;
}

google::rpc::ErrorInfo InfoOf(const v1::ErrorDetail& detail) {
  google::rpc::ErrorInfo info;
  info.set_reason(v1::ErrorReason_Name(detail.reason()));
  info.set_domain(kDomain);
  *info.mutable_metadata() = detail.metadata();
  if (!detail.message_id().empty()) {
    (*info.mutable_metadata())["message_id"] = absl::BytesToHexString(detail.message_id());
  }
  return info;
}

void AddStandardDetails(const v1::ErrorDetail& detail, google::rpc::Status* status) {
  status->add_details()->PackFrom(InfoOf(detail));
  if (detail.retry_after_ms() > 0) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(detail.retry_after_ms() / 1000);
    retry.mutable_retry_delay()->set_nanos(
        static_cast<int>(detail.retry_after_ms() % 1000 * 1000000));
    status->add_details()->PackFrom(retry);
  }
  if (auto field = detail.metadata().find("field"); field != detail.metadata().end()) {
    google::rpc::BadRequest bad;
    auto* violation = bad.add_field_violations();
    violation->set_field(field->second);
    violation->set_description(detail.what());
    status->add_details()->PackFrom(bad);
  }
}

// What gRPC itself reports, or a server that is not ours.
absl::Status WithoutDetail(absl::StatusCode code, const std::string& message) {
  v1::ErrorDetail detail;
  detail.set_what(message.empty() ? absl::StrCat("ended with ", absl::StatusCodeToString(code),
                                                 " and no further word")
                                  : message);
  if (code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kDeadlineExceeded) {
    detail.set_reason(v1::PEER_UNREACHABLE);
    detail.set_side(v1::SIDE_NETWORK);
    detail.set_what(absl::StrCat("no answer: ", detail.what()));
    detail.set_next_step(
        "see that the other process runs, that address and certificates fit, and try again");
  } else if (code == absl::StatusCode::kCancelled) {
    return absl::CancelledError(message);
  } else {
    detail.set_reason(v1::INTERNAL_FAULT);
    detail.set_side(v1::SIDE_NETWORK);
    detail.set_next_step("see that both sides run fitting versions, and the other side's log");
  }
  absl::Status status(code, detail.what());
  status.SetPayload(contract::kErrorDetailTypeUrl, absl::Cord(detail.SerializeAsString()));
  return status;
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const v1::ErrorDetail detail = BoundedDetail(status);
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(detail.what());
  AddStandardDetails(detail, &details);
  details.add_details()->PackFrom(detail);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), detail.what(),
                      details.SerializeAsString());
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  google::rpc::Status details;
  if (details.ParseFromString(status.error_details())) {
    for (const google::protobuf::Any& any : details.details()) {
      v1::ErrorDetail detail;
      if (!any.Is<v1::ErrorDetail>() || !any.UnpackTo(&detail)) continue;
      absl::Status out(code, detail.what());
      out.SetPayload(contract::kErrorDetailTypeUrl, absl::Cord(detail.SerializeAsString()));
      return out;
    }
  }
  return WithoutDetail(code, status.error_message());
}

}  // namespace yizhan::platform
