// Administrative divisions (GB/T 2260): provinces, cities, counties.
#ifndef YIZHAN_ADAPTERS_SYSTEMS_DIVISIONS_H_
#define YIZHAN_ADAPTERS_SYSTEMS_DIVISIONS_H_

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace yizhan::systems {

// Read once from a CSV file "code,name,parent" with a header line; codes of two,
// four and six digits. Thread-safe: immutable.
class Divisions {
 public:
  // CONFIG_INVALID with file, line and what to do.
  static absl::StatusOr<std::unique_ptr<Divisions>> Load(const std::string& path);

  // A county: six digits and in the table.
  bool IsCounty(absl::string_view code) const;
  // Empty where the code is unknown.
  absl::string_view Name(absl::string_view code) const;
  std::size_t size() const { return names_.size(); }

 private:
  using Names = std::map<std::string, std::string, std::less<>>;
  explicit Divisions(Names names) : names_(std::move(names)) {}

  const Names names_;  // by code
};

}  // namespace yizhan::systems

#endif  // YIZHAN_ADAPTERS_SYSTEMS_DIVISIONS_H_
