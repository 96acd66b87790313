// What provincial systems know and answer, in types of our own: adapters for
// real systems map theirs to these.
#ifndef YIZHAN_ADAPTERS_SYSTEMS_RECORDS_H_
#define YIZHAN_ADAPTERS_SYSTEMS_RECORDS_H_

#include <cstdint>
#include <string>

#include "absl/time/civil_time.h"

namespace yizhan::systems {

// A resident as a system has them. Codes as in the contract's Person.
struct PersonRecord {
  std::string id_number;  // 18 characters, X upper case
  std::string name;
  std::string sex;
  std::string ethnicity;
  std::string birth_date;  // YYYY-MM-DD
  std::string home_division;
  std::string home_address;
};

struct RegisterEntry {
  PersonRecord person;
  bool has_history_photo = false;
  bool credit_listed = false;
};

// What a system did with what it was given. A rejection is an answer, not an
// error: an error means that the system could not be asked.
struct SystemResult {
  bool applied = false;
  std::string system;       // e.g. "population-register"
  std::string reject_code;  // empty when applied
  std::string detail;       // never personal data
};

// A card to be noted in the register, or to be made.
struct CardRecord {
  std::string acceptance_number;
  std::string card_serial;  // empty in an order
  PersonRecord person;
};

struct PointRecord {
  std::string code;  // nine digits
  std::string name;
  bool designated = false;
  absl::CivilDay valid_from;
  std::int64_t windows = 0;
  std::string opening_hours;
  std::string telephone;
  std::string address;
};

}  // namespace yizhan::systems

#endif  // YIZHAN_ADAPTERS_SYSTEMS_RECORDS_H_
