#include "tools/yizhan/commands.h"

namespace yizhan::tools {

std::vector<Command> NetworkCommands() {
  return {NetworkInitCommand(), LinkArmCommand(),   LinkTestCommand(),     LinkListCommand(),
          CaseListCommand(),    CaseShowCommand(),  MessageTraceCommand(), MailboxListCommand(),
          NodeStatusCommand(),  NodeResumeCommand()};
}

}  // namespace yizhan::tools
