// The frame of the command line: commands, their help, output, exit codes.
#ifndef YIZHAN_TOOLS_YIZHAN_COMMAND_H_
#define YIZHAN_TOOLS_YIZHAN_COMMAND_H_

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "adapters/platform/json/json.h"
#include "tools/yizhan/flags.h"
#include "tools/yizhan/table.h"

namespace yizhan::tools {

// Documented in --help; scripts rely on them.
enum ExitCode : int {
  kExitOk = 0,
  kExitRefused = 1,      // refused by the other side, or a test failed
  kExitUsage = 2,        // usage or configuration
  kExitUnreachable = 3,  // nobody answers
  kExitNotFound = 4,
};
int ExitCodeOf(const absl::Status& status);

// Where a command's output goes. Results to `out`; progress and errors to
// `err`, progress only where that is a terminal. One thread.
class Console {
 public:
  // The streams must outlive this object.
  Console(std::FILE* out, std::FILE* err, bool err_is_terminal);
  static Console OfProcess();

  void set_json(bool json) { json_ = json; }
  bool json() const { return json_; }
  bool live() const { return err_is_terminal_ && !json_; }

  // A result for people; nothing under --output=json.
  void Say(absl::string_view text);
  void Show(const Table& table);
  // The result for programs; nothing under --output=table.
  void Emit(const platform::JsonValue& json);
  // Replaces the progress line; nothing where no terminal watches.
  void Progress(absl::string_view text);
  void ClearProgress();
  // A line on the error stream, in either output.
  void Note(absl::string_view text);
  // What, whose side, next step.
  void Explain(const absl::Status& status);

 private:
  std::FILE* out_;
  std::FILE* err_;
  bool err_is_terminal_;
  bool json_ = false;
  bool progress_shown_ = false;
};

// One command, as registered.
struct Command {
  std::string name;         // "link test"
  std::string summary;      // a line
  std::string description;  // a paragraph or more
  std::vector<std::string> examples;
  std::vector<std::string> positionals;  // names, all mandatory
  std::function<void(FlagSet&)> declare;
  std::function<absl::Status(const FlagSet&, Console&)> run;
};

// Runs what `arguments` (without the program's name) ask for; an exit code.
int RunCommandLine(absl::Span<const Command> commands, absl::Span<const std::string> arguments,
                   Console& console);

// Sentence for a person: "What. (side; reason)" and the next step.
std::string DescribeError(const absl::Status& status);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_YIZHAN_COMMAND_H_
