// The receiving end of a load: in memory, with signed receipts.
#ifndef YIZHAN_TOOLS_LOAD_LOAD_RECIPIENT_H_
#define YIZHAN_TOOLS_LOAD_LOAD_RECIPIENT_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "adapters/platform/mutex/mutex.h"
#include "tools/load/load_book.h"
#include "tools/load/load_session.h"
#include "tools/load/message_maker.h"

namespace yizhan::tools {

// Signs the delivery receipts of a frame as one batch. Messages of other loads
// are left alone. Thread-safe. What the pointers name must outlive this object.
class LoadRecipient {
 public:
  LoadRecipient(LoadId load, const LoadParty* party, LoadBook* book)
      : load_(load), party_(party), book_(book) {}

  absl::Status Open(contract::Random& random);
  // Gives the first credit: deliveries begin.
  void Begin(std::uint64_t credit_messages);
  std::uint64_t signatures() const { return signatures_; }
  absl::Status lost() const;

 private:
  void OnReceived(const v1::ReceiveResponse& response);

  const LoadId load_;
  const LoadParty* const party_;
  LoadBook* const book_;
  std::atomic<std::uint64_t> signatures_ = 0;

  mutable platform::Mutex mutex_;
  absl::Status lost_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<LoadSession> session_;  // last: its events use the rest
};

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_LOAD_LOAD_RECIPIENT_H_
