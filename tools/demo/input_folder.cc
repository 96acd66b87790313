#include "tools/demo/input_folder.h"

#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/json/json_lines.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "protos/contract/resident.h"

namespace yizhan::tools {
namespace {

namespace fs = std::filesystem;
using platform::JsonValue;

absl::Status ConfigError(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, what, next_step);
}

absl::Status LineError(const std::string& path, std::size_t line, absl::string_view problem) {
  return ConfigError(absl::StrCat(path, ":", line, ": ", problem), "Correct this line.");
}

bool IsFile(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// Does `path`, all links followed, lie inside `folder`?
bool LiesInside(const fs::path& folder, const fs::path& path) {
  std::error_code error;
  const fs::path real_folder = fs::canonical(folder, error);
  if (error) return false;
  const fs::path real = fs::canonical(path, error);
  if (error) return false;
  const fs::path relative = real.lexically_relative(real_folder);
  return !relative.empty() && *relative.begin() != "..";
}

// Something that the name leads to, be it a link to nowhere.
bool Exists(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

std::optional<std::string> ReadPlainFile(const fs::path& path) {
  // A longer file than a message can carry is no image of a card.
  const absl::StatusOr<std::string> content =
      platform::ReadFile(path.string(), contract::kMaxBodyBytes);
  if (!content.ok()) return std::nullopt;
  return *content;
}

absl::Status OfLineReader(const std::string& path, const absl::Status& status) {
  if (status.ok() || contract::ReasonOf(status) == v1::CONFIG_INVALID) return status;
  return ConfigError(absl::StrCat(path, ": ", status.message()), "Correct the file.");
}

}  // namespace

std::vector<std::string> SplitLines(absl::string_view text) {
  if (text.empty()) return {};
  if (absl::EndsWith(text, "\n")) text.remove_suffix(1);
  return absl::StrSplit(text, '\n');
}

absl::StatusOr<InputFolder> InputFolder::Open(const std::string& folder, const DataFiles& shipped) {
  InputFolder input;
  input.folder_ = folder;
  input.data_ = shipped;
  const fs::path root(folder);
  const absl::StatusOr<std::string> text =
      platform::ReadFile((root / "applications.jsonl").string());
  if (!text.ok()) {
    return ConfigError(absl::StrCat("'", folder, "' has no readable applications.jsonl: ",
                                    text.status().message()),
                       "Name a folder of the shape of the shipped sample by --applications.");
  }
  input.lines_ = SplitLines(*text);
  if (IsFile(root / "points.jsonl")) input.data_.points = (root / "points.jsonl").string();
  if (IsFile(root / "divisions.csv")) input.data_.divisions = (root / "divisions.csv").string();
  input.data_.register_dirs.insert(input.data_.register_dirs.begin(),
                                   (root / "registers").string());
  if (IsFile(root / "expected.jsonl")) input.expected_file_ = (root / "expected.jsonl").string();
  return input;
}

std::optional<std::string> InputFolder::ReadImage(absl::string_view path) const {
  const fs::path relative{std::string(path)};
  if (path.empty() || absl::StrContains(path, '\0') || relative.is_absolute()) return std::nullopt;
  const fs::path own = fs::path(folder_) / relative;
  if (LiesInside(folder_, own) && IsFile(own)) return ReadPlainFile(own);
  // The shipped file of the same name, unless the folder itself has something
  // there, or the name leads out of it.
  const fs::path normal = relative.lexically_normal();
  if (Exists(own) || *normal.begin() == "..") return std::nullopt;
  const fs::path shipped = fs::path(data_.sample) / normal;
  if (LiesInside(data_.sample, shipped) && IsFile(shipped)) return ReadPlainFile(shipped);
  return std::nullopt;
}

void InputFolder::AttachImages(ApplicationLine& line) const {
  if (line.portrait.has_value()) {
    line.application.set_portrait(ReadImage(*line.portrait).value_or(""));
  }
  for (const std::string& path : line.fingerprints) {
    line.application.add_fingerprints(ReadImage(path).value_or(""));
  }
}

absl::StatusOr<std::map<std::string, CountyFinding>> LoadFindings(const std::string& path) {
  std::map<std::string, CountyFinding> findings;
  if (path.empty()) return findings;
  const absl::Status status = platform::ForEachJsonLine(
      path, [&](std::size_t number, const JsonValue& object) -> absl::Status {
        const auto id = object.FindString("id_number");
        if (!id.has_value()) return LineError(path, number, "id_number is missing");
        const absl::string_view finding = object.FindString("county_finding").value_or("NONE");
        CountyFinding& known = findings[absl::AsciiStrToUpper(*id)];
        if (finding == "NONE") {
          known = CountyFinding::kNone;
        } else if (finding == "INFORMATION_ERROR") {
          known = CountyFinding::kInformationError;
        } else if (finding == "IDENTITY_UNVERIFIABLE") {
          known = CountyFinding::kIdentityUnverifiable;
        } else if (finding == "RETAKE_PORTRAIT") {
          known = CountyFinding::kRetakePortrait;
        } else {
          return LineError(path, number, "county_finding is none that a county reports");
        }
        return absl::OkStatus();
      });
  if (!status.ok()) return OfLineReader(path, status);
  return findings;
}

absl::StatusOr<std::map<std::string, absl::CivilDay>> LoadDesignatedPoints(
    const std::string& path) {
  std::map<std::string, absl::CivilDay> points;
  const absl::Status status = platform::ForEachJsonLine(
      path, [&](std::size_t number, const JsonValue& object) -> absl::Status {
        const auto code = object.FindString("code");
        const auto designated = object.FindBool("designated");
        const auto from = contract::ParseDate(object.FindString("valid_from").value_or(""));
        if (!code.has_value() || !designated.has_value() || !from.has_value()) {
          return LineError(path, number, "code, designated or valid_from is missing or malformed");
        }
        if (*designated) points.emplace(std::string(*code), *from);
        return absl::OkStatus();
      });
  if (!status.ok()) return OfLineReader(path, status);
  return points;
}

absl::StatusOr<std::set<std::string>> LoadCounties(const std::string& path) {
  const absl::StatusOr<std::string> text = platform::ReadFile(path);
  if (!text.ok()) return text.status();
  std::set<std::string> counties;
  for (const std::string& line : SplitLines(*text)) {
    const std::string code = line.substr(0, line.find(','));
    if (code.size() == 6 && code.find_first_not_of("0123456789") == std::string::npos) {
      counties.insert(code);
    }
  }
  return counties;
}

}  // namespace yizhan::tools
