// The broker's way to its store: typed reads and writes in the open transaction.
#ifndef YIZHAN_BROKER_STORE_RECORDS_H_
#define YIZHAN_BROKER_STORE_RECORDS_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "adapters/platform/kv/transaction.h"
#include "google/protobuf/message_lite.h"

namespace yizhan::broker {

// Reads and writes of one core; one thread.
//
// Invariants:
//  1. The first error latches. A reader that failed reads "absent", which is
//     safe because a group with a latched error is never committed and nothing
//     that it promised goes out.
//  2. Nothing is on disk before Commit returns OK.
class Records {
 public:
  // `store` must outlive this object.
  explicit Records(platform::KeyValueStore* store);

  std::optional<std::string> Get(absl::string_view key);
  bool Has(absl::string_view key) { return Get(key).has_value(); }
  // False if absent; a value that does not parse latches DATA_LOSS.
  bool Read(absl::string_view key, google::protobuf::MessageLite* out);
  void Put(std::string key, std::string value);
  void Write(std::string key, const google::protobuf::MessageLite& value);
  void Delete(std::string key);
  // Keys with this prefix, from `begin` (inside the prefix) on, until `visit`
  // returns false. `visit` must not write.
  using Visit = std::function<bool(absl::string_view key, absl::string_view value)>;
  void Scan(absl::string_view prefix, absl::string_view begin, const Visit& visit);

  // Latches an error found by a caller: broken bytes in the store.
  void Fail(absl::Status status);
  const absl::Status& status() const { return status_; }
  absl::Status Commit();
  // See Transaction::Detach; not after an error.
  absl::StatusOr<std::shared_ptr<const platform::WriteBatch>> Detach();
  platform::Transaction& transaction() { return transaction_; }

 private:
  platform::Transaction transaction_;
  absl::Status status_;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_STORE_RECORDS_H_
