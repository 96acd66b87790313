// Reads the members of one line of a systems file and words what is wrong.
#ifndef YIZHAN_ADAPTERS_SYSTEMS_FIELD_READER_H_
#define YIZHAN_ADAPTERS_SYSTEMS_FIELD_READER_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "adapters/platform/json/json.h"

namespace yizhan::systems {

// CONFIG_INVALID for a file of a provincial system's double.
absl::Status FileError(absl::string_view what, absl::string_view next_step);
// A status of the line reader (platform/json) in the words of FileError.
absl::Status AsFileError(const absl::Status& status, absl::string_view setting);

// Collects the first problem of a line; later reads are harmless. One thread;
// lives while its line does.
class FieldReader {
 public:
  FieldReader(const std::string& path, std::size_t line, const platform::JsonValue& object)
      : path_(path), line_(line), object_(object) {}

  // The member's value; empty, false or zero after a problem.
  std::string Text(absl::string_view name, std::size_t max_bytes = 512);
  std::string OptionalText(absl::string_view name, std::size_t max_bytes = 512);
  bool Bool(absl::string_view name);
  std::int64_t OptionalInteger(absl::string_view name);

  // Notes a problem with a member, the value itself not repeated: it may be
  // personal.
  void Refuse(absl::string_view name, absl::string_view expected);
  const absl::Status& status() const { return status_; }

 private:
  const std::string& path_;
  const std::size_t line_;
  const platform::JsonValue& object_;
  absl::Status status_;
};

}  // namespace yizhan::systems

#endif  // YIZHAN_ADAPTERS_SYSTEMS_FIELD_READER_H_
