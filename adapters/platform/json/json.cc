#include "adapters/platform/json/json.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace yizhan::platform {

// Receives the parser's events and builds the tree; says no at the first
// violation, so that nothing after it is read.
class JsonBuilder {
 public:
  explicit JsonBuilder(std::size_t max_depth) : max_depth_(max_depth) {}

  bool null() { return Add(JsonValue()); }
  bool boolean(bool value) { return Add(JsonValue::Bool(value)); }
  bool number_integer(std::int64_t value) { return Add(JsonValue::Integer(value)); }
  bool number_unsigned(std::uint64_t value) {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return Add(JsonValue::Number(static_cast<double>(value)));
    }
    return Add(JsonValue::Integer(static_cast<std::int64_t>(value)));
  }
  bool number_float(double value, const std::string&) { return Add(JsonValue::Number(value)); }
  bool string(std::string& value) { return Add(JsonValue::String(value)); }
  bool binary(nlohmann::json::binary_t&) { return Fail("binary data"); }
  bool start_object(std::size_t) { return Open(JsonValue::Object()); }
  bool start_array(std::size_t) { return Open(JsonValue::Array()); }
  bool end_object() { return Close(); }
  bool end_array() { return Close(); }
  bool key(std::string& name) {
    if (stack_.back().value.Find(name) != nullptr) {
      return Fail("one name twice in an object");
    }
    stack_.back().key = name;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
    return Fail(absl::StrCat("no valid JSON at byte ", position));
  }

  const std::string& problem() const { return problem_; }
  JsonValue Take() { return std::move(root_); }

 private:
  struct Level {
    JsonValue value;
    std::string key;
  };

  bool Fail(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }
  bool Open(JsonValue value) {
    if (stack_.size() >= max_depth_) {
      return Fail(absl::StrCat("arrays and objects deeper than ", max_depth_));
    }
    stack_.push_back({std::move(value), {}});
    return true;
  }
  bool Close() {
    JsonValue value = std::move(stack_.back().value);
    stack_.pop_back();
    return Add(std::move(value));
  }
  bool Add(JsonValue value) {
    if (stack_.empty()) {
      root_ = std::move(value);
    } else if (stack_.back().value.is_object()) {
      // Set would look for the name again; key() has refused a second one.
      std::get<JsonValue::Members>(stack_.back().value.data_)
          .push_back({std::move(stack_.back().key), std::move(value)});
    } else {
      stack_.back().value.Append(std::move(value));
    }
    return true;
  }

  const std::size_t max_depth_;
  std::vector<Level> stack_;
  JsonValue root_;
  std::string problem_;
};

absl::StatusOr<JsonValue> JsonValue::Parse(absl::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("JSON of ", text.size(), " bytes; the limit is ", limits.max_bytes));
  }
  JsonBuilder builder(limits.max_depth);
  bool read = false;
  try {
    read = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  } catch (const nlohmann::json::exception&) {
    return absl::InvalidArgumentError("no valid JSON");
  }
  if (!read) return absl::InvalidArgumentError(builder.problem());
  return builder.Take();
}

absl::string_view JsonValue::type_name() const {
  static constexpr absl::string_view kNames[] = {"null",   "boolean", "integer", "number",
                                                 "string", "array",   "object"};
  return kNames[data_.index()];
}

std::optional<bool> JsonValue::AsBool() const {
  const bool* value = std::get_if<bool>(&data_);
  return value != nullptr ? std::optional<bool>(*value) : std::nullopt;
}
std::optional<std::int64_t> JsonValue::AsInteger() const {
  const std::int64_t* value = std::get_if<std::int64_t>(&data_);
  return value != nullptr ? std::optional<std::int64_t>(*value) : std::nullopt;
}
std::optional<double> JsonValue::AsNumber() const {
  if (const double* value = std::get_if<double>(&data_)) return *value;
  if (const std::int64_t* value = std::get_if<std::int64_t>(&data_)) {
    return static_cast<double>(*value);
  }
  return std::nullopt;
}
std::optional<absl::string_view> JsonValue::AsString() const {
  const std::string* value = std::get_if<std::string>(&data_);
  return value != nullptr ? std::optional<absl::string_view>(*value) : std::nullopt;
}

const JsonValue* JsonValue::Find(absl::string_view name) const {
  for (const Member& member : members()) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}
std::optional<bool> JsonValue::FindBool(absl::string_view name) const {
  const JsonValue* value = Find(name);
  return value != nullptr ? value->AsBool() : std::nullopt;
}
std::optional<std::int64_t> JsonValue::FindInteger(absl::string_view name) const {
  const JsonValue* value = Find(name);
  return value != nullptr ? value->AsInteger() : std::nullopt;
}
std::optional<absl::string_view> JsonValue::FindString(absl::string_view name) const {
  const JsonValue* value = Find(name);
  return value != nullptr ? value->AsString() : std::nullopt;
}

const std::vector<JsonValue::Member>& JsonValue::members() const {
  static const Members* const kNone = new Members();
  const Members* members = std::get_if<Members>(&data_);
  return members != nullptr ? *members : *kNone;
}
const std::vector<JsonValue>& JsonValue::items() const {
  static const Items* const kNone = new Items();
  const Items* items = std::get_if<Items>(&data_);
  return items != nullptr ? *items : *kNone;
}

JsonValue& JsonValue::Set(absl::string_view name, JsonValue value) {
  Members& members = std::get<Members>(data_);
  for (Member& member : members) {
    if (member.name == name) {
      member.value = std::move(value);
      return *this;
    }
  }
  members.push_back({std::string(name), std::move(value)});
  return *this;
}
JsonValue& JsonValue::Set(absl::string_view name, absl::string_view value) {
  return Set(name, String(value));
}
JsonValue& JsonValue::Append(JsonValue value) {
  std::get<Items>(data_).push_back(std::move(value));
  return *this;
}

namespace {

std::string DumpScalar(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void NewLine(std::string& out, int indent, int depth) {
  if (indent <= 0) return;
  out.push_back('\n');
  out.append(static_cast<std::size_t>(indent) * static_cast<std::size_t>(depth), ' ');
}

}  // namespace

void JsonValue::DumpTo(std::string& out, int indent, int depth) const {
  if (is_object()) {
    out.push_back('{');
    bool first = true;
    for (const Member& member : members()) {
      if (!first) out.push_back(',');
      first = false;
      NewLine(out, indent, depth + 1);
      absl::StrAppend(&out, DumpScalar(member.name), indent > 0 ? ": " : ":");
      member.value.DumpTo(out, indent, depth + 1);
    }
    if (!first) NewLine(out, indent, depth);
    out.push_back('}');
  } else if (is_array()) {
    out.push_back('[');
    bool first = true;
    for (const JsonValue& item : items()) {
      if (!first) out.push_back(',');
      first = false;
      NewLine(out, indent, depth + 1);
      item.DumpTo(out, indent, depth + 1);
    }
    if (!first) NewLine(out, indent, depth);
    out.push_back(']');
  } else if (const std::string* text = std::get_if<std::string>(&data_)) {
    out += DumpScalar(*text);
  } else if (const std::int64_t* integer = std::get_if<std::int64_t>(&data_)) {
    absl::StrAppend(&out, *integer);
  } else if (const double* number = std::get_if<double>(&data_)) {
    out += std::isfinite(*number) ? DumpScalar(*number) : "null";
  } else if (const bool* truth = std::get_if<bool>(&data_)) {
    out += *truth ? "true" : "false";
  } else {
    out += "null";
  }
}

std::string JsonValue::Dump(int indent) const {
  std::string out;
  DumpTo(out, indent, 0);
  return out;
}

}  // namespace yizhan::platform
