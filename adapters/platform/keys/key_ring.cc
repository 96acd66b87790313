#include "adapters/platform/keys/key_ring.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace yizhan::platform {

KeyRing::KeyRing(KeySet keys) { Replace(std::move(keys)); }

void KeyRing::Replace(KeySet keys) {
  MutexLock lock(&mutex_);
  std::shared_ptr<const contract::Signer> next = keys.signers.front();
  for (const auto& signer : keys.signers) {
    if (current_ != nullptr && signer->key_id() == current_->key_id()) next = signer;
  }
  current_ = std::move(next);
  keys_ = std::move(keys);
}

bool KeyRing::Use(const contract::KeyId& key) {
  MutexLock lock(&mutex_);
  for (const auto& signer : keys_.signers) {
    if (signer->key_id() == key) {
      current_ = signer;
      return true;
    }
  }
  return false;
}

std::vector<contract::KeyId> KeyRing::SigningKeys() const {
  MutexLock lock(&mutex_);
  std::vector<contract::KeyId> ids;
  for (const auto& signer : keys_.signers) ids.push_back(signer->key_id());
  return ids;
}

std::vector<contract::KeyId> KeyRing::SealingKeys() const {
  MutexLock lock(&mutex_);
  return keys_.unseal_ids;
}

std::shared_ptr<const contract::Signer> KeyRing::Current() const {
  MutexLock lock(&mutex_);
  return current_;
}

std::shared_ptr<const contract::Unwrapper> KeyRing::Opener() const {
  MutexLock lock(&mutex_);
  return keys_.unwrapper;
}

contract::KeyId KeyRing::key_id() const { return Current()->key_id(); }

absl::StatusOr<std::string> KeyRing::Sign(absl::string_view message) const {
  return Current()->Sign(message);
}

bool KeyRing::Has(const contract::KeyId& key) const {
  const auto opener = Opener();
  return opener != nullptr && opener->Has(key);
}

absl::StatusOr<contract::SecretBytes> KeyRing::Unwrap(const contract::KeyId& key,
                                                      absl::string_view wrapped) const {
  const auto opener = Opener();
  if (opener == nullptr) {
    return absl::NotFoundError(absl::StrCat("no private sealing key with id ", key.hex()));
  }
  return opener->Unwrap(key, wrapped);
}

}  // namespace yizhan::platform
