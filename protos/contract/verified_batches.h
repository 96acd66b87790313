// Batches whose root signature has been verified, with the nodes of their trees
// that were seen: most leaves of a batch then cost one or two digests.
#ifndef YIZHAN_PROTOS_CONTRACT_VERIFIED_BATCHES_H_
#define YIZHAN_PROTOS_CONTRACT_VERIFIED_BATCHES_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/envelope.pb.h"

namespace yizhan::contract {

// Place of a node: leaves are on level 0. A last node without a sibling is
// promoted, and its place is the one where it gets one.
struct TreePlace {
  std::uint32_t level = 0;
  std::uint32_t place = 0;
  friend bool operator==(const TreePlace&, const TreePlace&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const TreePlace& at) {
    return H::combine(std::move(h), at.level, at.place);
  }
};

// Verified nodes of one tree. Invariant: with a node its ancestors and their
// siblings are here, up to the root.
struct VerifiedTree {
  std::string batch;  // its key
  Digest root;
  absl::flat_hash_map<TreePlace, Digest> nodes;
};

// One thread. A batch is known by key id, leaf count and the whole root
// signature: one of these with another root cannot verify.
class VerifiedBatches {
 public:
  // The least recently used ones leave first.
  VerifiedBatches(std::size_t max_batches, std::size_t max_nodes)
      : max_batches_(max_batches), max_nodes_(max_nodes) {}
  VerifiedBatches(const VerifiedBatches&) = delete;
  VerifiedBatches& operator=(const VerifiedBatches&) = delete;

  bool Has(const v1::Signature& signature) const;
  // Null where it is not known; valid until the next call of Add or Clear.
  VerifiedTree* Find(const v1::Signature& signature);
  // Of a batch that is not known yet.
  VerifiedTree& Add(const v1::Signature& signature, const Digest& root);
  void AddNode(VerifiedTree& tree, TreePlace at, const Digest& digest);
  void Clear();

 private:
  void Shrink();

  const std::size_t max_batches_;
  const std::size_t max_nodes_;
  std::size_t nodes_ = 0;
  std::list<VerifiedTree> by_use_;  // latest first
  absl::flat_hash_map<absl::string_view, std::list<VerifiedTree>::iterator> by_batch_;
};

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_VERIFIED_BATCHES_H_
