// One line a happening, to standard error, in logfmt:
//   time=2026-03-02T01:15:00.123456Z level=info component=broker.session msg="session opened"
//   province=32
#ifndef YIZHAN_ADAPTERS_PLATFORM_LOG_LOG_H_
#define YIZHAN_ADAPTERS_PLATFORM_LOG_LOG_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace yizhan::contract {
class SecretBytes;
}

namespace yizhan::platform {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// A key (lower_snake_case) with its value as text. Secrets do not compile;
// personal data (ID numbers, names) must never be a value.
class LogField {
 public:
  LogField(absl::string_view key, absl::string_view value) : key_(key), value_(value) {}
  LogField(absl::string_view key, const char* value) : key_(key), value_(value) {}
  LogField(absl::string_view key, const std::string& value) : key_(key), value_(value) {}
  LogField(absl::string_view key, bool value) : key_(key), value_(value ? "true" : "false") {}
  LogField(absl::string_view key, double value);
  LogField(absl::string_view key, absl::Duration value);
  LogField(absl::string_view key, absl::Time value);
  LogField(absl::string_view key, const absl::Status& value);
  template <typename Number, std::enable_if_t<std::is_integral_v<Number>, int> = 0>
  LogField(absl::string_view key, Number value) : key_(key), value_(std::to_string(value)) {}
  LogField(absl::string_view key, const contract::SecretBytes& value) = delete;

  absl::string_view key() const { return key_; }
  absl::string_view value() const { return value_; }

 private:
  absl::string_view key_;  // a literal
  std::string value_;
};
using LogFields = std::initializer_list<LogField>;

// From any thread; a line is written in one piece. A value is cut at 2048
// bytes, control characters are escaped.
void Log(LogLevel level, absl::string_view component, absl::string_view message,
         LogFields fields = {});
inline void LogDebug(absl::string_view component, absl::string_view message,
                     LogFields fields = {}) {
  Log(LogLevel::kDebug, component, message, fields);
}
inline void LogInfo(absl::string_view component, absl::string_view message, LogFields fields = {}) {
  Log(LogLevel::kInfo, component, message, fields);
}
inline void LogWarning(absl::string_view component, absl::string_view message,
                       LogFields fields = {}) {
  Log(LogLevel::kWarning, component, message, fields);
}
inline void LogError(absl::string_view component, absl::string_view message,
                     LogFields fields = {}) {
  Log(LogLevel::kError, component, message, fields);
}

// Lines below it are dropped. Default: kInfo. Any thread.
void SetLogLevel(LogLevel level);
// "debug", "info", "warning", "error".
std::optional<LogLevel> ParseLogLevel(absl::string_view text);
// Lines (without the newline) go to `sink` instead of standard error; an empty
// function restores that. For tests. The sink is called under the log's lock:
// it must not log.
void SetLogSink(std::function<void(absl::string_view)> sink);

// Lets through one line in `every`, for a place that a peer can make log as
// often as it likes; keep one as a static or a member per place. Thread-safe.
//   if (auto skipped = limit.Pass()) LogWarning("x", "y", {{"skipped", *skipped}});
class LogLimit {
 public:
  explicit LogLimit(absl::Duration every) : every_ns_(absl::ToInt64Nanoseconds(every)) {}
  // The number of lines withheld since the last one, or nothing: be silent.
  std::optional<std::uint64_t> Pass();

 private:
  const std::int64_t every_ns_;
  std::atomic<std::int64_t> next_ns_{0};
  std::atomic<std::uint64_t> skipped_{0};
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_LOG_LOG_H_
