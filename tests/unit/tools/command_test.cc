#include "tools/yizhan/command.h"

#include <cstdio>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "tools/yizhan/commands.h"
#include "tools/yizhan/table.h"

namespace yizhan::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string ContentOf(std::FILE* file) {
  std::rewind(file);
  std::string text;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file))
    text.push_back(static_cast<char>(c));
  return text;
}

// Runs a command line on two files in place of the terminal.
struct Ran {
  int exit = 0;
  std::string out;
  std::string err;
};

Ran RunLine(const std::vector<Command>& commands, const std::vector<std::string>& arguments,
            bool terminal = false) {
  std::FILE* out = std::tmpfile();
  std::FILE* err = std::tmpfile();
  Ran ran;
  {
    Console console(out, err, terminal);
    ran.exit = RunCommandLine(commands, arguments, console);
  }
  ran.out = ContentOf(out);
  ran.err = ContentOf(err);
  std::fclose(out);
  std::fclose(err);
  return ran;
}

std::vector<Command> Answering(absl::Status status) {
  return {{.name = "thing show",
           .summary = "Show a thing.",
           .description = "More about it.",
           .examples = {"yizhan thing show 7"},
           .positionals = {"THING"},
           .declare = [](FlagSet& flags) { flags.AddSwitch("fast", "Quickly."); },
           .run =
               [status](const FlagSet& flags, Console& console) {
                 console.Progress("working");
                 console.Say(absl::string_view("shown " + flags.positionals()[0]));
                 console.Emit(platform::JsonValue::Object().Set("thing", flags.positionals()[0]));
                 return status;
               }}};
}

TEST(CommandLine, Success_ExitsZeroWithItsResultOnly) {
  const Ran ran = RunLine(Answering(absl::OkStatus()), {"thing", "show", "7"});
  EXPECT_EQ(ran.exit, kExitOk);
  EXPECT_EQ(ran.out, "shown 7\n");
  EXPECT_THAT(ran.err, IsEmpty());
}

TEST(CommandLine, Terminal_SeesProgress) {
  EXPECT_THAT(RunLine(Answering(absl::OkStatus()), {"thing", "show", "7"}, true).err,
              HasSubstr("working"));
}

TEST(CommandLine, JsonOutput_IsJsonAlone) {
  const Ran ran =
      RunLine(Answering(absl::OkStatus()), {"thing", "show", "7", "--output=json"}, true);
  EXPECT_EQ(ran.out, "{\"thing\":\"7\"}\n");
  EXPECT_THAT(ran.err, IsEmpty());
}

TEST(CommandLine, Errors_SayWhatWhoseAndNext) {
  const Ran ran = RunLine(Answering(contract::MakeError(v1::LINK_NOT_ARMED, v1::SIDE_THEIRS,
                                                        "34 has not armed.", "Ask 34 to arm.")),
                          {"thing", "show", "7"});
  EXPECT_EQ(ran.exit, kExitRefused);
  EXPECT_THAT(ran.err,
              HasSubstr("34 has not armed. (LINK_NOT_ARMED, on the other province's side)"));
  EXPECT_THAT(ran.err, HasSubstr("Next: Ask 34 to arm."));
}

TEST(CommandLine, ExitCodes_FollowTheError) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(contract::MakeError(v1::REPORT_REFUSED, v1::SIDE_MINE, "a", "b")), 1);
  EXPECT_EQ(ExitCodeOf(contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, "a", "b")), 2);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("a")), 3);
  EXPECT_EQ(ExitCodeOf(absl::DeadlineExceededError("a")), 3);
  EXPECT_EQ(ExitCodeOf(contract::MakeError(v1::CASE_NOT_FOUND, v1::SIDE_MINE, "a", "b")), 4);
  EXPECT_EQ(ExitCodeOf(contract::MakeError(v1::NOT_FOUND, v1::SIDE_MINE, "a", "b")), 4);
}

TEST(CommandLine, UnknownCommand_NamesTheNearest) {
  const Ran ran = RunLine(NetworkCommands(), {"link", "tset"});
  EXPECT_EQ(ran.exit, kExitUsage);
  EXPECT_THAT(ran.err, HasSubstr("yizhan link test"));
}

TEST(CommandLine, WrongNumberOfArguments_IsUsage) {
  const Ran ran = RunLine(Answering(absl::OkStatus()), {"thing", "show"});
  EXPECT_EQ(ran.exit, kExitUsage);
  EXPECT_THAT(ran.err, HasSubstr("THING"));
}

TEST(CommandLine, EveryCommand_HelpsWithExamplesAndExitCodes) {
  for (const Command& command : NetworkCommands()) {
    std::vector<std::string> arguments = absl::StrSplit(command.name, ' ');
    arguments.push_back("--help");
    const Ran ran = RunLine(NetworkCommands(), arguments);
    EXPECT_EQ(ran.exit, kExitOk) << command.name;
    EXPECT_THAT(ran.out, HasSubstr("Examples:")) << command.name;
    EXPECT_THAT(ran.out, HasSubstr("Exit codes:")) << command.name;
    EXPECT_THAT(ran.out, HasSubstr("--output=table|json")) << command.name;
  }
}

TEST(CommandLine, Help_ListsAllCommandsOrThoseOfAGroup) {
  EXPECT_THAT(RunLine(NetworkCommands(), {"--help"}).out, HasSubstr("network init"));
  const Ran group = RunLine(NetworkCommands(), {"link", "--help"});
  EXPECT_THAT(group.out, HasSubstr("link arm"));
  EXPECT_THAT(group.out, Not(HasSubstr("network init")));
  EXPECT_THAT(RunLine(NetworkCommands(), {"--version"}).out, HasSubstr("yizhan 0."));
}

TEST(CommandLine, NoNetworkNamed_SaysHowToNameOne) {
  const Ran ran = RunLine(NetworkCommands(), {"node", "status", "--network="});
  EXPECT_EQ(ran.exit, kExitUsage);
  EXPECT_THAT(ran.err, HasSubstr("YIZHAN_NETWORK"));
}

TEST(Table, ChineseNames_TakeTwoColumns) {
  Table table({"name", "n"});
  table.AddRow({"江苏省", "7"});
  table.AddRow({"abcdef", "12"});
  EXPECT_EQ(table.Render(), "name     n\n------  --\n江苏省   7\nabcdef  12\n");
  EXPECT_EQ(DisplayWidth("𠮷·x"), 4u);
}

}  // namespace
}  // namespace yizhan::tools
