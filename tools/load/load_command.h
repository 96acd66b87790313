// `yizhan load`.
#ifndef YIZHAN_TOOLS_LOAD_LOAD_COMMAND_H_
#define YIZHAN_TOOLS_LOAD_LOAD_COMMAND_H_

#include "tools/yizhan/command.h"

namespace yizhan::tools {

Command LoadCommand();

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_LOAD_LOAD_COMMAND_H_
