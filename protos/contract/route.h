// One directed route as the directory has it.
#ifndef YIZHAN_PROTOS_CONTRACT_ROUTE_H_
#define YIZHAN_PROTOS_CONTRACT_ROUTE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/broker_admin.pb.h"
#include "yizhan/v1/directory.pb.h"

namespace yizhan::contract {

// Residents of `home` apply in `accepting`.
struct RouteKey {
  ProvinceCode accepting;
  ProvinceCode home;
  friend auto operator<=>(const RouteKey&, const RouteKey&) = default;
};

// What a change brings about at a time.
struct RouteStep {
  v1::RouteState state = v1::ROUTE_STATE_UNSPECIFIED;
  absl::Time at;
  v1::Pilot pilot;  // of ROUTE_PILOT
};

struct RouteRecord {
  v1::RouteState state = v1::ROUTE_STATE_UNSPECIFIED;
  std::uint64_t version = 0;
  absl::Time opened;
  absl::Time certified_until;
  // Was open before its present certification: running cases are served on.
  bool served = false;
  v1::Pilot pilot;
  absl::Time tested;                 // end of the last report, smoke or whole
  std::optional<RouteStep> planned;  // not yet effective
  // Of the last entry that changed it.
  std::string order_number;
  std::string reason;
  std::string group;
  absl::Time changed;
  // Planned changes of keys that no test has shown to work: VOID then.
  absl::Time grace_until = absl::InfiniteFuture();
};

// For people and tools.
v1::RouteInfo DescribeRoute(const RouteKey& key, const RouteRecord& route);

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_ROUTE_H_
