#include "protos/contract/key_registry.h"

#include <cstdint>
#include <set>

#include "protos/contract/limits.h"

namespace yizhan::contract {
namespace {

absl::Time EndAt(std::int64_t unix_us) {
  return unix_us == 0 ? absl::InfiniteFuture() : absl::FromUnixMicros(unix_us);
}

KeyOwner Signing(const KeyRegistry::Record& record) {
  KeyOwner owner = record.owner;
  owner.signs = true;
  return owner;
}

}  // namespace

bool SameOwner(const KeyOwner& a, const KeyOwner& b) {
  return a.province == b.province && a.broker == b.broker && a.authority == b.authority;
}

const KeyRegistry::Record* KeyRegistry::Lookup(const KeyId& id) const {
  const auto found = records_.find(id);
  return found == records_.end() ? nullptr : &found->second;
}

std::optional<KeyOwner> KeyRegistry::Find(const KeyId& id) const {
  const Record* record = Lookup(id);
  if (record == nullptr || !record->is_listed()) return std::nullopt;
  return record->owner;
}

std::optional<KeyOwner> KeyRegistry::FindSigner(const KeyId& id, absl::Time at) const {
  const Record* record = Lookup(id);
  if (record == nullptr || !record->owner.signs) return std::nullopt;
  // The owner's clock may be ahead of ours.
  const bool holds =
      at + kMaxClockSkew >= record->not_before && at < record->not_after && at < record->dropped;
  if (!holds) return std::nullopt;
  return record->owner;
}

std::optional<KeyOwner> KeyRegistry::FindSignerThen(const KeyId& id, absl::Time accepted) const {
  const Record* record = Lookup(id);
  if (record == nullptr || !record->signing_use) return std::nullopt;
  const bool held = accepted >= record->listed && accepted >= record->not_before &&
                    accepted < record->not_after && accepted < record->suspect_since &&
                    accepted < record->dropped;
  if (!held) return std::nullopt;
  return Signing(*record);
}

void KeyRegistry::List(const KeyOwner& owner, const Keys& keys, absl::Time created) {
  std::set<KeyId> kept;
  for (const v1::PublicKey& key : keys) {
    const KeyId id = *KeyId::From(key.key_id());
    kept.insert(id);
    const auto [at, is_new] = records_.try_emplace(id);
    Record& record = at->second;
    if (is_new) record.listed = created;
    record.owner = owner;
    record.owner.spki_der = key.spki_der();
    record.signing_use = key.use() == v1::KEY_USE_SIGN;
    record.not_before = absl::FromUnixMicros(key.not_before_unix_us());
    record.not_after = EndAt(key.not_after_unix_us());
    record.suspect_since = EndAt(key.suspect_since_unix_us());
    record.owner.signs = record.signing_use && key.suspect_since_unix_us() == 0;
    record.dropped = absl::InfiniteFuture();
  }
  for (auto& [id, record] : records_) {
    if (record.is_listed() && SameOwner(record.owner, owner) && !kept.contains(id)) {
      record.dropped = created;
    }
  }
}

}  // namespace yizhan::contract
