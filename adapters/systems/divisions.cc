#include "adapters/systems/divisions.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "adapters/platform/json/json_lines.h"
#include "adapters/systems/field_reader.h"

namespace yizhan::systems {
namespace {

constexpr std::size_t kMaxLineBytes = 1024;
constexpr absl::string_view kHeader = "code,name,parent";

bool IsDivisionCode(absl::string_view code) {
  return (code.size() == 2 || code.size() == 4 || code.size() == 6) &&
         std::all_of(code.begin(), code.end(), absl::ascii_isdigit);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Divisions>> Divisions::Load(const std::string& path) {
  Names names;
  bool header_seen = false;
  const auto refuse = [&](std::size_t line, absl::string_view what) {
    return FileError(absl::StrCat(path, ":", line, ": ", what),
                     "Correct or remove the line and start again.");
  };
  const absl::Status status =
      platform::ForEachLine(path, kMaxLineBytes, [&](std::size_t line, absl::string_view text) {
        if (text.size() > kMaxLineBytes) return refuse(line, "line too long");
        if (!header_seen) {
          header_seen = true;
          return text == kHeader ? absl::OkStatus()
                                 : refuse(line, "the header code,name,parent is expected");
        }
        if (text.empty()) return absl::OkStatus();
        const std::vector<absl::string_view> cells = absl::StrSplit(text, ',');
        if (cells.size() != 3) return refuse(line, "three cells are expected");
        if (!IsDivisionCode(cells[0])) return refuse(line, "code must be two, four or six digits");
        if (!names.emplace(std::string(cells[0]), std::string(cells[1])).second) {
          return refuse(line, absl::StrCat("code ", cells[0], " stands in the file already"));
        }
        return absl::OkStatus();
      });
  if (!status.ok()) return AsFileError(status, "divisions");
  if (names.empty())
    return FileError(absl::StrCat(path, ": no division"), "Set divisions to a filled table.");
  return absl::WrapUnique(new Divisions(std::move(names)));
}

bool Divisions::IsCounty(absl::string_view code) const {
  return code.size() == 6 && names_.find(code) != names_.end();
}

absl::string_view Divisions::Name(absl::string_view code) const {
  const auto found = names_.find(code);
  return found != names_.end() ? absl::string_view(found->second) : absl::string_view();
}

}  // namespace yizhan::systems
