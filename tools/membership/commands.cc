#include "tools/membership/commands.h"

namespace yizhan::tools {

std::vector<Command> MembershipCommands() {
  return {MemberApplyCommand(),   MemberApproveCommand(), MemberSubmitCommand(),
          MemberSuspendCommand(), MemberRevokeCommand(),  MemberListCommand(),
          MemberShowCommand(),    KeyStageCommand(),      KeyActivateCommand(),
          KeyRetireCommand(),     KeyCompromiseCommand(), AuthorityInitCommand(),
          BrokerApplyCommand()};
}

}  // namespace yizhan::tools
