// The sending end of a load: frames made beforehand, sent by plan and credit.
#ifndef YIZHAN_TOOLS_LOAD_LOAD_SENDER_H_
#define YIZHAN_TOOLS_LOAD_LOAD_SENDER_H_

#include <cstdint>
#include <deque>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "adapters/platform/mutex/mutex.h"
#include "tools/load/load_book.h"
#include "tools/load/load_session.h"
#include "tools/load/message_maker.h"

namespace yizhan::tools {

// Which messages one sender sends.
struct SenderPlan {
  std::uint64_t first = 0;  // number of its first message
  std::uint64_t count = 0;
  std::size_t batch = 1;  // messages of a frame, signed together
  std::size_t body_bytes = 1024;
  // Time between two frames; zero: as credit allows.
  absl::Duration every;
};

// Open, Prepare, then Begin; then Tick until the book is full. Thread-safe. What
// the pointers name must outlive this object.
class LoadSender {
 public:
  LoadSender(LoadId load, const LoadParty* party, SenderPlan plan, LoadBook* book)
      : load_(load), party_(party), plan_(plan), book_(book) {}

  absl::Status Open(contract::Random& random);
  // Seals and signs all.
  absl::Status Prepare(const std::vector<const LoadParty*>& recipients, contract::Random& random,
                       absl::Time now);
  // The first frame is due at `start`.
  void Begin(absl::Duration start, absl::Duration now);
  // Sends what is due; returns when the next frame is, infinite for none.
  absl::Duration Tick(absl::Duration now);
  const SenderPlan& plan() const { return plan_; }
  absl::Status lost() const;

 private:
  void SendWhatMayGo(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnResults(const v1::SubmitResponse& response);
  void OnReceived(const v1::ReceiveResponse& response);

  const LoadId load_;
  const LoadParty* const party_;
  const SenderPlan plan_;
  LoadBook* const book_;

  mutable platform::Mutex mutex_;
  std::deque<v1::SubmitRequest> waiting_ ABSL_GUARDED_BY(mutex_);  // not sent yet
  std::uint64_t due_ ABSL_GUARDED_BY(mutex_) = 0;                  // frames of it that are due
  std::uint64_t begun_ ABSL_GUARDED_BY(mutex_) = 0;                // frames ever due
  absl::Duration next_due_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteDuration();
  std::uint64_t unanswered_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t credit_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status lost_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<LoadSession> session_;  // last: its events use the rest
};

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_LOAD_LOAD_SENDER_H_
