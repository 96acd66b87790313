// What both ends of a bidirectional gRPC stream have in common.
#ifndef YIZHAN_ADAPTERS_PLATFORM_RPC_STREAM_BASE_H_
#define YIZHAN_ADAPTERS_PLATFORM_RPC_STREAM_BASE_H_

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "adapters/platform/mutex/mutex.h"
#include "adapters/platform/rpc/message_stream.h"
#include "adapters/platform/rpc/read_gate.h"
#include "adapters/platform/rpc/send_queue.h"

namespace yizhan::platform {

// The queue of what is to be written, the gate of what is read, and the events.
// At most one read and one write are under way. gRPC is called under mutex_,
// except for TryCancel; the events never are.
template <typename In, typename Out>
class StreamBase : public MessageStream<In, Out> {
 public:
  bool Send(Out message) override {
    MutexLock lock(&mutex_);
    if (closing_ || !queue_.Push(std::move(message))) return false;
    Pump();
    return true;
  }

  bool closed() const override {
    MutexLock lock(&mutex_);
    return closing_;
  }

 protected:
  explicit StreamBase(const StreamOptions& options) : queue_(options) {}

  // Writes what is next, if nothing is being written.
  virtual void Pump() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;
  // A write did not reach the peer: takes no more messages.
  virtual void WriteFailed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;

  // gRPC's callback of a write.
  void OnWritten(bool ok) {
    bool relief = false;
    {
      MutexLock lock(&mutex_);
      writing_ = false;
      if (!ok) {
        WriteFailed();
        queue_.Clear();
      }
      Pump();
      relief = !closing_ && queue_.TakeRelief();
    }
    if (relief && events_.on_writable) events_.on_writable();
  }

  // At the end: the events, to be called and destroyed outside of the mutex.
  StreamEvents<In> TakeEvents() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    StreamEvents<In> events = std::move(events_);
    events_ = {};
    return events;
  }

  StreamEvents<In> events_;  // set by Start before the first read; read by gRPC's callbacks

  mutable Mutex mutex_;
  ReadGate gate_ ABSL_GUARDED_BY(mutex_);
  SendQueue<Out> queue_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);  // the one given here, if any
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;  // takes no more messages
  bool cancelling_ ABSL_GUARDED_BY(mutex_) = false;
  In incoming_;   // gRPC's while the gate is in flight
  Out outgoing_;  // gRPC's while writing_
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_RPC_STREAM_BASE_H_
