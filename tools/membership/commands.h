// The commands about members, keys and the authority.
#ifndef YIZHAN_TOOLS_MEMBERSHIP_COMMANDS_H_
#define YIZHAN_TOOLS_MEMBERSHIP_COMMANDS_H_

#include <vector>

#include "tools/yizhan/command.h"

namespace yizhan::tools {

Command BrokerApplyCommand();
Command AuthorityInitCommand();
Command MemberApplyCommand();
Command MemberApproveCommand();
Command MemberSubmitCommand();
Command MemberSuspendCommand();
Command MemberRevokeCommand();
Command MemberListCommand();
Command MemberShowCommand();
Command KeyStageCommand();
Command KeyActivateCommand();
Command KeyRetireCommand();
Command KeyCompromiseCommand();

// All of the above.
std::vector<Command> MembershipCommands();

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_MEMBERSHIP_COMMANDS_H_
