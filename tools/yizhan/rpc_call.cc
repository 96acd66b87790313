#include "tools/yizhan/rpc_call.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"

namespace yizhan::tools {

absl::Status OfCall(absl::string_view who, const grpc::Status& grpc_status) {
  const absl::Status status = platform::FromGrpc(grpc_status);
  v1::ErrorDetail detail = contract::DetailOf(status);
  const bool unreachable = status.code() == absl::StatusCode::kUnavailable ||
                           status.code() == absl::StatusCode::kDeadlineExceeded;
  const std::string cause = detail.what().empty() ? std::string(status.message()) : detail.what();
  detail.set_what(absl::StrCat(who, ": ", cause));
  if (unreachable && detail.next_step().empty()) {
    detail.set_next_step("See whether its process runs and what its log says last.");
  }
  absl::Status named(status.code(), detail.what());
  named.SetPayload(contract::kErrorDetailTypeUrl, absl::Cord(detail.SerializeAsString()));
  return named;
}

}  // namespace yizhan::tools
