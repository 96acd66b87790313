#include "adapters/systems/field_reader.h"

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"

namespace yizhan::systems {

absl::Status FileError(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, what, next_step);
}

absl::Status AsFileError(const absl::Status& status, absl::string_view setting) {
  if (status.ok()) return status;
  if (absl::IsNotFound(status)) {
    return FileError(absl::StrCat("cannot read ", status.message()),
                     absl::StrCat("Set ", setting, " to a file that this process can read."));
  }
  if (absl::IsInvalidArgument(status)) {
    return FileError(status.message(), "Correct or remove the line and start again.");
  }
  return status;
}

std::string FieldReader::Text(absl::string_view name, std::size_t max_bytes) {
  const platform::JsonValue* value = object_.Find(name);
  if (value == nullptr) {
    Refuse(name, "is missing");
    return "";
  }
  const std::optional<absl::string_view> text = value->AsString();
  if (!text.has_value()) {
    Refuse(name, absl::StrCat("must be a string, not a ", value->type_name()));
    return "";
  }
  if (text->size() > max_bytes) {
    Refuse(name, absl::StrCat("is longer than ", max_bytes, " bytes"));
    return "";
  }
  return std::string(*text);
}

std::string FieldReader::OptionalText(absl::string_view name, std::size_t max_bytes) {
  return object_.Find(name) == nullptr ? "" : Text(name, max_bytes);
}

bool FieldReader::Bool(absl::string_view name) {
  const std::optional<bool> value = object_.FindBool(name);
  if (!value.has_value()) Refuse(name, "must be true or false");
  return value.value_or(false);
}

std::int64_t FieldReader::OptionalInteger(absl::string_view name) {
  if (object_.Find(name) == nullptr) return 0;
  const std::optional<std::int64_t> value = object_.FindInteger(name);
  if (!value.has_value()) Refuse(name, "must be an integer");
  return value.value_or(0);
}

void FieldReader::Refuse(absl::string_view name, absl::string_view expected) {
  if (!status_.ok()) return;
  status_ = FileError(absl::StrCat(path_, ":", line_, ": \"", name, "\" ", expected),
                      "Correct or remove the line and start again.");
}

}  // namespace yizhan::systems
