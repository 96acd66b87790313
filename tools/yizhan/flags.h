// Flags of a command: declared with their help, parsed with errors that teach.
#ifndef YIZHAN_TOOLS_YIZHAN_FLAGS_H_
#define YIZHAN_TOOLS_YIZHAN_FLAGS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace yizhan::tools {

// A value of one thread. Accepted are --name=value, --name value and, for
// switches, --name and --no-name; "--" ends the flags. Asking for a flag that
// was not declared is a mistake of the program and stops it.
class FlagSet {
 public:
  // `value_name` stands in the help ("DIR"); `help` is a sentence.
  void AddText(absl::string_view name, absl::string_view value_name,
               absl::string_view default_value, absl::string_view help);
  // One of `choices`.
  void AddChoice(absl::string_view name, const std::vector<std::string>& choices,
                 absl::string_view default_value, absl::string_view help);
  void AddSwitch(absl::string_view name, absl::string_view help);
  void AddNumber(absl::string_view name, absl::string_view value_name, std::int64_t default_value,
                 std::int64_t least, std::int64_t most, absl::string_view help);
  // "2h", "90s", "500ms".
  void AddDuration(absl::string_view name, absl::Duration default_value, absl::string_view help);
  // Values separated by commas; the flag may be repeated.
  void AddList(absl::string_view name, absl::string_view value_name,
               absl::string_view default_value, absl::string_view help);

  // CONFIG_INVALID naming the argument, and the nearest flag for an unknown one.
  absl::Status Parse(absl::Span<const std::string> arguments);

  const std::string& Text(absl::string_view name) const;
  bool Switch(absl::string_view name) const;
  std::int64_t Number(absl::string_view name) const;
  absl::Duration Duration(absl::string_view name) const;
  std::vector<std::string> List(absl::string_view name) const;
  // Whether it stood on the command line.
  bool Given(absl::string_view name) const;
  const std::vector<std::string>& positionals() const { return positionals_; }

  // One line a flag, aligned, in the order of declaration.
  std::string Help() const;

 private:
  enum class Kind { kText, kChoice, kSwitch, kNumber, kDuration, kList };
  struct Flag {
    Kind kind = Kind::kText;
    std::string name = {};
    std::string value_name = {};
    std::string value = {};
    std::string help = {};
    std::vector<std::string> choices = {};
    std::int64_t least = 0;
    std::int64_t most = 0;
    bool given = false;
  };

  void Add(Flag flag);
  Flag* Find(absl::string_view name);
  const Flag& Get(absl::string_view name, Kind kind) const;
  absl::Status Unknown(absl::string_view name) const;
  absl::Status Set(Flag& flag, absl::string_view value);

  std::vector<Flag> flags_;
  std::vector<std::string> positionals_;
};

// The candidate with the fewest edits from `word`; empty where none is near
// enough to be meant.
std::string Nearest(absl::string_view word, absl::Span<const std::string> candidates);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_YIZHAN_FLAGS_H_
