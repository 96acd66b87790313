// A folder of the sample's shape, and the shipped one behind it.
#ifndef YIZHAN_TOOLS_DEMO_INPUT_FOLDER_H_
#define YIZHAN_TOOLS_DEMO_INPUT_FOLDER_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "protos/contract/ids.h"
#include "tools/demo/application_line.h"
#include "tools/yizhan/data_files.h"

namespace yizhan::tools {

// What the county's reviewer finds (registers/NN.jsonl, county_finding).
enum class CountyFinding { kNone, kInformationError, kIdentityUnverifiable, kRetakePortrait };

// A value; const methods are thread-safe. What the folder has stands in the
// place of the shipped file of the same name.
class InputFolder {
 public:
  // `shipped` is the data of the installation; `folder` may be its sample
  // folder. CONFIG_INVALID where there is no applications.jsonl.
  static absl::StatusOr<InputFolder> Open(const std::string& folder, const DataFiles& shipped);

  // Lines as handed in, split at \n; a last line end begins no line.
  const std::vector<std::string>& lines() const { return lines_; }
  // Policy, points, divisions and registers as the network shall have them.
  const DataFiles& data() const { return data_; }
  // Empty where the folder has none.
  const std::string& expected_file() const { return expected_file_; }

  // Content of a file that an application names: relative, a plain file, and
  // after all links inside the folder. Nothing otherwise.
  std::optional<std::string> ReadImage(absl::string_view path) const;
  // Puts the images into the line's application; what cannot be read is empty,
  // so that the node judges it.
  void AttachImages(ApplicationLine& line) const;

 private:
  std::string folder_;
  std::vector<std::string> lines_;
  DataFiles data_;
  std::string expected_file_;
};

// Splits at \n; a line end at the very end begins no further line.
std::vector<std::string> SplitLines(absl::string_view text);

// Findings by ID number, of one province's register. CONFIG_INVALID with the
// line for a finding that nobody knows. Empty for an empty path.
absl::StatusOr<std::map<std::string, CountyFinding>> LoadFindings(const std::string& path);

// Points that may accept, with their first day. CONFIG_INVALID with the line.
absl::StatusOr<std::map<std::string, absl::CivilDay>> LoadDesignatedPoints(const std::string& path);

// Six-digit codes of divisions.csv.
absl::StatusOr<std::set<std::string>> LoadCounties(const std::string& path);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_DEMO_INPUT_FOLDER_H_
