#include "broker/store/timers.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/store/keys.h"

namespace yizhan::broker {
namespace {

constexpr char kTable = 'x';
constexpr char kNextRow = 'X';
constexpr std::size_t kRestAt = 4;
constexpr std::size_t kRestSize = 8 + 1 + 8;
constexpr std::int64_t kTogetherUs = 100'000;
// A row is worked off as a whole.
constexpr std::size_t kMaxRowBytes = 256 * contract::Identity::kEncodedSize;

}  // namespace

void Timers::Load() {
  if (const auto next = records_->Get(OwnKey(kNextRow, ""))) next_row_ = ReadBigEndian(*next);
}

void Timers::Set(const Timer& timer) {
  const std::int64_t us = std::max<std::int64_t>(0, absl::ToUnixMicros(timer.due));
  const std::int64_t due = (us + kTogetherUs - 1) / kTogetherUs * kTogetherUs;
  std::string& identities = waiting_[{due, timer.kind}];
  timer.identity.AppendTo(identities);
  if (identities.size() >= kMaxRowBytes) Write(due, timer.kind, std::exchange(identities, {}));
}

void Timers::Write(std::int64_t due_us, TimerKind kind, std::string identities) {
  std::string key = OwnPrefix(kTable);
  AppendBigEndian(key, static_cast<std::uint64_t>(due_us));
  key.push_back(static_cast<char>(kind));
  AppendBigEndian(key, next_row_++);
  records_->Put(std::move(key), std::move(identities));
}

void Timers::Flush() {
  if (waiting_.empty()) return;
  for (auto& [when, identities] : std::exchange(waiting_, {})) {
    if (!identities.empty()) Write(when.first, when.second, std::move(identities));
  }
  records_->Put(OwnKey(kNextRow, ""), BigEndian(next_row_));
}

std::vector<Timer> Timers::TakeDue(absl::Time now, std::size_t enough) {
  std::vector<Timer> due;
  std::vector<std::string> rows;
  const std::string prefix = OwnPrefix(kTable);
  const auto malformed = [&] {
    records_->Fail(absl::DataLossError("a row of timers in the store is malformed"));
    return false;
  };
  records_->Scan(prefix, prefix, [&](absl::string_view key, absl::string_view value) {
    const absl::string_view rest = key.substr(kRestAt);
    if (rest.size() != kRestSize) return malformed();
    const absl::Time at =
        absl::FromUnixMicros(static_cast<std::int64_t>(ReadBigEndian(rest.substr(0, 8))));
    if (at > now || due.size() >= enough) return false;
    for (; !value.empty(); value.remove_prefix(contract::Identity::kEncodedSize)) {
      const auto identity = DecodeIdentity(value.substr(0, contract::Identity::kEncodedSize));
      if (!identity) return malformed();
      due.push_back({at, static_cast<TimerKind>(rest[8]), *identity});
    }
    rows.emplace_back(key);
    return true;
  });
  for (std::string& row : rows) records_->Delete(std::move(row));
  return due;
}

}  // namespace yizhan::broker
