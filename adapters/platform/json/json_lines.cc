#include "adapters/platform/json/json_lines.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace yizhan::platform {
namespace {

// One line into `text`, cut to `keep` bytes. False at the end of the file.
bool ReadLine(std::istream& in, std::size_t keep, std::string& text) {
  text.clear();
  std::streambuf* buffer = in.rdbuf();
  bool any = false;
  for (int c = buffer->sbumpc(); c != std::char_traits<char>::eof(); c = buffer->sbumpc()) {
    any = true;
    if (c == '\n') break;
    if (text.size() < keep) text.push_back(static_cast<char>(c));
  }
  if (!text.empty() && text.back() == '\r') text.pop_back();
  return any;
}

}  // namespace

absl::Status ForEachLine(
    const std::string& path, std::size_t max_bytes,
    const std::function<absl::Status(std::size_t line, absl::string_view text)>& on_line) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  std::string text;
  for (std::size_t line = 1; ReadLine(in, max_bytes + 1, text); ++line) {
    if (absl::Status status = on_line(line, text); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ForEachJsonLine(
    const std::string& path,
    const std::function<absl::Status(std::size_t line, const JsonValue& object)>& on_object) {
  return ForEachLine(path, kMaxJsonLineBytes, [&](std::size_t line, absl::string_view text) {
    const auto refuse = [&](absl::string_view what) {
      return absl::InvalidArgumentError(absl::StrCat(path, ":", line, ": ", what));
    };
    if (absl::StripAsciiWhitespace(text).empty()) return absl::OkStatus();
    if (text.size() > kMaxJsonLineBytes) {
      return refuse(absl::StrCat("longer than ", kMaxJsonLineBytes, " bytes"));
    }
    absl::StatusOr<JsonValue> value = JsonValue::Parse(text);
    if (!value.ok()) return refuse(value.status().message());
    if (!value->is_object())
      return refuse(absl::StrCat("an object is expected, not a ", value->type_name()));
    return on_object(line, *value);
  });
}

}  // namespace yizhan::platform
