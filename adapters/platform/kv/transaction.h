// Reads through pending changes: what one group of events writes, the next
// event of the group already sees, before anything is on disk.
#ifndef YIZHAN_ADAPTERS_PLATFORM_KV_TRANSACTION_H_
#define YIZHAN_ADAPTERS_PLATFORM_KV_TRANSACTION_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "adapters/platform/kv/key_value_store.h"

namespace yizhan::platform {

// One thread. `store` must outlive this object. Not a lock: the store has one
// writer, who owns the transaction.
class Transaction {
 public:
  explicit Transaction(KeyValueStore* store) : store_(store) {}

  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const;
  void Put(std::string key, std::string value);
  void Delete(std::string key);
  // Calls `visit` for keys in [begin, end) in order until it returns false.
  // `visit` must not change the transaction.
  absl::Status Scan(
      absl::string_view begin, absl::string_view end,
      const std::function<bool(absl::string_view key, absl::string_view value)>& visit) const;

  // A point to which changes can be rolled back; what follows a failed event of
  // a group must not be lost with it. Nested marks roll back innermost first.
  using Mark = std::size_t;
  Mark SetMark() const { return undo_.size(); }
  void RollBackTo(Mark mark);

  bool empty() const { return pending_.empty(); }
  // Writes everything in one batch and becomes empty. On error nothing is known
  // (see KeyValueStore); the owner stops.
  absl::Status Commit();

 private:
  struct Undo {
    std::string key;
    bool was_pending;
    std::optional<std::string> before;  // pending value before, if was_pending
  };
  void Change(std::string key, std::optional<std::string> value);

  KeyValueStore* const store_;
  std::map<std::string, std::optional<std::string>, std::less<>> pending_;
  std::vector<Undo> undo_;
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_KV_TRANSACTION_H_
