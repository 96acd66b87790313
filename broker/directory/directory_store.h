// The broker's copy of the directory log: it verifies, sequences and serves.
#ifndef YIZHAN_BROKER_DIRECTORY_DIRECTORY_STORE_H_
#define YIZHAN_BROKER_DIRECTORY_DIRECTORY_STORE_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "broker/store/records.h"
#include "protos/contract/crypto.h"
#include "protos/contract/directory.h"
#include "protos/contract/signing.h"
#include "yizhan/v1/directory.pb.h"

namespace yizhan::broker {

// One thread; what the pointers name must outlive this object.
//
// Invariants:
//  1. Every entry was verified by contract::DirectoryState, at each start again.
//  2. The checker's cache never outlives a change of the directory.
class DirectoryStore {
 public:
  DirectoryStore(Records* records, contract::SuiteAlgorithms algorithms);

  // Replays the stored log; where there is none, begins it with `genesis`.
  // Errors: CONFIG_INVALID naming what to correct, or that of the store.
  absl::Status Load(const std::vector<v1::SignedEntry>& genesis, const contract::Digest& pinned,
                    absl::Time now);
  // ALREADY_EXISTS for an entry that is there; DIRECTORY_ENTRY_REFUSED.
  absl::Status Append(const v1::SignedEntry& entry, absl::Time now);
  v1::FetchEntriesResponse Fetch(const v1::FetchEntriesRequest& request);

  const contract::DirectoryState& state() const { return state_; }
  contract::SignatureChecker& checker() { return checker_; }
  // Is this key registered for sealing to that province?
  bool IsSealingKey(contract::ProvinceCode province, absl::string_view key_id) const;

 private:
  absl::Status Replay(const contract::Digest& pinned, absl::Time now);

  Records* const records_;
  const contract::SuiteAlgorithms algorithms_;
  contract::SignatureChecker checker_;
  contract::DirectoryState state_;
  contract::Digest pinned_;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_DIRECTORY_DIRECTORY_STORE_H_
