#include "broker/service/pilot_quota.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "broker/store/keys.h"
#include "protos/contract/errors.h"

namespace yizhan::broker {
namespace {

constexpr char kPilots = 'Q';
constexpr std::int64_t kSecondsOfDay = 24 * 60 * 60;
// Shanghai keeps UTC+8 all year.
constexpr std::int64_t kShanghaiOffset = 8 * 60 * 60;

std::uint64_t DayInShanghai(absl::Time now) {
  return static_cast<std::uint64_t>((absl::ToUnixSeconds(now) + kShanghaiOffset) / kSecondsOfDay);
}

std::string KeyOf(const contract::RouteKey& route) {
  const char rest[] = {static_cast<char>(route.accepting.value()),
                       static_cast<char>(route.home.value())};
  return OwnKey(kPilots, absl::string_view(rest, sizeof(rest)));
}

// Of the accepting side's messages the first of a case opens it.
bool OpensCase(const contract::ParsedEnvelope& parsed) {
  return parsed.identity.lane == v1::LANE_BUSINESS && parsed.identity.sequence == 1 &&
         (parsed.header.kind() == v1::ELIGIBILITY_QUERY || parsed.header.kind() == v1::ACCEPTANCE);
}

}  // namespace

absl::Status PilotQuota::Take(const contract::DirectoryState& directory,
                              const contract::ParsedEnvelope& parsed, absl::Time now) {
  if (!OpensCase(parsed)) return absl::OkStatus();
  const contract::RouteKey key{parsed.identity.source, parsed.identity.destination};
  const contract::RouteRecord route = directory.Route(key, now);
  if (route.state != v1::ROUTE_PILOT) return absl::OkStatus();
  const std::uint64_t today = DayInShanghai(now);
  std::uint64_t taken = 0;
  const std::optional<std::string> stored = records_->Get(KeyOf(key));
  if (stored.has_value() && stored->size() == 16 && ReadBigEndian(stored->substr(0, 8)) == today) {
    taken = ReadBigEndian(stored->substr(8));
  }
  if (taken >= route.pilot.daily_quota()) {
    return contract::MakeError(
        v1::QUOTA_EXCEEDED, v1::SIDE_NETWORK,
        absl::StrCat("the pilot from ", key.accepting.str(), " to ", key.home.str(),
                     " has taken its ", route.pilot.daily_quota(), " new cases of today"),
        "The case goes on by itself tomorrow; both provinces can raise the quota.");
  }
  records_->Put(KeyOf(key), absl::StrCat(BigEndian(today), BigEndian(taken + 1)));
  return absl::OkStatus();
}

}  // namespace yizhan::broker
