// A case as --output=json shows it.
#ifndef YIZHAN_TOOLS_YIZHAN_CASE_JSON_H_
#define YIZHAN_TOOLS_YIZHAN_CASE_JSON_H_

#include <string>

#include "adapters/platform/json/json.h"
#include "yizhan/v1/case.pb.h"

namespace yizhan::tools {

// The applicant's name stays out; the ID number is masked already.
platform::JsonValue CaseJson(const v1::CaseView& view);

// "ACCEPTING", "HOME".
std::string CaseRoleText(v1::CaseRole role);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_YIZHAN_CASE_JSON_H_
