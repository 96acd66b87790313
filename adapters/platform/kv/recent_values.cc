#include "adapters/platform/kv/recent_values.h"

#include <utility>

namespace yizhan::platform {
namespace {

// Of one entry, beside its bytes: both copies of the key, and the tables.
constexpr std::size_t kOverhead = 128;

}  // namespace

std::size_t RecentValues::SizeOf(absl::string_view key, const Entry& entry) {
  return 2 * key.size() + entry.value.size() + kOverhead;
}

const std::string* RecentValues::Find(absl::string_view key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second.value;
}

void RecentValues::Put(std::string key, std::string value) {
  Forget(key);
  Entry entry{std::move(value), ++next_};
  bytes_ += SizeOf(key, entry);
  by_age_.push_back({key, entry.number});
  entries_.emplace(std::move(key), std::move(entry));
  // An entry that was forgotten left its age behind; there may be no more ages
  // than twice the entries.
  while (bytes_ > max_bytes_ || by_age_.size() > 2 * entries_.size() + 16) {
    const auto oldest = entries_.find(by_age_.front().key);
    if (oldest != entries_.end() && oldest->second.number == by_age_.front().number) {
      bytes_ -= SizeOf(oldest->first, oldest->second);
      entries_.erase(oldest);
    }
    by_age_.pop_front();
  }
}

void RecentValues::Forget(absl::string_view key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  bytes_ -= SizeOf(found->first, found->second);
  entries_.erase(found);
}

}  // namespace yizhan::platform
