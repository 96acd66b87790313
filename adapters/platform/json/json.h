// JSON values (RFC 8259), read strictly and written in a fixed order. Hides the
// parser's library.
#ifndef YIZHAN_ADAPTERS_PLATFORM_JSON_JSON_H_
#define YIZHAN_ADAPTERS_PLATFORM_JSON_JSON_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace yizhan::platform {

struct JsonLimits {
  // Longer texts are refused before they are looked at. Bytes.
  std::size_t max_bytes = std::size_t{64} << 20;
  // Arrays and objects within each other; deeper is refused, so that no input
  // can exhaust the stack.
  std::size_t max_depth = 32;
};

// One JSON value. A value type; const methods are thread-safe.
// Invariants: an object has no two members of one name; members and items keep
// the order in which they came; strings are valid UTF-8 when they were parsed.
class JsonValue {
 public:
  struct Member;

  JsonValue();  // null
  static JsonValue Bool(bool value);
  static JsonValue Integer(std::int64_t value);
  static JsonValue Number(double value);
  static JsonValue String(absl::string_view value);
  static JsonValue Array();
  static JsonValue Object();

  // One value and nothing after it. INVALID_ARGUMENT with the byte position for
  // anything else: broken UTF-8, a name twice in one object, too deep, too long.
  // The text itself is never part of the error.
  static absl::StatusOr<JsonValue> Parse(absl::string_view text, const JsonLimits& limits = {});

  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  bool is_object() const { return std::holds_alternative<Members>(data_); }
  bool is_array() const { return std::holds_alternative<Items>(data_); }
  // "null", "boolean", "integer", "number", "string", "array", "object".
  absl::string_view type_name() const;

  // Nothing where the value is of another type. 2.0 is a number, no integer.
  std::optional<bool> AsBool() const;
  std::optional<std::int64_t> AsInteger() const;
  std::optional<double> AsNumber() const;  // of integers too
  std::optional<absl::string_view> AsString() const;

  // Member of an object; null pointer where there is none.
  const JsonValue* Find(absl::string_view name) const;
  // Of a member; nothing where it is absent or of another type.
  std::optional<bool> FindBool(absl::string_view name) const;
  std::optional<std::int64_t> FindInteger(absl::string_view name) const;
  std::optional<absl::string_view> FindString(absl::string_view name) const;

  // Empty for values of other types.
  const std::vector<Member>& members() const;
  const std::vector<JsonValue>& items() const;

  // On an object: adds a member, or replaces it where it stands.
  JsonValue& Set(absl::string_view name, JsonValue value);
  JsonValue& Set(absl::string_view name, absl::string_view value);
  // On an array.
  JsonValue& Append(JsonValue value);

  // indent 0: one line without spaces. Bytes that are no UTF-8 become U+FFFD.
  std::string Dump(int indent = 0) const;

 private:
  using Items = std::vector<JsonValue>;
  using Members = std::vector<Member>;
  using Data =
      std::variant<std::monostate, bool, std::int64_t, double, std::string, Items, Members>;
  friend class JsonBuilder;

  explicit JsonValue(Data data);
  void DumpTo(std::string& out, int indent, int depth) const;

  Data data_;
};

struct JsonValue::Member {
  std::string name;
  JsonValue value;
};

// Here, since they need a complete Member.
inline JsonValue::JsonValue() = default;
inline JsonValue::JsonValue(Data data) : data_(std::move(data)) {}
inline JsonValue JsonValue::Bool(bool value) { return JsonValue(Data(value)); }
inline JsonValue JsonValue::Integer(std::int64_t value) { return JsonValue(Data(value)); }
inline JsonValue JsonValue::Number(double value) { return JsonValue(Data(value)); }
inline JsonValue JsonValue::String(absl::string_view value) {
  return JsonValue(Data(std::string(value)));
}
inline JsonValue JsonValue::Array() { return JsonValue(Data(Items())); }
inline JsonValue JsonValue::Object() { return JsonValue(Data(Members())); }

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_JSON_JSON_H_
