// Control records of a recovery on their way to the broker.
#ifndef YIZHAN_PROVINCE_NODES_RECOVERY_CONTROL_POST_H_
#define YIZHAN_PROVINCE_NODES_RECOVERY_CONTROL_POST_H_

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "province_nodes/outbox/outbox.h"
#include "province_nodes/store/lane.h"

namespace yizhan::node {

// One thread; the pointers must outlive this object. In memory alone: what was
// on its way when a session or the process ended is sent again by its owner.
class ControlPost {
 public:
  ControlPost(Lane* lane, Outbox* outbox) : lane_(lane), outbox_(outbox) {}

  // Called once with OK when the broker has stored the record, or with why not.
  // Not called for what a session's end took away. Returns storage errors only.
  using Then = std::function<absl::Status(const absl::Status& answer)>;
  void Send(const v1::Control& control, Then then);
  // False for a tag that is not of this object.
  absl::StatusOr<bool> OnResult(const v1::SubmitResult& result);
  void SessionClosed() { waiting_.clear(); }

 private:
  // Apart from the tags of outbox and taps.
  static constexpr std::uint64_t kFirstTag = std::uint64_t{1} << 62;

  Lane* const lane_;
  Outbox* const outbox_;
  std::uint64_t next_tag_ = kFirstTag;
  std::map<std::uint64_t, Then> waiting_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_RECOVERY_CONTROL_POST_H_
