#include "province_nodes/policy/policy_file.h"

#include "absl/strings/str_cat.h"
#include "adapters/platform/config/text_proto.h"
#include "protos/contract/errors.h"
#include "protos/contract/rules.h"

namespace yizhan::node {

absl::StatusOr<v1::Policy> LoadPolicy(const std::string& path) {
  absl::StatusOr<v1::Policy> policy = platform::LoadTextProto<v1::Policy>(path);
  if (!policy.ok()) return policy;
  if (const absl::Status valid = contract::ValidatePolicy(*policy); !valid.ok()) {
    v1::ErrorDetail detail = contract::DetailOf(valid);
    detail.set_what(absl::StrCat(path, ": ", detail.what()));
    return contract::MakeError(detail);
  }
  return policy;
}

}  // namespace yizhan::node
