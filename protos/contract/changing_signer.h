// A signer whose key is exchanged while it runs.
#ifndef YIZHAN_PROTOS_CONTRACT_CHANGING_SIGNER_H_
#define YIZHAN_PROTOS_CONTRACT_CHANGING_SIGNER_H_

#include <memory>

#include "protos/contract/crypto.h"

namespace yizhan::contract {

// Two calls of it may be answered by two keys. SignBatch takes the present one
// for the whole of a signature, so that name and signature are one key's.
class ChangingSigner : public Signer {
 public:
  // Never null; not itself a ChangingSigner. Any thread.
  virtual std::shared_ptr<const Signer> Current() const = 0;
};

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_CHANGING_SIGNER_H_
