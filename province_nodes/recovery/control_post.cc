#include "province_nodes/recovery/control_post.h"

#include <optional>

#include "protos/contract/errors.h"

namespace yizhan::node {

void ControlPost::Send(const v1::Control& control, Then then) {
  const std::uint64_t tag = next_tag_++;
  waiting_[tag] = std::move(then);
  v1::SubmitItem item;
  item.set_tag(tag);
  item.mutable_control()->set_record(control.SerializeAsString());
  const contract::Digest leaf =
      contract::ControlLeaf(*lane_->algorithms.hasher, item.control().record());
  lane_->sign_queue.Add(
      leaf, [this, tag, item = std::move(item)](const v1::Signature* signature) mutable {
        if (signature == nullptr) {
          const auto waiting = waiting_.find(tag);
          if (waiting == waiting_.end()) return absl::OkStatus();
          const Then tell = std::move(waiting->second);
          waiting_.erase(waiting);
          return tell(absl::UnavailableError("the signing key does not answer"));
        }
        *item.mutable_control()->mutable_signature() = *signature;
        outbox_->Submit(std::move(item));
        return absl::OkStatus();
      });
}

absl::StatusOr<bool> ControlPost::OnResult(const v1::SubmitResult& result) {
  const auto waiting = waiting_.find(result.tag());
  if (waiting == waiting_.end()) return result.tag() >= kFirstTag && result.tag() < next_tag_;
  const Then then = std::move(waiting->second);
  waiting_.erase(waiting);
  const absl::Status answer =
      result.control_stored() ? absl::OkStatus() : contract::MakeError(result.error());
  if (absl::Status status = then(answer); !status.ok()) return status;
  return true;
}

}  // namespace yizhan::node
