// Messages of a lane by pair and kind, as the store has them.
#ifndef YIZHAN_PROVINCE_NODES_STORE_MESSAGE_TALLY_H_
#define YIZHAN_PROVINCE_NODES_STORE_MESSAGE_TALLY_H_

#include <map>
#include <set>
#include <tuple>

#include "absl/status/status.h"
#include "adapters/platform/kv/transaction.h"
#include "protos/contract/ids.h"
#include "province_nodes/store/node_store.h"
#include "yizhan/v1/broker_admin.pb.h"
#include "yizhan/v1/node_admin.pb.h"

namespace yizhan::node {

// One thread. Changes are in memory until Save puts them into the group's
// transaction, so they are counted exactly once whatever crashes.
class MessageTally {
 public:
  absl::Status Load(const platform::Transaction& txn, const LaneKeys& keys);
  void Save(platform::Transaction& txn, const LaneKeys& keys);
  // The count to be changed.
  v1::MessageCount& Of(v1::Lane lane, contract::ProvinceCode source,
                       contract::ProvinceCode destination, v1::MessageKind kind);
  v1::CountNodeMessagesResponse All() const;

 private:
  using Key = std::tuple<contract::ProvinceCode, contract::ProvinceCode, int>;
  std::map<Key, v1::MessageCount> counts_;
  std::set<Key> changed_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_STORE_MESSAGE_TALLY_H_
