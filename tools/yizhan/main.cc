#include <string>
#include <utility>
#include <vector>

#include "tools/demo/demo_command.h"
#include "tools/load/load_command.h"
#include "tools/membership/commands.h"
#include "tools/yizhan/command.h"
#include "tools/yizhan/commands.h"

int main(int argc, char** argv) {
  using namespace yizhan::tools;  // the program is its commands
  Console console = Console::OfProcess();
  std::vector<Command> commands = NetworkCommands();
  for (Command& command : MembershipCommands()) commands.push_back(std::move(command));
  commands.push_back(DemoCommand());
  commands.push_back(LoadCommand());
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return RunCommandLine(commands, arguments, console);
}
