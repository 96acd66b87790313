// A load's outcome for people and for programs.
#ifndef YIZHAN_TOOLS_LOAD_LOAD_REPORT_H_
#define YIZHAN_TOOLS_LOAD_LOAD_REPORT_H_

#include "adapters/platform/json/json.h"
#include "tools/load/load_run.h"
#include "tools/yizhan/table.h"

namespace yizhan::tools {

Table TableOf(const LoadReport& report);
platform::JsonValue JsonOf(const LoadReport& report);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_LOAD_LOAD_REPORT_H_
