#include "province_nodes/store/sign_queue.h"

#include <algorithm>

#include "absl/types/span.h"
#include "province_nodes/store/proto_io.h"

namespace yizhan::node {
namespace {

// Paths of 10 digests: larger batches save little and lengthen every message.
constexpr std::size_t kLeavesOfABatch = 1024;

}  // namespace

absl::Status SignQueue::SignAll(const contract::Signer& signer, const contract::Hasher& hasher,
                                absl::Status& signer_answer) {
  const std::vector<contract::Digest> leaves = std::exchange(leaves_, {});
  const std::vector<Then> then = std::exchange(then_, {});
  for (std::size_t begin = 0; begin < leaves.size(); begin += kLeavesOfABatch) {
    const std::size_t count = std::min(kLeavesOfABatch, leaves.size() - begin);
    absl::StatusOr<std::vector<v1::Signature>> signatures =
        contract::SignBatch(signer, hasher, absl::MakeConstSpan(leaves).subspan(begin, count));
    if (!signatures.ok()) signer_answer = signatures.status();
    for (std::size_t i = 0; i < count; ++i) {
      YIZHAN_RETURN_IF_ERROR(then[begin + i](signatures.ok() ? &(*signatures)[i] : nullptr));
    }
  }
  return absl::OkStatus();
}

}  // namespace yizhan::node
