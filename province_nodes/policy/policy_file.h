// The file of dated rules.
#ifndef YIZHAN_PROVINCE_NODES_POLICY_POLICY_FILE_H_
#define YIZHAN_PROVINCE_NODES_POLICY_POLICY_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "yizhan/v1/policy.pb.h"

namespace yizhan::node {

// Reads and validates it. CONFIG_INVALID with file, line or rule, and what to do.
absl::StatusOr<v1::Policy> LoadPolicy(const std::string& path);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_POLICY_POLICY_FILE_H_
