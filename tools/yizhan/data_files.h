// Where the rules, points, divisions and registers of a lab come from.
#ifndef YIZHAN_TOOLS_YIZHAN_DATA_FILES_H_
#define YIZHAN_TOOLS_YIZHAN_DATA_FILES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "protos/contract/ids.h"
#include "tools/yizhan/flags.h"

namespace yizhan::tools {

// Paths. A value.
struct DataFiles {
  std::string policy;
  std::string points;
  std::string divisions;
  // Folders with NN.jsonl; the first that has a province's file wins.
  std::vector<std::string> register_dirs;
  // The shipped sample folder: applications, portraits, fingerprints.
  std::string sample;

  // Empty where no folder has the province's register.
  std::string RegisterOf(contract::ProvinceCode province) const;
};

// --data, --policy, --points, --divisions, --registers-dir.
void DeclareDataFlags(FlagSet& flags);
// Shipped files, with those of the flags in their place. Without --data they
// are looked for beside the program: in its source tree or installation.
absl::StatusOr<DataFiles> DataFilesOf(const FlagSet& flags);

// The folder of this program's file.
std::string ProgramFolder();

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_YIZHAN_DATA_FILES_H_
