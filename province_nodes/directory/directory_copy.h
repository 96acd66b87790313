// The node's verified copy of the directory log.
#ifndef YIZHAN_PROVINCE_NODES_DIRECTORY_DIRECTORY_COPY_H_
#define YIZHAN_PROVINCE_NODES_DIRECTORY_DIRECTORY_COPY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/platform/kv/transaction.h"
#include "protos/contract/crypto.h"
#include "protos/contract/directory.h"
#include "yizhan/v1/directory.pb.h"

namespace yizhan::node {

// One thread; shared by the cores of one node (business lane and test runs).
//  1. Every entry was verified and replayed by contract::DirectoryState before
//     it is used; entries are stored as they came and replayed at start.
//  2. It only grows. A teller whose log differs is reported, never followed.
// The algorithms must outlive this object.
class DirectoryCopy {
 public:
  // Replays what the store holds. DATA_LOSS where it does not verify.
  static absl::StatusOr<std::unique_ptr<DirectoryCopy>> Load(
      const platform::KeyValueStore& store, const contract::SuiteAlgorithms& algorithms,
      const contract::Digest& pinned_genesis, absl::Time now);

  const contract::DirectoryState& state() const { return state_; }
  const v1::DirectoryHead& head() const { return state_.head(); }
  // Grows with every applied entry; for readers that cache.
  std::uint64_t revision() const { return digests_.size(); }

  // The entries as they are stored, oldest first, until `visit` returns false.
  static absl::Status ForEachStored(
      const platform::KeyValueStore& store,
      const std::function<bool(std::uint64_t position, const v1::SignedEntry&)>& visit);
  // One of the applied entries, as it came.
  absl::StatusOr<v1::SignedEntry> Entry(const platform::Transaction& txn,
                                        std::uint64_t index) const;

  // What somebody's head says about ours.
  enum class Told { kSame, kLarger, kSmaller, kFork };
  Told Compare(const v1::DirectoryHead& told) const;

  // Applies fetched entries that follow ours and stores them in `txn`. Entries
  // that we have are passed over; a different one in their place, or one that
  // does not verify, is an error, with all before it applied and kept.
  absl::Status Apply(platform::Transaction& txn, std::uint64_t from,
                     const v1::FetchEntriesResponse& fetched, absl::Time now);

 private:
  DirectoryCopy(const contract::SuiteAlgorithms& algorithms,
                const contract::Digest& pinned_genesis);
  absl::Status ApplyOne(const v1::SignedEntry& entry, absl::Time now);

  const contract::SuiteAlgorithms algorithms_;
  const contract::Digest pinned_genesis_;
  contract::SignatureChecker checker_;
  contract::DirectoryState state_;
  std::vector<contract::Digest> digests_;  // chain digest after each entry
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_DIRECTORY_DIRECTORY_COPY_H_
