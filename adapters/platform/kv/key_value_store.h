// An ordered map of bytes on stable storage: what the stores of broker and node
// are built on. Implementations: RocksDB (rocks_store.h), memory
// (memory_store.h); each passes tests/unit/adapters/platform/kv conformance.
#ifndef YIZHAN_ADAPTERS_PLATFORM_KV_KEY_VALUE_STORE_H_
#define YIZHAN_ADAPTERS_PLATFORM_KV_KEY_VALUE_STORE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace yizhan::platform {

// Changes that happen together or not at all. A value.
struct WriteBatch {
  struct Change {
    std::string key;
    std::optional<std::string> value;  // nothing: delete
  };
  std::vector<Change> changes;
  void Put(std::string key, std::string value) {
    changes.push_back({std::move(key), std::move(value)});
  }
  void Delete(std::string key) { changes.push_back({std::move(key), std::nullopt}); }
  bool empty() const { return changes.empty(); }
};

// Walks keys in bytewise order over the state at its making. One thread.
class KvIterator {
 public:
  virtual ~KvIterator() = default;
  virtual bool Valid() const = 0;
  virtual void Next() = 0;
  // Views live until Next or destruction.
  virtual absl::string_view key() const = 0;
  virtual absl::string_view value() const = 0;
  // Not OK after an I/O error; then Valid() is false.
  virtual absl::Status status() const = 0;
};

// Thread-safe. Any error but NOT_FOUND means that the outcome of what was in
// flight is unknown: the owner stops the process and restart decides.
class KeyValueStore {
 public:
  virtual ~KeyValueStore() = default;
  // Nothing if the key is absent.
  virtual absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const = 0;
  // Atomic, and on stable storage when it returns OK.
  virtual absl::Status Write(const WriteBatch& batch) = 0;
  // Keys in [begin, end); an empty end means no end.
  virtual std::unique_ptr<KvIterator> Scan(absl::string_view begin,
                                           absl::string_view end) const = 0;
};

// First key after every key with this prefix; empty if there is none.
std::string PrefixEnd(absl::string_view prefix);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_KV_KEY_VALUE_STORE_H_
