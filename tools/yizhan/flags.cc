#include "tools/yizhan/flags.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "protos/contract/errors.h"

namespace yizhan::tools {
namespace {

absl::Status UsageError(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, what, next_step);
}

std::size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string Nearest(absl::string_view word, absl::Span<const std::string> candidates) {
  std::string best;
  std::size_t fewest = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    std::size_t edits = EditDistance(word, candidate);
    // A beginning of the right word is meant, however much is missing.
    if (!word.empty() && absl::StartsWith(candidate, word)) edits = 1;
    if (edits < fewest) {
      fewest = edits;
      best = candidate;
    }
  }
  return best;
}

void FlagSet::Add(Flag flag) { flags_.push_back(std::move(flag)); }

void FlagSet::AddText(absl::string_view name, absl::string_view value_name,
                      absl::string_view default_value, absl::string_view help) {
  Add({.kind = Kind::kText,
       .name = std::string(name),
       .value_name = std::string(value_name),
       .value = std::string(default_value),
       .help = std::string(help)});
}

void FlagSet::AddChoice(absl::string_view name, const std::vector<std::string>& choices,
                        absl::string_view default_value, absl::string_view help) {
  Add({.kind = Kind::kChoice,
       .name = std::string(name),
       .value_name = absl::StrJoin(choices, "|"),
       .value = std::string(default_value),
       .help = std::string(help),
       .choices = choices});
}

void FlagSet::AddSwitch(absl::string_view name, absl::string_view help) {
  Add({.kind = Kind::kSwitch,
       .name = std::string(name),
       .value = "false",
       .help = std::string(help)});
}

void FlagSet::AddNumber(absl::string_view name, absl::string_view value_name,
                        std::int64_t default_value, std::int64_t least, std::int64_t most,
                        absl::string_view help) {
  Add({.kind = Kind::kNumber,
       .name = std::string(name),
       .value_name = std::string(value_name),
       .value = absl::StrCat(default_value),
       .help = std::string(help),
       .least = least,
       .most = most});
}

void FlagSet::AddDuration(absl::string_view name, absl::Duration default_value,
                          absl::string_view help) {
  Add({.kind = Kind::kDuration,
       .name = std::string(name),
       .value_name = "DURATION",
       .value = absl::FormatDuration(default_value),
       .help = std::string(help)});
}

void FlagSet::AddList(absl::string_view name, absl::string_view value_name,
                      absl::string_view default_value, absl::string_view help) {
  Add({.kind = Kind::kList,
       .name = std::string(name),
       .value_name = absl::StrCat(value_name, ",.."),
       .value = std::string(default_value),
       .help = std::string(help)});
}

FlagSet::Flag* FlagSet::Find(absl::string_view name) {
  for (Flag& flag : flags_) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

const FlagSet::Flag& FlagSet::Get(absl::string_view name, Kind kind) const {
  for (const Flag& flag : flags_) {
    if (flag.name == name &&
        (flag.kind == kind || (flag.kind == Kind::kChoice && kind == Kind::kText))) {
      return flag;
    }
  }
  std::fprintf(stderr, "yizhan: flag --%s is used but not declared\n", std::string(name).c_str());
  std::abort();
}

absl::Status FlagSet::Unknown(absl::string_view name) const {
  std::vector<std::string> names;
  for (const Flag& flag : flags_) names.push_back(flag.name);
  const std::string nearest = Nearest(name, names);
  return UsageError(absl::StrCat("There is no flag --", name, "."),
                    nearest.empty() ? std::string("See --help for the flags of this command.")
                                    : absl::StrCat("Did you mean --", nearest, "?"));
}

absl::Status FlagSet::Set(Flag& flag, absl::string_view value) {
  const std::string given = absl::StrCat("--", flag.name, "=", value);
  switch (flag.kind) {
    case Kind::kChoice:
      if (std::find(flag.choices.begin(), flag.choices.end(), value) == flag.choices.end()) {
        return UsageError(absl::StrCat(given, " is none of its values."),
                          absl::StrCat("Use one of ", absl::StrJoin(flag.choices, ", "), "."));
      }
      break;
    case Kind::kNumber: {
      std::int64_t number = 0;
      if (!absl::SimpleAtoi(value, &number) || number < flag.least || number > flag.most) {
        return UsageError(absl::StrCat(given, " is not a number that fits."),
                          absl::StrCat("Use ", flag.least, " to ", flag.most, "."));
      }
      break;
    }
    case Kind::kDuration: {
      absl::Duration duration;
      if (!absl::ParseDuration(value, &duration) || duration < absl::ZeroDuration() ||
          duration == absl::InfiniteDuration()) {
        return UsageError(absl::StrCat(given, " is not a duration."),
                          "Use a number and a unit, for example 2h, 30m, 90s or 500ms.");
      }
      break;
    }
    case Kind::kSwitch:
      if (value != "true" && value != "false") {
        return UsageError(absl::StrCat(given, " is neither true nor false."),
                          absl::StrCat("Write --", flag.name, " or --no-", flag.name, "."));
      }
      break;
    case Kind::kText:
      break;
    case Kind::kList:
      if (flag.given) {
        absl::StrAppend(&flag.value, ",", value);
        return absl::OkStatus();
      }
      break;
  }
  flag.value = std::string(value);
  flag.given = true;
  return absl::OkStatus();
}

absl::Status FlagSet::Parse(absl::Span<const std::string> arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    absl::string_view argument = arguments[i];
    if (argument == "--") {
      positionals_.insert(positionals_.end(), arguments.begin() + i + 1, arguments.end());
      return absl::OkStatus();
    }
    if (!absl::ConsumePrefix(&argument, "--")) {
      if (argument.size() > 1 && argument[0] == '-') {
        return UsageError(absl::StrCat("There is no flag ", argument, "."),
                          "Flags have two dashes; see --help.");
      }
      positionals_.emplace_back(argument);
      continue;
    }
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(argument, absl::MaxSplits('=', 1));
    const bool has_value = absl::StrContains(argument, '=');
    Flag* flag = Find(parts.first);
    std::string value = parts.second;
    if (flag == nullptr && !has_value && absl::StartsWith(parts.first, "no-")) {
      flag = Find(absl::string_view(parts.first).substr(3));
      if (flag != nullptr && flag->kind != Kind::kSwitch) flag = nullptr;
      value = "false";
    } else if (flag != nullptr && !has_value && flag->kind == Kind::kSwitch) {
      value = "true";
    } else if (flag != nullptr && !has_value) {
      if (i + 1 >= arguments.size()) {
        return UsageError(absl::StrCat("--", flag->name, " needs a value."),
                          absl::StrCat("Write --", flag->name, "=", flag->value_name, "."));
      }
      value = arguments[++i];
    }
    if (flag == nullptr) return Unknown(parts.first);
    if (absl::Status status = Set(*flag, value); !status.ok()) return status;
  }
  return absl::OkStatus();
}

const std::string& FlagSet::Text(absl::string_view name) const {
  return Get(name, Kind::kText).value;
}

bool FlagSet::Switch(absl::string_view name) const {
  return Get(name, Kind::kSwitch).value == "true";
}

std::int64_t FlagSet::Number(absl::string_view name) const {
  std::int64_t number = 0;
  (void)absl::SimpleAtoi(Get(name, Kind::kNumber).value, &number);
  return number;
}

absl::Duration FlagSet::Duration(absl::string_view name) const {
  absl::Duration duration;
  (void)absl::ParseDuration(Get(name, Kind::kDuration).value, &duration);
  return duration;
}

std::vector<std::string> FlagSet::List(absl::string_view name) const {
  std::vector<std::string> values;
  for (absl::string_view part : absl::StrSplit(Get(name, Kind::kList).value, ',')) {
    part = absl::StripAsciiWhitespace(part);
    if (!part.empty()) values.emplace_back(part);
  }
  return values;
}

bool FlagSet::Given(absl::string_view name) const {
  for (const Flag& flag : flags_) {
    if (flag.name == name) return flag.given;
  }
  return false;
}

std::string FlagSet::Help() const {
  std::vector<std::pair<std::string, std::string>> lines;
  std::size_t width = 0;
  for (const Flag& flag : flags_) {
    std::string left = absl::StrCat("--", flag.name);
    if (flag.kind != Kind::kSwitch) absl::StrAppend(&left, "=", flag.value_name);
    std::string right = flag.help;
    if (flag.kind != Kind::kSwitch && !flag.value.empty() && !flag.given) {
      absl::StrAppend(&right, " [", flag.value, "]");
    }
    width = std::max(width, left.size());
    lines.emplace_back(std::move(left), std::move(right));
  }
  width = std::min<std::size_t>(width, 34);
  std::string help;
  for (const auto& [left, right] : lines) {
    const std::size_t pad = left.size() < width ? width - left.size() : 0;
    absl::StrAppend(&help, "  ", left, std::string(pad, ' '), "  ", right, "\n");
  }
  return help;
}

}  // namespace yizhan::tools
