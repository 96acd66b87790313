#include "adapters/platform/log/log.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "adapters/platform/mutex/mutex.h"

namespace yizhan::platform {
namespace {

constexpr std::size_t kMaxValueBytes = 2048;

std::atomic<LogLevel> g_level{LogLevel::kInfo};

struct Sink {
  Mutex mutex;
  std::function<void(absl::string_view)> write ABSL_GUARDED_BY(mutex);
};

Sink& TheSink() {
  static Sink* const sink = new Sink;  // never destroyed: threads may log at exit
  return *sink;
}

absl::string_view NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "unknown";
}

// Cut between UTF-8 characters.
absl::string_view Bounded(absl::string_view text) {
  if (text.size() <= kMaxValueBytes) return text;
  std::size_t end = kMaxValueBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

bool IsPlain(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7F && c != '"' && c != '=' && c != '\\';
  });
}

// Control characters are escaped, so that nobody can forge a line.
void AppendValue(absl::string_view raw, std::string* line) {
  const absl::string_view text = Bounded(raw);
  if (IsPlain(text)) {
    absl::StrAppend(line, text);
    return;
  }
  line->push_back('"');
  for (char c : text) {
    if (c == '"' || c == '\\') {
      line->push_back('\\');
      line->push_back(c);
    } else if (c == '\n') {
      absl::StrAppend(line, "\\n");
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      absl::StrAppendFormat(line, "\\x%02x", static_cast<unsigned char>(c));
    } else {
      line->push_back(c);
    }
  }
  line->push_back('"');
}

void WriteToStandardError(absl::string_view line) {
  std::string whole = absl::StrCat(line, "\n");
  absl::string_view left = whole;
  while (!left.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, left.data(), left.size());
    if (written <= 0) return;  // nobody is left to tell
    left.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

LogField::LogField(absl::string_view key, double value)
    : key_(key), value_(absl::StrFormat("%.6g", value)) {}
LogField::LogField(absl::string_view key, absl::Duration value)
    : key_(key), value_(absl::FormatDuration(value)) {}
LogField::LogField(absl::string_view key, absl::Time value)
    : key_(key), value_(absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", value, absl::UTCTimeZone())) {}
LogField::LogField(absl::string_view key, const absl::Status& value)
    : key_(key),
      value_(value.ok()
                 ? "OK"
                 : absl::StrCat(absl::StatusCodeToString(value.code()), ": ", value.message())) {}

void Log(LogLevel level, absl::string_view component, absl::string_view message, LogFields fields) {
  if (level < g_level.load(std::memory_order_relaxed)) return;
  std::string line = absl::StrCat(
      "time=", absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::Now(), absl::UTCTimeZone()),
      " level=", NameOf(level), " component=");
  AppendValue(component, &line);
  absl::StrAppend(&line, " msg=");
  AppendValue(message, &line);
  for (const LogField& field : fields) {
    absl::StrAppend(&line, " ", field.key(), "=");
    AppendValue(field.value(), &line);
  }
  Sink& sink = TheSink();
  MutexLock lock(&sink.mutex);
  if (sink.write) {
    sink.write(line);
  } else {
    WriteToStandardError(line);
  }
}

void SetLogLevel(LogLevel level) { g_level.store(level, std::memory_order_relaxed); }

std::optional<LogLevel> ParseLogLevel(absl::string_view text) {
  for (LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (text == NameOf(level)) return level;
  }
  return std::nullopt;
}

void SetLogSink(std::function<void(absl::string_view)> write) {
  Sink& sink = TheSink();
  MutexLock lock(&sink.mutex);
  sink.write = std::move(write);
}

std::optional<std::uint64_t> LogLimit::Pass() {
  const std::int64_t now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                               std::chrono::steady_clock::now().time_since_epoch())
                               .count();
  std::int64_t next = next_ns_.load(std::memory_order_relaxed);
  if (now < next || !next_ns_.compare_exchange_strong(next, now + every_ns_)) {
    skipped_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  return skipped_.exchange(0, std::memory_order_relaxed);
}

}  // namespace yizhan::platform
