#include "tools/yizhan/commands.h"

#include <utility>

namespace yizhan::tools {

std::vector<Command> NetworkCommands() {
  std::vector<Command> commands = {NetworkInitCommand(), LinkArmCommand(), LinkTestCommand(),
                                   LinkListCommand()};
  for (Command& command : RouteCommands()) commands.push_back(std::move(command));
  for (Command& command : std::vector<Command>{
           CaseListCommand(), CaseShowCommand(), MessageTraceCommand(), MailboxListCommand(),
           NodeStatusCommand(), NodeResumeCommand(), NodeRecoverCommand()}) {
    commands.push_back(std::move(command));
  }
  return commands;
}

}  // namespace yizhan::tools
