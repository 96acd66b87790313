// The population register of the home province.
#ifndef YIZHAN_ADAPTERS_SYSTEMS_POPULATION_REGISTER_H_
#define YIZHAN_ADAPTERS_SYSTEMS_POPULATION_REGISTER_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "adapters/systems/records.h"

namespace yizhan::systems {

// Thread-safe; may block. An error means that the register did not answer: ask
// again later. Both calls may be repeated without harm.
class PopulationRegister {
 public:
  virtual ~PopulationRegister() = default;
  // Nothing where nobody has this number; a lower-case x is read as X.
  virtual absl::StatusOr<std::optional<RegisterEntry>> Lookup(absl::string_view id_number) = 0;
  // Notes that this card was made for its person.
  virtual absl::StatusOr<SystemResult> RecordCard(const CardRecord& card) = 0;
};

// A double for labs and demonstrations: a JSONL file, one person a line, read
// once. Members: id_number, name, sex, ethnicity, birth_date, home_division,
// home_address, has_history_photo, credit_listed; unknown ones are ignored.
class FilePopulationRegister : public PopulationRegister {
 public:
  // CONFIG_INVALID with file, line, member and what to do, for the first line
  // that is malformed or repeats the number of an earlier one.
  static absl::StatusOr<std::unique_ptr<FilePopulationRegister>> Load(const std::string& path);

  absl::StatusOr<std::optional<RegisterEntry>> Lookup(absl::string_view id_number) override;
  // Applied where the person is known and the card has a serial number.
  absl::StatusOr<SystemResult> RecordCard(const CardRecord& card) override;
  std::size_t size() const { return entries_.size(); }

 private:
  using Entries = std::map<std::string, RegisterEntry, std::less<>>;
  explicit FilePopulationRegister(Entries entries) : entries_(std::move(entries)) {}

  const Entries entries_;  // by ID number
};

}  // namespace yizhan::systems

#endif  // YIZHAN_ADAPTERS_SYSTEMS_POPULATION_REGISTER_H_
