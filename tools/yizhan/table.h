// Text tables for terminals and logs.
#ifndef YIZHAN_TOOLS_YIZHAN_TABLE_H_
#define YIZHAN_TOOLS_YIZHAN_TABLE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace yizhan::tools {

// Columns that a terminal needs for UTF-8 text: two for a Chinese character.
std::size_t DisplayWidth(absl::string_view text);

// Rows with aligned columns, those of numbers alone to the right (a dot stands
// for none).
class Table {
 public:
  explicit Table(std::vector<std::string> header);
  // Missing cells are empty, more than the header has are dropped.
  void AddRow(std::vector<std::string> cells);
  // A line across before the next row, for sums.
  void AddRule();
  std::string Render() const;
  bool empty() const { return rows_.empty(); }

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;  // an empty row is a rule
};

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_YIZHAN_TABLE_H_
