#include "tools/yizhan/data_files.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"

namespace yizhan::tools {
namespace {

namespace fs = std::filesystem;

bool IsFile(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// A root is a source tree, or the share/yizhan folder of an installation.
bool FindUnder(const fs::path& root, DataFiles& files) {
  for (const auto& [data, sample] :
       {std::pair("deploy/data", "tools/demo/sample"), std::pair(".", "sample")}) {
    if (!IsFile(root / data / "policy.textproto")) continue;
    files.policy = (root / data / "policy.textproto").lexically_normal().string();
    files.divisions = (root / data / "divisions.csv").lexically_normal().string();
    files.sample = (root / sample).lexically_normal().string();
    files.points = absl::StrCat(files.sample, "/points.jsonl");
    files.register_dirs = {absl::StrCat(files.sample, "/registers")};
    return true;
  }
  return false;
}

}  // namespace

std::string DataFiles::RegisterOf(contract::ProvinceCode province) const {
  for (const std::string& dir : register_dirs) {
    const fs::path path = fs::path(dir) / absl::StrCat(province.str(), ".jsonl");
    if (IsFile(path)) return path.string();
  }
  return "";
}

std::string ProgramFolder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path().string();
}

void DeclareDataFlags(FlagSet& flags) {
  flags.AddText("data", "DIR", "",
                "Source tree, or share/yizhan of an installation; else found beside the program.");
  flags.AddText("policy", "FILE", "", "Rules; else the shipped deploy/data/policy.textproto.");
  flags.AddText("points", "FILE", "", "Acceptance points; else those of the shipped sample.");
  flags.AddText("divisions", "FILE", "", "GB/T 2260; else the shipped deploy/data/divisions.csv.");
  flags.AddText("registers-dir", "DIR", "", "Folder of NN.jsonl; else that of the shipped sample.");
}

absl::StatusOr<DataFiles> DataFilesOf(const FlagSet& flags) {
  std::vector<fs::path> roots;
  if (!flags.Text("data").empty()) {
    roots = {flags.Text("data")};
  } else {
    const fs::path program = ProgramFolder();
    // .build/PRESET/{bin,tests} of a source tree; bin beside share.
    roots = {program / "../../..", program / "../share/yizhan"};
  }
  DataFiles files;
  bool found = false;
  for (const fs::path& root : roots) found = found || FindUnder(root, files);
  if (!found) {
    return contract::MakeError(
        v1::CONFIG_INVALID, v1::SIDE_MINE,
        absl::StrCat("The shipped rules (deploy/data/policy.textproto) are not under ",
                     roots.front().lexically_normal().string(), "."),
        "Name the source tree, or share/yizhan of the installation, by --data.");
  }
  if (!flags.Text("policy").empty()) files.policy = flags.Text("policy");
  if (!flags.Text("points").empty()) files.points = flags.Text("points");
  if (!flags.Text("divisions").empty()) files.divisions = flags.Text("divisions");
  if (!flags.Text("registers-dir").empty()) files.register_dirs = {flags.Text("registers-dir")};
  return files;
}

}  // namespace yizhan::tools
