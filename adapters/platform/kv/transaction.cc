#include "adapters/platform/kv/transaction.h"

#include <utility>

namespace yizhan::platform {

absl::StatusOr<std::optional<std::string>> Transaction::Get(absl::string_view key) const {
  const auto found = pending_.find(key);
  if (found != pending_.end()) return found->second;
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
  const auto in_range = [&](absl::string_view key) { return end.empty() || key < end; };
  const std::unique_ptr<KvIterator> stored = store_->Scan(begin, end);
  auto pending = pending_.lower_bound(begin);
  while (true) {
    const bool has_pending = pending != pending_.end() && in_range(pending->first);
    if (!has_pending && !stored->Valid()) return stored->status();
    if (has_pending && (!stored->Valid() || pending->first <= stored->key())) {
      // An iterator that broke off must not look like the end of the store.
      if (!stored->Valid() && !stored->status().ok()) return stored->status();
      if (stored->Valid() && pending->first == stored->key()) stored->Next();  // hidden
      const bool go_on = !pending->second || visit(pending->first, *pending->second);
      ++pending;
      if (!go_on) return absl::OkStatus();
      continue;
    }
    if (!visit(stored->key(), stored->value())) return absl::OkStatus();
    stored->Next();
  }
}

absl::Status Transaction::Commit() {
  if (pending_.empty()) return absl::OkStatus();
  WriteBatch batch;
  batch.changes.reserve(pending_.size());
  for (auto& [key, value] : pending_) batch.changes.push_back({key, std::move(value)});
  pending_.clear();
  undo_.clear();
  marked_ = false;
  const absl::Status written = store_->Write(batch);
  if (written.ok() && is_read_soon_ != nullptr) Remember(std::move(batch));
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
