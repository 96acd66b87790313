#include "adapters/systems/point_registry.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/json/json_lines.h"
#include "adapters/systems/field_reader.h"
#include "protos/contract/resident.h"

namespace yizhan::systems {
namespace {

bool IsPointCode(absl::string_view code) {
  return code.size() == 9 && std::all_of(code.begin(), code.end(), absl::ascii_isdigit);
}

PointRecord ReadPoint(FieldReader& fields) {
  PointRecord point;
  point.code = fields.Text("code");
  point.name = fields.OptionalText("name");
  point.designated = fields.Bool("designated");
  const std::string valid_from = fields.Text("valid_from");
  point.windows = fields.OptionalInteger("windows");
  point.opening_hours = fields.OptionalText("opening_hours");
  point.telephone = fields.OptionalText("telephone");
  point.address = fields.OptionalText("address");

  if (!IsPointCode(point.code)) fields.Refuse("code", "must be nine digits");
  if (const auto day = contract::ParseDate(valid_from)) {
    point.valid_from = *day;
  } else {
    fields.Refuse("valid_from", "is no date YYYY-MM-DD");
  }
  return point;
}

}  // namespace

bool PointRegistry::IsDesignated(absl::string_view code, absl::CivilDay day) const {
  const std::optional<PointRecord> point = Find(code);
  return point.has_value() && point->designated && point->valid_from <= day;
}

absl::StatusOr<std::unique_ptr<FilePointRegistry>> FilePointRegistry::Load(
    const std::string& path) {
  Points points;
  std::map<std::string, std::size_t> first_line;
  const absl::Status status =
      platform::ForEachJsonLine(path, [&](std::size_t line, const platform::JsonValue& object) {
        FieldReader fields(path, line, object);
        PointRecord point = ReadPoint(fields);
        const auto [place, is_new] = first_line.emplace(point.code, line);
        if (!is_new) {
          fields.Refuse("code", absl::StrCat("stands in line ", place->second, " already"));
        }
        if (fields.status().ok()) points.emplace(place->first, std::move(point));
        return fields.status();
      });
  if (!status.ok()) return AsFileError(status, "points");
  return absl::WrapUnique(new FilePointRegistry(std::move(points)));
}

std::optional<PointRecord> FilePointRegistry::Find(absl::string_view code) const {
  const auto found = points_.find(code);
  return found != points_.end() ? std::optional<PointRecord>(found->second) : std::nullopt;
}

}  // namespace yizhan::systems
