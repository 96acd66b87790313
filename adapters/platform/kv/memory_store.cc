#include "adapters/platform/kv/memory_store.h"

#include <utility>

namespace yizhan::platform {

class MemoryStore::Iterator final : public KvIterator {
 public:
  Iterator(std::shared_ptr<Shared> shared, absl::string_view begin, absl::string_view end)
      : shared_(std::move(shared)), end_(end) {
    MutexLock lock(&shared_->mutex);
    map_ = shared_->map;
    at_ = map_->lower_bound(begin);
  }
  ~Iterator() override {
    MutexLock lock(&shared_->mutex);
    map_.reset();
  }

  bool Valid() const override { return at_ != map_->end() && (end_.empty() || at_->first < end_); }
  void Next() override { ++at_; }
  absl::string_view key() const override { return at_->first; }
  absl::string_view value() const override { return at_->second; }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  const std::shared_ptr<Shared> shared_;
  const std::string end_;
  std::shared_ptr<const Map> map_;
  Map::const_iterator at_;
};

absl::StatusOr<std::optional<std::string>> MemoryStore::Get(absl::string_view key) const {
  MutexLock lock(&shared_->mutex);
  const auto found = shared_->map->find(key);
  if (found == shared_->map->end()) return std::optional<std::string>();
  return std::optional<std::string>(found->second);
}

absl::Status MemoryStore::Write(const WriteBatch& batch) {
  MutexLock lock(&shared_->mutex);
  if (shared_->map.use_count() > 1) shared_->map = std::make_shared<Map>(*shared_->map);
  for (const WriteBatch::Change& change : batch.changes) {
    if (change.value) {
      shared_->map->insert_or_assign(change.key, *change.value);
    } else {
      shared_->map->erase(change.key);
    }
  }
  return absl::OkStatus();
}

std::unique_ptr<KvIterator> MemoryStore::Scan(absl::string_view begin,
                                              absl::string_view end) const {
  return std::make_unique<Iterator>(shared_, begin, end);
}

}  // namespace yizhan::platform
