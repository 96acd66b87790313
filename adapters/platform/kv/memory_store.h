// A store in memory, for tests and simulation: it forgets with its object, and a
// simulated crash keeps it.
#ifndef YIZHAN_ADAPTERS_PLATFORM_KV_MEMORY_STORE_H_
#define YIZHAN_ADAPTERS_PLATFORM_KV_MEMORY_STORE_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "adapters/platform/kv/key_value_store.h"
#include "adapters/platform/mutex/mutex.h"

namespace yizhan::platform {

// Thread-safe. Iterators may outlive the store. The map is copied only when it
// changes while an iterator lives.
class MemoryStore final : public KeyValueStore {
 public:
  using Map = std::map<std::string, std::string, std::less<>>;

  MemoryStore() : shared_(std::make_shared<Shared>()) {}

  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const override;
  absl::Status Write(const WriteBatch& batch) override;
  std::unique_ptr<KvIterator> Scan(absl::string_view begin, absl::string_view end) const override;

 private:
  class Iterator;
  struct Shared {
    Mutex mutex;
    // Every holder takes and drops its reference under the mutex, so a count of
    // one means that the map may be changed in place.
    std::shared_ptr<Map> map ABSL_GUARDED_BY(mutex) = std::make_shared<Map>();
  };
  const std::shared_ptr<Shared> shared_;
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_KV_MEMORY_STORE_H_
