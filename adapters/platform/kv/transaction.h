// Reads through pending changes: what one group of events writes, the next
// event of the group already sees, before anything is on disk.
#ifndef YIZHAN_ADAPTERS_PLATFORM_KV_TRANSACTION_H_
#define YIZHAN_ADAPTERS_PLATFORM_KV_TRANSACTION_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "adapters/platform/kv/key_value_store.h"
#include "adapters/platform/kv/recent_values.h"

namespace yizhan::platform {

// One thread. `store` must outlive this object. Not a lock: the store has one
// writer, who owns the transaction.
class Transaction {
 public:
  explicit Transaction(KeyValueStore* store) : store_(store) {}
  // Committed values of keys that `is_read_soon` likes stay in memory, up to so
  // many bytes. Only for the one writer of these keys.
  using KeyTest = bool (*)(absl::string_view key);
  Transaction(KeyValueStore* store, std::size_t recent_bytes, KeyTest is_read_soon)
      : store_(store), recent_(recent_bytes), is_read_soon_(is_read_soon) {}

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
  Mark SetMark() {
    marked_ = true;
    return undo_.size();
  }
  void RollBackTo(Mark mark);

  bool empty() const { return pending_.empty(); }
  // Writes everything in one batch and becomes empty. On error nothing is known
  // (see KeyValueStore); the owner stops.
  absl::Status Commit();

  // Commit in two steps, so that another thread can write while the next group
  // runs: what is pending becomes a batch, which reads still see, and which the
  // owner has to write; then it is settled. One batch at a time.
  std::shared_ptr<const WriteBatch> Detach();
  void Settle();

 private:
  class Overlay;
  struct Undo {
    std::string key;
    bool was_pending;
    std::optional<std::string> before;  // pending value before, if was_pending
  };
  void Change(std::string key, std::optional<std::string> value);
  const WriteBatch::Change* FindDetached(absl::string_view key) const;
  void Remember(WriteBatch batch);

  KeyValueStore* const store_;
  RecentValues recent_{0};
  const KeyTest is_read_soon_ = nullptr;
  absl::btree_map<std::string, std::optional<std::string>, std::less<>> pending_;
  std::shared_ptr<WriteBatch> detached_;  // in the order of its keys
  bool marked_ = false;                   // since the last commit; else nothing needs undoing
  std::vector<Undo> undo_;
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_KV_TRANSACTION_H_
