// What became of each message of a load.
#ifndef YIZHAN_TOOLS_LOAD_LOAD_BOOK_H_
#define YIZHAN_TOOLS_LOAD_LOAD_BOOK_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "adapters/platform/mutex/mutex.h"

namespace yizhan::tools {

// Milliseconds at which half, 99 of 100, and all were done.
struct Quantiles {
  std::size_t count = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double max_ms = 0;
};
Quantiles QuantilesOf(std::vector<float> milliseconds);

// Messages have the numbers 0 to count - 1; the first `busy` of them are what
// rates are counted of. Thread-safe, where each number's steps come one after the
// other. Times are monotonic.
class LoadBook {
 public:
  LoadBook(std::size_t count, std::uint64_t busy);

  // When the message was there to be sent, whether credit let it go or not.
  void Due(std::uint64_t number, absl::Duration at);
  void Accepted(std::uint64_t number, absl::Duration at);
  void Refused(std::uint64_t number, const std::string& why, absl::Duration at);
  // At the recipient.
  void Delivered(std::uint64_t number);
  // The sender holds the recipient's receipt.
  void Receipted(std::uint64_t number, absl::Duration at);

  std::size_t count() const { return messages_.size(); }
  std::uint64_t accepted() const { return accepted_; }
  std::uint64_t refused() const { return refused_; }
  std::uint64_t delivered() const { return delivered_; }
  std::uint64_t delivered_again() const { return delivered_again_; }
  std::uint64_t receipted() const { return receipted_; }
  std::string first_refusal() const;
  // When the last busy message was accepted or refused, and receipted or refused;
  // infinite before.
  absl::Duration all_accepted_at() const;
  absl::Duration all_receipted_at() const;

  // Of messages first to end - 1, in milliseconds from when they were due.
  Quantiles AcceptedAfter(std::uint64_t first, std::uint64_t end) const;
  Quantiles ReceiptedAfter(std::uint64_t first, std::uint64_t end) const;

 private:
  struct Message {
    absl::Duration due;
    float accepted_ms = -1;
    float receipted_ms = -1;
    std::atomic<bool> delivered = false;
  };

  void Count(std::uint64_t number, absl::Duration at, std::uint64_t& ended, absl::Duration& when)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::uint64_t busy_;
  std::vector<Message> messages_;
  std::atomic<std::uint64_t> accepted_ = 0;
  std::atomic<std::uint64_t> refused_ = 0;
  std::atomic<std::uint64_t> delivered_ = 0;
  std::atomic<std::uint64_t> delivered_again_ = 0;
  std::atomic<std::uint64_t> receipted_ = 0;
  mutable platform::Mutex mutex_;
  std::uint64_t busy_accepted_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t busy_receipted_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration all_accepted_at_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteDuration();
  absl::Duration all_receipted_at_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteDuration();
  std::string first_refusal_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_LOAD_LOAD_BOOK_H_
