#include "broker/store/timers.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "broker/store/keys.h"

namespace yizhan::broker {
namespace {

constexpr char kTable = 'x';
constexpr std::size_t kRestAt = 4;

std::string KeyOf(const Timer& timer) {
  const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(0, ToUnixMicros(timer.due)));
  return OwnKey(kTable, absl::StrCat(BigEndian(us), std::string(1, static_cast<char>(timer.kind)),
                                     timer.identity.Encode()));
}

}  // namespace

void Timers::Set(const Timer& timer) { records_->Put(KeyOf(timer), ""); }

void Timers::Clear(const Timer& timer) { records_->Delete(KeyOf(timer)); }

std::vector<Timer> Timers::Due(absl::Time now, std::size_t limit) {
  std::vector<Timer> due;
  const std::string prefix = OwnPrefix(kTable);
  records_->Scan(prefix, prefix, [&](absl::string_view key, absl::string_view) {
    const absl::string_view rest = key.substr(kRestAt);
    const auto identity = rest.size() > 9 ? DecodeIdentity(rest.substr(9)) : std::nullopt;
    if (!identity) {
      records_->Fail(absl::DataLossError("a timer key of the store is malformed"));
      return false;
    }
    const absl::Time at =
        absl::FromUnixMicros(static_cast<std::int64_t>(ReadBigEndian(rest.substr(0, 8))));
    if (at > now || due.size() == limit) return false;
    due.push_back({at, static_cast<TimerKind>(rest[8]), *identity});
    return true;
  });
  return due;
}

}  // namespace yizhan::broker
