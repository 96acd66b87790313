#include "adapters/systems/card_centre.h"

#include <fstream>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/json/json_lines.h"
#include "adapters/systems/field_reader.h"
#include "protos/contract/errors.h"
#include "protos/contract/resident.h"

namespace yizhan::systems {
namespace {

std::string OrderLine(const CardRecord& order) {
  const auto id = contract::IdNumber::Parse(order.person.id_number);
  platform::JsonValue line = platform::JsonValue::Object();
  line.Set("acceptance_number", order.acceptance_number);
  line.Set("id_number_masked", id.has_value() ? id->Masked() : "");
  return line.Dump() + "\n";
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileCardCentre>> FileCardCentre::Open(const std::string& path) {
  std::set<std::string> ordered;
  if (!path.empty()) {
    const absl::Status status =
        platform::ForEachJsonLine(path, [&](std::size_t line, const platform::JsonValue& object) {
          FieldReader fields(path, line, object);
          ordered.insert(fields.Text("acceptance_number"));
          return fields.status();
        });
    // No file yet: no order yet.
    if (!status.ok() && !absl::IsNotFound(status)) {
      return AsFileError(status, "systems.card_centre_file");
    }
  }
  return absl::WrapUnique(new FileCardCentre(path, std::move(ordered)));
}

absl::StatusOr<SystemResult> FileCardCentre::Order(const CardRecord& order) {
  SystemResult result;
  result.system = "card-centre";
  if (!contract::IsAcceptanceNumber(order.acceptance_number)) {
    result.reject_code = "NUMBER_MALFORMED";
    result.detail = "the order has no acceptance number (GA 214.4)";
    return result;
  }
  result.applied = true;
  platform::MutexLock lock(&mutex_);
  if (ordered_.count(order.acceptance_number) != 0) return result;
  if (!path_.empty()) {
    std::ofstream out(path_, std::ios::binary | std::ios::app);
    out << OrderLine(order) << std::flush;
    if (!out) {
      return contract::MakeError(v1::STORAGE_FAILED, v1::SIDE_MINE,
                                 absl::StrCat("cannot append to ", path_),
                                 "Free space or correct systems.card_centre_file; the order is "
                                 "repeated.");
    }
  }
  ordered_.insert(order.acceptance_number);
  return result;
}

}  // namespace yizhan::systems
