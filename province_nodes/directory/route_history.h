// What the directory's entries say of one route, for people.
#ifndef YIZHAN_PROVINCE_NODES_DIRECTORY_ROUTE_HISTORY_H_
#define YIZHAN_PROVINCE_NODES_DIRECTORY_ROUTE_HISTORY_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "adapters/platform/kv/key_value_store.h"
#include "protos/contract/directory.h"
#include "yizhan/v1/node_admin.pb.h"

namespace yizhan::node {

// The verified entries in `store` that changed the route, oldest first. Any
// thread.
absl::StatusOr<v1::ListRouteHistoryResponse> RouteHistory(const platform::KeyValueStore& store,
                                                          const contract::RouteKey& route);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_DIRECTORY_ROUTE_HISTORY_H_
