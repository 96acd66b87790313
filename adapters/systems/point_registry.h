// Acceptance points of a province and from when they may accept.
#ifndef YIZHAN_ADAPTERS_SYSTEMS_POINT_REGISTRY_H_
#define YIZHAN_ADAPTERS_SYSTEMS_POINT_REGISTRY_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "adapters/systems/records.h"

namespace yizhan::systems {

// Thread-safe.
class PointRegistry {
 public:
  virtual ~PointRegistry() = default;
  virtual std::optional<PointRecord> Find(absl::string_view code) const = 0;
  // Known, designated by county police, and not before its first day.
  bool IsDesignated(absl::string_view code, absl::CivilDay day) const;
};

// A JSONL file, one point a line, read once. Members: code, designated,
// valid_from; name, windows, opening_hours, telephone, address where they are
// there; unknown ones are ignored.
class FilePointRegistry : public PointRegistry {
 public:
  // CONFIG_INVALID with file, line, member and what to do.
  static absl::StatusOr<std::unique_ptr<FilePointRegistry>> Load(const std::string& path);

  std::optional<PointRecord> Find(absl::string_view code) const override;
  std::size_t size() const { return points_.size(); }

 private:
  using Points = std::map<std::string, PointRecord, std::less<>>;
  explicit FilePointRegistry(Points points) : points_(std::move(points)) {}

  const Points points_;  // by code
};

}  // namespace yizhan::systems

#endif  // YIZHAN_ADAPTERS_SYSTEMS_POINT_REGISTRY_H_
