// A process's own keys, exchangeable while it runs.
#ifndef YIZHAN_ADAPTERS_PLATFORM_KEYS_KEY_RING_H_
#define YIZHAN_ADAPTERS_PLATFORM_KEYS_KEY_RING_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "adapters/platform/mutex/mutex.h"
#include "protos/contract/changing_signer.h"
#include "protos/contract/crypto.h"

namespace yizhan::platform {

// What a configuration names: at least one signer, the first used until a
// directory says otherwise.
struct KeySet {
  std::vector<std::shared_ptr<const contract::Signer>> signers;
  std::shared_ptr<const contract::Unwrapper> unwrapper;  // may be null: opens nothing
  std::vector<contract::KeyId> unseal_ids;
};

// Any thread. A call that began before a change ends with the key it began with.
class KeyRing final : public contract::ChangingSigner, public contract::Unwrapper {
 public:
  explicit KeyRing(KeySet keys);

  // Takes these keys from now on. The signer in use stays in use where it is
  // among them; else the first one signs. Keys with signers only.
  void Replace(KeySet keys);
  // Signs with this key from now on; false, and no change, where the ring does
  // not have it.
  bool Use(const contract::KeyId& key);

  std::vector<contract::KeyId> SigningKeys() const;
  std::vector<contract::KeyId> SealingKeys() const;

  // Signer.
  std::shared_ptr<const contract::Signer> Current() const override;
  contract::KeyId key_id() const override;
  absl::StatusOr<std::string> Sign(absl::string_view message) const override;
  // Unwrapper.
  bool Has(const contract::KeyId& key) const override;
  absl::StatusOr<contract::SecretBytes> Unwrap(const contract::KeyId& key,
                                               absl::string_view wrapped) const override;

 private:
  std::shared_ptr<const contract::Unwrapper> Opener() const;

  mutable Mutex mutex_;
  KeySet keys_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const contract::Signer> current_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_KEYS_KEY_RING_H_
