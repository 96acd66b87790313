// Whose keys the network knows, since when, and when each may sign.
#ifndef YIZHAN_PROTOS_CONTRACT_KEY_REGISTRY_H_
#define YIZHAN_PROTOS_CONTRACT_KEY_REGISTRY_H_

#include <map>
#include <optional>

#include "absl/time/time.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "protos/contract/ids.h"
#include "protos/contract/signing.h"
#include "yizhan/v1/directory.pb.h"

namespace yizhan::contract {

// The same province, or both the broker, or both the authority.
bool SameOwner(const KeyOwner& a, const KeyOwner& b);

// A value. Nothing is ever forgotten: a key belongs to its first owner for ever.
class KeyRegistry {
 public:
  using Keys = google::protobuf::RepeatedPtrField<v1::PublicKey>;

  struct Record {
    KeyOwner owner;            // signs: for signing, and not suspect
    bool signing_use = false;  // what it was made for
    absl::Time not_before;
    absl::Time not_after = absl::InfiniteFuture();
    absl::Time suspect_since = absl::InfiniteFuture();
    absl::Time listed;                            // by an entry created then
    absl::Time dropped = absl::InfiniteFuture();  // likewise
    bool is_listed() const { return dropped == absl::InfiniteFuture(); }
  };

  // Any listed key, whatever its dates; nothing for others.
  std::optional<KeyOwner> Find(const KeyId& id) const;
  // A key that may sign at `at`: for signing, listed then, dates hold, not suspect.
  std::optional<KeyOwner> FindSigner(const KeyId& id, absl::Time at) const;
  // A key that could sign then, whatever became of it later. For what was
  // accepted at `accepted` by somebody's word that does not depend on the key.
  std::optional<KeyOwner> FindSignerThen(const KeyId& id, absl::Time accepted) const;
  const Record* Lookup(const KeyId& id) const;

  // Replaces the listed keys of an owner (whose spki_der and signs are ignored)
  // by an entry created at `created`.
  void List(const KeyOwner& owner, const Keys& keys, absl::Time created);

 private:
  std::map<KeyId, Record> records_;
};

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_KEY_REGISTRY_H_
