#include "tools/yizhan/command.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "protos/contract/errors.h"
#include "tools/yizhan/version.h"

namespace yizhan::tools {
namespace {

constexpr char kExitHelp[] =
    "Exit codes: 0 ok; 1 refused by the other side, or a test failed; 2 usage or\n"
    "configuration; 3 nobody answers; 4 not found.\n";

absl::string_view SideText(v1::Side side) {
  switch (side) {
    case v1::SIDE_MINE:
      return "on your side";
    case v1::SIDE_THEIRS:
      return "on the other province's side";
    case v1::SIDE_BROKER:
      return "on the broker's side";
    case v1::SIDE_NETWORK:
      return "in the network";
    default:
      return "";
  }
}

// Commands of a group ("link") or all, with their summaries.
std::string Overview(absl::Span<const Command> commands, absl::string_view group) {
  std::string text = "yizhan: the command line of the exchange between provincial police nodes\n\n";
  absl::StrAppend(&text, "Usage: yizhan COMMAND [FLAGS]\n\n");
  for (const Command& command : commands) {
    if (!group.empty() && !absl::StartsWith(command.name, absl::StrCat(group, " "))) continue;
    const std::string pad(command.name.size() < 16 ? 16 - command.name.size() : 0, ' ');
    absl::StrAppend(&text, "  ", command.name, pad, "  ", command.summary, "\n");
  }
  absl::StrAppend(&text, "\nyizhan COMMAND --help tells more, with examples.\n", kExitHelp);
  return text;
}

std::string HelpOf(const Command& command, const FlagSet& flags) {
  std::string text = absl::StrCat("yizhan ", command.name, ": ", command.summary,
                                  "\n\nUsage: yizhan ", command.name, " [FLAGS]");
  for (const std::string& name : command.positionals) absl::StrAppend(&text, " ", name);
  absl::StrAppend(&text, "\n\n", command.description, "\n\nFlags:\n", flags.Help());
  if (!command.examples.empty()) {
    absl::StrAppend(&text, "\nExamples:\n");
    for (const std::string& example : command.examples) absl::StrAppend(&text, "  ", example, "\n");
  }
  absl::StrAppend(&text, "\n", kExitHelp);
  return text;
}

// The command whose words begin `arguments`; the longest name wins.
const Command* Match(absl::Span<const Command> commands, absl::Span<const std::string> arguments,
                     std::size_t& words) {
  const Command* best = nullptr;
  words = 0;
  for (const Command& command : commands) {
    const std::size_t count = 1 + std::count(command.name.begin(), command.name.end(), ' ');
    if (arguments.size() < count || count <= words) continue;
    if (absl::StrJoin(arguments.subspan(0, count), " ") == command.name) {
      best = &command;
      words = count;
    }
  }
  return best;
}

absl::Status UnknownCommand(absl::Span<const Command> commands,
                            absl::Span<const std::string> arguments) {
  std::vector<std::string> names;
  for (const Command& command : commands) names.push_back(command.name);
  std::vector<std::string> words;
  for (const std::string& word : arguments) {
    if (absl::StartsWith(word, "-") || words.size() == 2) break;
    words.push_back(word);
  }
  const std::string asked = absl::StrJoin(words, " ");
  std::string nearest = Nearest(asked, names);
  if (nearest.empty() && !words.empty()) nearest = Nearest(words.front(), names);
  return contract::MakeError(
      v1::CONFIG_INVALID, v1::SIDE_MINE, absl::StrCat("There is no command '", asked, "'."),
      nearest.empty() ? std::string("See yizhan --help.")
                      : absl::StrCat("Did you mean 'yizhan ", nearest, "'?"));
}

void DeclareCommon(FlagSet& flags) {
  flags.AddChoice("output", {"table", "json"}, "table", "Form of the result.");
  flags.AddSwitch("help", "Show this text.");
}

int RunOne(const Command& command, absl::Span<const std::string> arguments, Console& console) {
  FlagSet flags;
  command.declare(flags);
  DeclareCommon(flags);
  if (std::find(arguments.begin(), arguments.end(), "--help") != arguments.end()) {
    console.Say(HelpOf(command, flags));
    return kExitOk;
  }
  absl::Status status = flags.Parse(arguments);
  if (status.ok() && flags.positionals().size() != command.positionals.size()) {
    status = contract::MakeError(
        v1::CONFIG_INVALID, v1::SIDE_MINE,
        absl::StrCat("yizhan ", command.name, " takes ", command.positionals.size(), " argument(s)",
                     command.positionals.empty() ? "" : ": ",
                     absl::StrJoin(command.positionals, " "), "; there are ",
                     flags.positionals().size(), "."),
        absl::StrCat("See yizhan ", command.name, " --help."));
  }
  if (status.ok()) {
    console.set_json(flags.Text("output") == "json");
    status = command.run(flags, console);
  }
  console.ClearProgress();
  if (!status.ok()) console.Explain(status);
  return ExitCodeOf(status);
}

}  // namespace

int ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return kExitOk;
  switch (contract::ReasonOf(status)) {
    case v1::CONFIG_INVALID:
    case v1::REQUEST_MALFORMED:
      return kExitUsage;
    case v1::NOT_FOUND:
    case v1::CASE_NOT_FOUND:
      return kExitNotFound;
    default:
      break;
  }
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kExitUnreachable;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    default:
      return kExitRefused;
  }
}

std::string DescribeError(const absl::Status& status) {
  const v1::ErrorDetail detail = contract::DetailOf(status);
  std::string text = detail.what().empty() ? std::string(status.message()) : detail.what();
  const absl::string_view side = SideText(detail.side());
  absl::StrAppend(&text, " (", v1::ErrorReason_Name(detail.reason()), side.empty() ? "" : ", ",
                  side, ")");
  return text;
}

Console::Console(std::FILE* out, std::FILE* err, bool err_is_terminal)
    : out_(out), err_(err), err_is_terminal_(err_is_terminal) {}

Console Console::OfProcess() { return Console(stdout, stderr, isatty(STDERR_FILENO) == 1); }

void Console::Say(absl::string_view text) {
  if (json_) return;
  ClearProgress();
  std::fwrite(text.data(), 1, text.size(), out_);
  if (!absl::EndsWith(text, "\n")) std::fputc('\n', out_);
  std::fflush(out_);
}

void Console::Show(const Table& table) { Say(table.Render()); }

void Console::Emit(const platform::JsonValue& json) {
  if (!json_) return;
  ClearProgress();
  std::fprintf(out_, "%s\n", json.Dump().c_str());
  std::fflush(out_);
}

void Console::Progress(absl::string_view text) {
  if (!live()) return;
  std::fprintf(err_, "\r\033[K%s", std::string(text).c_str());
  std::fflush(err_);
  progress_shown_ = true;
}

void Console::ClearProgress() {
  if (!progress_shown_) return;
  std::fprintf(err_, "\r\033[K");
  std::fflush(err_);
  progress_shown_ = false;
}

void Console::Note(absl::string_view text) {
  ClearProgress();
  std::fprintf(err_, "%s\n", std::string(text).c_str());
  std::fflush(err_);
}

void Console::Explain(const absl::Status& status) {
  ClearProgress();
  const v1::ErrorDetail detail = contract::DetailOf(status);
  std::fprintf(err_, "yizhan: %s\n", DescribeError(status).c_str());
  if (!detail.next_step().empty()) std::fprintf(err_, "  Next: %s\n", detail.next_step().c_str());
  std::fflush(err_);
}

int RunCommandLine(absl::Span<const Command> commands, absl::Span<const std::string> arguments,
                   Console& console) {
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "help") {
    console.Say(Overview(commands, ""));
    return arguments.empty() ? kExitUsage : kExitOk;
  }
  if (arguments[0] == "--version") {
    console.Say(absl::StrCat("yizhan ", kVersion));
    return kExitOk;
  }
  std::size_t words = 0;
  if (const Command* command = Match(commands, arguments, words); command != nullptr) {
    return RunOne(*command, arguments.subspan(words), console);
  }
  const bool is_group = std::any_of(commands.begin(), commands.end(), [&](const Command& c) {
    return absl::StartsWith(c.name, absl::StrCat(arguments[0], " "));
  });
  if (is_group && (arguments.size() == 1 || absl::StartsWith(arguments[1], "-"))) {
    console.Say(Overview(commands, arguments[0]));
    return arguments.size() == 1 ? kExitUsage : kExitOk;
  }
  console.Explain(UnknownCommand(commands, arguments));
  return kExitUsage;
}

}  // namespace yizhan::tools
