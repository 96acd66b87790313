#include "province_nodes/store/message_tally.h"

#include <string>

#include "province_nodes/store/proto_io.h"

namespace yizhan::node {

absl::Status MessageTally::Load(const platform::Transaction& txn, const LaneKeys& keys) {
  bool readable = true;
  YIZHAN_RETURN_IF_ERROR(
      txn.Scan(keys.Counts(), platform::PrefixEnd(keys.Counts()),
               [&](absl::string_view, absl::string_view value) {
                 v1::MessageCount count;
                 readable = count.ParseFromArray(value.data(), static_cast<int>(value.size()));
                 counts_[Key(contract::ProvinceCode(count.source()),
                             contract::ProvinceCode(count.destination()), count.kind())] = count;
                 return readable;
               }));
  return readable ? absl::OkStatus() : StoredValueDamaged("message count");
}

void MessageTally::Save(platform::Transaction& txn, const LaneKeys& keys) {
  for (const Key& key : changed_) {
    const auto& [source, destination, kind] = key;
    std::string name = keys.Counts();
    name.push_back(static_cast<char>(source.value()));
    name.push_back(static_cast<char>(destination.value()));
    name.push_back(static_cast<char>(kind));
    PutProto(txn, std::move(name), counts_[key]);
  }
  changed_.clear();
}

v1::MessageCount& MessageTally::Of(v1::Lane lane, contract::ProvinceCode source,
                                   contract::ProvinceCode destination, v1::MessageKind kind) {
  const Key key(source, destination, kind);
  changed_.insert(key);
  v1::MessageCount& count = counts_[key];
  count.set_lane(lane);
  count.set_source(source.value());
  count.set_destination(destination.value());
  count.set_kind(kind);
  return count;
}

v1::CountNodeMessagesResponse MessageTally::All() const {
  v1::CountNodeMessagesResponse response;
  for (const auto& [key, count] : counts_) *response.add_counts() = count;
  return response;
}

}  // namespace yizhan::node
