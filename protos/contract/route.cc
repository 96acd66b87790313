#include "protos/contract/route.h"

#include <cstdint>

namespace yizhan::contract {
namespace {

// 0 for a time that was never set, or never comes.
std::int64_t Micros(absl::Time time) {
  const bool set =
      time != absl::Time() && time != absl::InfiniteFuture() && time != absl::InfinitePast();
  return set ? absl::ToUnixMicros(time) : 0;
}

}  // namespace

v1::RouteInfo DescribeRoute(const RouteKey& key, const RouteRecord& route) {
  v1::RouteInfo info;
  info.set_accepting(key.accepting.value());
  info.set_home(key.home.value());
  info.set_state(route.state);
  info.set_opened_unix_us(Micros(route.opened));
  info.set_certified_until_unix_us(Micros(route.certified_until));
  info.set_version(route.version);
  if (route.planned.has_value()) {
    info.set_planned_state(route.planned->state);
    info.set_planned_unix_us(Micros(route.planned->at));
  }
  if (route.state == v1::ROUTE_PILOT) *info.mutable_pilot() = route.pilot;
  info.set_grace_until_unix_us(Micros(route.grace_until));
  info.set_order_number(route.order_number);
  info.set_reason(route.reason);
  info.set_group(route.group);
  info.set_served(route.served);
  return info;
}

}  // namespace yizhan::contract
