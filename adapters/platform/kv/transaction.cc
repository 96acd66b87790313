#include "adapters/platform/kv/transaction.h"

#include <algorithm>
#include <utility>

namespace yizhan::platform {
namespace {

bool IsBefore(const WriteBatch::Change& change, absl::string_view key) { return change.key < key; }

}  // namespace

// Changes that the store does not have yet, in the order of their keys; of a key
// the latest.
class Transaction::Overlay {
 public:
  Overlay(const Transaction& owner, absl::string_view begin, absl::string_view end)
      : end_(end), pending_(owner.pending_.lower_bound(begin)), pending_end_(owner.pending_.end()) {
    if (owner.detached_ == nullptr) return;
    const std::vector<WriteBatch::Change>& changes = owner.detached_->changes;
    detached_ =
        &*changes.begin() +
        (std::lower_bound(changes.begin(), changes.end(), begin, IsBefore) - changes.begin());
    detached_end_ = &*changes.begin() + changes.size();
  }

  bool Valid() const { return HasPending() || HasDetached(); }
  absl::string_view key() const { return IsPending() ? pending_->first : detached_->key; }
  const std::optional<std::string>& value() const {
    return IsPending() ? pending_->second : detached_->value;
  }
  void Next() {
    if (!IsPending()) {
      ++detached_;
      return;
    }
    if (HasDetached() && detached_->key == pending_->first) ++detached_;  // hidden
    ++pending_;
  }

 private:
  using Pending =
      absl::btree_map<std::string, std::optional<std::string>, std::less<>>::const_iterator;
  bool IsInRange(absl::string_view key) const { return end_.empty() || key < end_; }
  bool HasPending() const { return pending_ != pending_end_ && IsInRange(pending_->first); }
  bool HasDetached() const { return detached_ != detached_end_ && IsInRange(detached_->key); }
  bool IsPending() const {
    return HasPending() && (!HasDetached() || pending_->first <= detached_->key);
  }

  const absl::string_view end_;
  Pending pending_;
  const Pending pending_end_;
  const WriteBatch::Change* detached_ = nullptr;
  const WriteBatch::Change* detached_end_ = nullptr;
};

const WriteBatch::Change* Transaction::FindDetached(absl::string_view key) const {
  if (detached_ == nullptr) return nullptr;
  const std::vector<WriteBatch::Change>& changes = detached_->changes;
  const auto at = std::lower_bound(changes.begin(), changes.end(), key, IsBefore);
  return at == changes.end() || at->key != key ? nullptr : &*at;
}

absl::StatusOr<std::optional<std::string>> Transaction::Get(absl::string_view key) const {
  const auto found = pending_.find(key);
  if (found != pending_.end()) return found->second;
  if (const WriteBatch::Change* detached = FindDetached(key)) return detached->value;
  if (const std::string* recent = recent_.Find(key)) return std::optional<std::string>(*recent);
  return store_->Get(key);
}

void Transaction::Put(std::string key, std::string value) {
  Change(std::move(key), std::move(value));
}

void Transaction::Delete(std::string key) { Change(std::move(key), std::nullopt); }

void Transaction::Change(std::string key, std::optional<std::string> value) {
  const auto [at, added] = pending_.try_emplace(std::move(key));
  if (marked_) undo_.push_back({at->first, !added, std::move(at->second)});
  at->second = std::move(value);
}

void Transaction::RollBackTo(Mark mark) {
  while (undo_.size() > mark) {
    Undo& last = undo_.back();
    if (last.was_pending) {
      pending_.find(last.key)->second = std::move(last.before);
    } else {
      pending_.erase(last.key);
    }
    undo_.pop_back();
  }
}

absl::Status Transaction::Scan(
    absl::string_view begin, absl::string_view end,
    const std::function<bool(absl::string_view, absl::string_view)>& visit) const {
  // In this order: a batch that is written in between is seen once or twice, not
  // less.
  Overlay overlay(*this, begin, end);
  const std::unique_ptr<KvIterator> stored = store_->Scan(begin, end);
  while (true) {
    if (!overlay.Valid() && !stored->Valid()) return stored->status();
    if (overlay.Valid() && (!stored->Valid() || overlay.key() <= stored->key())) {
      // An iterator that broke off must not look like the end of the store.
      if (!stored->Valid() && !stored->status().ok()) return stored->status();
      if (stored->Valid() && overlay.key() == stored->key()) stored->Next();  // hidden
      const bool go_on = !overlay.value() || visit(overlay.key(), *overlay.value());
      overlay.Next();
      if (!go_on) return absl::OkStatus();
      continue;
    }
    if (!visit(stored->key(), stored->value())) return absl::OkStatus();
    stored->Next();
  }
}

std::shared_ptr<const WriteBatch> Transaction::Detach() {
  auto batch = std::make_shared<WriteBatch>();
  batch->changes.reserve(pending_.size());
  for (auto& [key, value] : pending_) batch->changes.push_back({key, std::move(value)});
  pending_.clear();
  undo_.clear();
  marked_ = false;
  if (!batch->empty()) detached_ = batch;
  return batch;
}

void Transaction::Settle() {
  if (detached_ == nullptr) return;
  const std::shared_ptr<WriteBatch> batch = std::exchange(detached_, nullptr);
  if (is_read_soon_ != nullptr) Remember(std::move(*batch));
}

absl::Status Transaction::Commit() {
  if (pending_.empty()) return absl::OkStatus();
  const absl::Status written = store_->Write(*Detach());
  if (written.ok()) {
    Settle();
  } else {
    detached_ = nullptr;  // whether it is there, the store alone knows
  }
  return written;
}

void Transaction::Remember(WriteBatch batch) {
  for (WriteBatch::Change& change : batch.changes) {
    if (!is_read_soon_(change.key)) continue;
    if (change.value) {
      recent_.Put(std::move(change.key), *std::move(change.value));
    } else {
      recent_.Forget(change.key);
    }
  }
}

}  // namespace yizhan::platform
