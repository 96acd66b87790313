// Files of one JSON object a line.
#ifndef YIZHAN_ADAPTERS_PLATFORM_JSON_JSON_LINES_H_
#define YIZHAN_ADAPTERS_PLATFORM_JSON_JSON_LINES_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "adapters/platform/json/json.h"

namespace yizhan::platform {

inline constexpr std::size_t kMaxJsonLineBytes = 64 * 1024;

// Calls `on_line` with each line's number (from 1) and text, without its line
// end; empty lines too. A line longer than `max_bytes` comes cut to max_bytes + 1
// bytes, so that the reader can tell. NOT_FOUND where the file cannot be opened.
// Stops at the first error of `on_line` and returns it.
absl::Status ForEachLine(
    const std::string& path, std::size_t max_bytes,
    const std::function<absl::Status(std::size_t line, absl::string_view text)>& on_line);

// The strict form: every line that is not empty is one JSON object of at most
// kMaxJsonLineBytes. INVALID_ARGUMENT "PATH:LINE: what" otherwise.
absl::Status ForEachJsonLine(
    const std::string& path,
    const std::function<absl::Status(std::size_t line, const JsonValue& object)>& on_object);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_JSON_JSON_LINES_H_
