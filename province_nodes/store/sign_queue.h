// What a group wants signed, as one batch with one asymmetric operation.
#ifndef YIZHAN_PROVINCE_NODES_STORE_SIGN_QUEUE_H_
#define YIZHAN_PROVINCE_NODES_STORE_SIGN_QUEUE_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "protos/contract/signing.h"

namespace yizhan::node {

// One thread.
class SignQueue {
 public:
  // Called with the signature, or with nullptr where the signer does not
  // answer. Returns storage errors only.
  using Then = std::function<absl::Status(const v1::Signature* signature)>;

  void Add(const contract::Digest& leaf, Then then) {
    leaves_.push_back(leaf);
    then_.push_back(std::move(then));
  }
  bool empty() const { return leaves_.empty(); }
  std::size_t size() const { return leaves_.size(); }
  // Forgets what was added after the queue had this size.
  void Truncate(std::size_t size) {
    leaves_.resize(size);
    then_.resize(size);
  }

  // Signs everything and calls every Then, in order. `signer_answer` gets the
  // signer's error, if any; the result is a storage error of a Then.
  absl::Status SignAll(const contract::Signer& signer, const contract::Hasher& hasher,
                       absl::Status& signer_answer);

 private:
  std::vector<contract::Digest> leaves_;
  std::vector<Then> then_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_STORE_SIGN_QUEUE_H_
