// Values written a moment ago: most of what is read soon after was just written,
// and finding it in the store costs ten times more than here.
#ifndef YIZHAN_ADAPTERS_PLATFORM_KV_RECENT_VALUES_H_
#define YIZHAN_ADAPTERS_PLATFORM_KV_RECENT_VALUES_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace yizhan::platform {

// One thread. Invariant: what it has is what the store has, as long as every
// write to these keys goes through Put or Forget, too.
class RecentValues {
 public:
  // Keys and values together; the oldest leave first.
  explicit RecentValues(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // Null where it is not here; it may be in the store.
  const std::string* Find(absl::string_view key) const;
  void Put(std::string key, std::string value);
  void Forget(absl::string_view key);
  std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::string value;
    std::uint64_t number = 0;
  };
  struct Age {
    std::string key;
    std::uint64_t number;  // of the entry that this is the age of
  };
  static std::size_t SizeOf(absl::string_view key, const Entry& entry);

  const std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::uint64_t next_ = 0;
  absl::flat_hash_map<std::string, Entry> entries_;
  std::deque<Age> by_age_;  // of entries that have left, too
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_KV_RECENT_VALUES_H_
