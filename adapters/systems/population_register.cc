#include "adapters/systems/population_register.h"

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/json/json_lines.h"
#include "adapters/systems/field_reader.h"
#include "protos/contract/ids.h"
#include "protos/contract/resident.h"

namespace yizhan::systems {
namespace {

constexpr char kSystemName[] = "population-register";

std::string UpperX(absl::string_view id_number) {
  std::string out(id_number);
  if (!out.empty() && out.back() == 'x') out.back() = 'X';
  return out;
}

RegisterEntry ReadEntry(FieldReader& fields) {
  RegisterEntry entry;
  PersonRecord& person = entry.person;
  person.id_number = UpperX(fields.Text("id_number"));
  person.name = fields.Text("name");
  person.sex = fields.Text("sex");
  person.ethnicity = fields.Text("ethnicity");
  person.birth_date = fields.Text("birth_date");
  person.home_division = fields.Text("home_division");
  person.home_address = fields.Text("home_address");
  entry.has_history_photo = fields.Bool("has_history_photo");
  entry.credit_listed = fields.Bool("credit_listed");

  if (!contract::IdNumber::Parse(person.id_number).has_value()) {
    fields.Refuse("id_number", "is no ID number (GB 11643)");
  }
  if (!contract::IsSexCode(person.sex)) fields.Refuse("sex", "is no code of GB/T 2261.1");
  if (!contract::IsEthnicityCode(person.ethnicity)) {
    fields.Refuse("ethnicity", "is no code of GB/T 3304");
  }
  if (!contract::ParseDate(person.birth_date).has_value()) {
    fields.Refuse("birth_date", "is no date YYYY-MM-DD");
  }
  if (person.home_division.size() != 6 ||
      !contract::ProvinceCode::OfDivision(person.home_division).valid()) {
    fields.Refuse("home_division", "is no county code of six digits");
  }
  return entry;
}

}  // namespace

absl::StatusOr<std::unique_ptr<FilePopulationRegister>> FilePopulationRegister::Load(
    const std::string& path) {
  Entries entries;
  std::map<std::string, std::size_t> first_line;
  const absl::Status status =
      platform::ForEachJsonLine(path, [&](std::size_t line, const platform::JsonValue& object) {
        FieldReader fields(path, line, object);
        RegisterEntry entry = ReadEntry(fields);
        const auto [place, is_new] = first_line.emplace(entry.person.id_number, line);
        if (!is_new) {
          fields.Refuse("id_number", absl::StrCat("stands in line ", place->second, " already"));
        }
        if (fields.status().ok()) entries.emplace(place->first, std::move(entry));
        return fields.status();
      });
  if (!status.ok()) return AsFileError(status, "systems.population_register_file");
  return absl::WrapUnique(new FilePopulationRegister(std::move(entries)));
}

absl::StatusOr<std::optional<RegisterEntry>> FilePopulationRegister::Lookup(
    absl::string_view id_number) {
  const auto found = entries_.find(UpperX(id_number));
  if (found == entries_.end()) return std::optional<RegisterEntry>();
  return std::optional<RegisterEntry>(found->second);
}

absl::StatusOr<SystemResult> FilePopulationRegister::RecordCard(const CardRecord& card) {
  SystemResult result;
  result.system = kSystemName;
  if (card.card_serial.empty()) {
    result.reject_code = "SERIAL_MISSING";
    result.detail = "the card has no serial number";
  } else if (entries_.find(UpperX(card.person.id_number)) == entries_.end()) {
    result.reject_code = "PERSON_UNKNOWN";
    result.detail = "nobody in the register has this ID number";
  } else {
    result.applied = true;
  }
  return result;
}

}  // namespace yizhan::systems
