// `yizhan demo`: a whole network of real processes, fed with applications.
#ifndef YIZHAN_TOOLS_DEMO_DEMO_COMMAND_H_
#define YIZHAN_TOOLS_DEMO_DEMO_COMMAND_H_

#include "tools/yizhan/command.h"

namespace yizhan::tools {

Command DemoCommand();

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_DEMO_DEMO_COMMAND_H_
