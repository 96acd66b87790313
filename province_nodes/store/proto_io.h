// Protobuf messages as values of the store.
#ifndef YIZHAN_PROVINCE_NODES_STORE_PROTO_IO_H_
#define YIZHAN_PROVINCE_NODES_STORE_PROTO_IO_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "adapters/platform/kv/transaction.h"
#include "protos/contract/errors.h"

// Passes a storage error up. Not for decisions about messages.
#define YIZHAN_RETURN_IF_ERROR(expression)                                                    \
  do {                                                                                        \
    if (absl::Status yizhan_status = (expression); !yizhan_status.ok()) return yizhan_status; \
  } while (false)

namespace yizhan::node {

inline absl::Status StoredValueDamaged(absl::string_view what) {
  return contract::MakeError(v1::STORAGE_FAILED, v1::SIDE_MINE,
                             absl::StrCat("The store holds a value that cannot be read: ", what),
                             "Restore the node's data folder from a backup, or recover the node "
                             "from its peers.");
}

template <typename Proto>
absl::StatusOr<Proto> ParseStored(absl::string_view bytes, absl::string_view what) {
  Proto proto;
  if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return StoredValueDamaged(what);
  }
  return proto;
}

// Nothing if the key is absent. `Source` is a Transaction or a KeyValueStore.
template <typename Proto, typename Source>
absl::StatusOr<std::optional<Proto>> GetProto(const Source& source, absl::string_view key) {
  absl::StatusOr<std::optional<std::string>> bytes = source.Get(key);
  if (!bytes.ok()) return bytes.status();
  if (!bytes->has_value()) return std::optional<Proto>();
  absl::StatusOr<Proto> proto = ParseStored<Proto>(**bytes, Proto::descriptor()->full_name());
  if (!proto.ok()) return proto.status();
  return std::optional<Proto>(*std::move(proto));
}

template <typename Proto>
void PutProto(platform::Transaction& txn, std::string key, const Proto& proto) {
  txn.Put(std::move(key), proto.SerializeAsString());
}

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_STORE_PROTO_IO_H_
