#include "protos/contract/verified_batches.h"

#include <utility>

#include "absl/container/inlined_vector.h"

namespace yizhan::contract {
namespace {

// Key id and count have fixed lengths, so that no two batches share a key.
class BatchKey {
 public:
  explicit BatchKey(const v1::Signature& signature) {
    for (int shift = 0; shift < 64; shift += 8) {
      bytes_.push_back(static_cast<char>(signature.leaf_count() >> shift));
    }
    bytes_.insert(bytes_.end(), signature.key_id().begin(), signature.key_id().end());
    bytes_.insert(bytes_.end(), signature.root_signature().begin(),
                  signature.root_signature().end());
  }
  absl::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  absl::InlinedVector<char, 192> bytes_;
};

}  // namespace

bool VerifiedBatches::Has(const v1::Signature& signature) const {
  return by_batch_.contains(BatchKey(signature).view());
}

VerifiedTree* VerifiedBatches::Find(const v1::Signature& signature) {
  const auto found = by_batch_.find(BatchKey(signature).view());
  if (found == by_batch_.end()) return nullptr;
  by_use_.splice(by_use_.begin(), by_use_, found->second);
  return &*found->second;
}

VerifiedTree& VerifiedBatches::Add(const v1::Signature& signature, const Digest& root) {
  Shrink();
  VerifiedTree& tree = by_use_.emplace_front();
  tree.batch = std::string(BatchKey(signature).view());
  tree.root = root;
  by_batch_.emplace(tree.batch, by_use_.begin());
  return tree;
}

void VerifiedBatches::AddNode(VerifiedTree& tree, TreePlace at, const Digest& digest) {
  if (tree.nodes.emplace(at, digest).second) ++nodes_;
}

void VerifiedBatches::Shrink() {
  while (!by_use_.empty() && (by_use_.size() >= max_batches_ || nodes_ > max_nodes_)) {
    nodes_ -= by_use_.back().nodes.size();
    by_batch_.erase(by_use_.back().batch);
    by_use_.pop_back();
  }
}

void VerifiedBatches::Clear() {
  by_batch_.clear();
  by_use_.clear();
  nodes_ = 0;
}

}  // namespace yizhan::contract
