// One end of a bidirectional stream of messages, without gRPC's types, so that
// sessions can be tested with a stream of their own.
#ifndef YIZHAN_ADAPTERS_PLATFORM_RPC_MESSAGE_STREAM_H_
#define YIZHAN_ADAPTERS_PLATFORM_RPC_MESSAGE_STREAM_H_

#include <cstddef>
#include <functional>

#include "absl/status/status.h"
#include "protos/contract/limits.h"

namespace yizhan::platform {

enum class Reading {
  kGoOn,   // the next message may come
  kPause,  // none until ResumeReading; the peer waits (flow control)
};

// Called on gRPC's threads; they must not block. `on_message` is called for one
// message at a time. `on_writable` may run at the same time as `on_message`.
// After `on_closed`, which is called exactly once per started stream, nothing
// is called and all three functions are destroyed, with what they captured.
template <typename In>
struct StreamEvents {
  std::function<Reading(In message)> on_message = nullptr;
  // The stream has ended: by the status given to Close or Abort here, by the
  // peer's status, or because the peer vanished (CANCELLED, UNAVAILABLE).
  std::function<void(const absl::Status& status)> on_closed = nullptr;
  // Optional: after a Send that found the queue full, half of it is free again.
  std::function<void()> on_writable = nullptr;
  // Optional, server only: the client sends nothing more and waits for the
  // end. Without it the stream is closed with OK.
  std::function<void()> on_half_closed = nullptr;
};

struct StreamOptions {
  // What may wait to be written; Send returns false beyond it. A message that
  // is larger by itself is taken when nothing else waits.
  std::size_t max_queued_messages = 1024;
  std::size_t max_queued_bytes = 2 * contract::kMaxGrpcMessageBytes;
};

// All methods from any thread, also from inside the events.
template <typename In, typename Out>
class MessageStream {
 public:
  virtual ~MessageStream() = default;

  // Begins reading. Once, before anything else; Close alone may come instead.
  virtual void Start(StreamEvents<In> events) = 0;
  // False: not queued, because the stream is closed or the queue is full. True
  // does not mean that the peer has it.
  virtual bool Send(Out message) = 0;
  virtual bool closed() const = 0;  // Send would return false, now and later
  // After Reading::kPause; harmless otherwise. While reading is paused, a
  // client may notice the stream's end only after it.
  virtual void ResumeReading() = 0;
  // What was queued is written, then the stream ends. Server: with this
  // status. Client: OK half-closes and waits for the server's status; an error
  // is Abort. The first status counts.
  virtual void Close(absl::Status status) = 0;
  // Ends now; what is queued is dropped. Also after Close. The server's peer
  // sees the status, or CANCELLED where a write was under way.
  virtual void Abort(absl::Status status) = 0;
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_RPC_MESSAGE_STREAM_H_
