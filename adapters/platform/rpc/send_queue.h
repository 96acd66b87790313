// What waits to be written to a stream.
#ifndef YIZHAN_ADAPTERS_PLATFORM_RPC_SEND_QUEUE_H_
#define YIZHAN_ADAPTERS_PLATFORM_RPC_SEND_QUEUE_H_

#include <cstddef>
#include <deque>
#include <utility>

#include "adapters/platform/rpc/message_stream.h"

namespace yizhan::platform {

// Bounded by count and bytes. Guarded by its owner's mutex.
template <typename Out>
class SendQueue {
 public:
  explicit SendQueue(const StreamOptions& options) : options_(options) {}

  // False where there is no room; remembered until TakeRelief.
  bool Push(Out&& message) {
    const std::size_t size = message.ByteSizeLong();
    const bool fits = waiting_.size() < options_.max_queued_messages &&
                      bytes_ + size <= options_.max_queued_bytes;
    if (!waiting_.empty() && !fits) {
      refused_ = true;
      return false;
    }
    bytes_ += size;
    waiting_.emplace_back(std::move(message), size);
    return true;
  }
  Out Pop() {
    Out out = std::move(waiting_.front().first);
    bytes_ -= waiting_.front().second;
    waiting_.pop_front();
    return out;
  }
  // True once after a refused Push, when half of the room is free.
  bool TakeRelief() {
    if (!refused_ || 2 * waiting_.size() > options_.max_queued_messages ||
        2 * bytes_ > options_.max_queued_bytes) {
      return false;
    }
    refused_ = false;
    return true;
  }
  bool empty() const { return waiting_.empty(); }
  void Clear() {
    waiting_.clear();
    bytes_ = 0;
  }

 private:
  const StreamOptions options_;
  std::deque<std::pair<Out, std::size_t>> waiting_;
  std::size_t bytes_ = 0;
  bool refused_ = false;
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_RPC_SEND_QUEUE_H_
