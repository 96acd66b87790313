// The commands, in the order in which `yizhan --help` lists them.
#ifndef YIZHAN_TOOLS_YIZHAN_COMMANDS_H_
#define YIZHAN_TOOLS_YIZHAN_COMMANDS_H_

#include <vector>

#include "tools/yizhan/command.h"

namespace yizhan::tools {

Command NetworkInitCommand();
Command LinkArmCommand();
Command LinkTestCommand();
Command LinkListCommand();
// link request, grant, open, pilot, suspend, resume, cut, lift, proposals, history.
std::vector<Command> RouteCommands();
Command CaseListCommand();
Command CaseShowCommand();
Command MessageTraceCommand();
Command MailboxListCommand();
Command NodeStatusCommand();
Command NodeResumeCommand();
Command NodeRecoverCommand();

// All of the above.
std::vector<Command> NetworkCommands();

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_YIZHAN_COMMANDS_H_
