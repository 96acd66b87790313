// The server's end of a bidirectional gRPC stream.
#ifndef YIZHAN_ADAPTERS_PLATFORM_RPC_SERVER_STREAM_H_
#define YIZHAN_ADAPTERS_PLATFORM_RPC_SERVER_STREAM_H_

#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "adapters/platform/rpc/message_stream.h"
#include "adapters/platform/rpc/status.h"
#include "adapters/platform/rpc/stream_base.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"

namespace yizhan::platform {

// In a handler of the callback service:
//
//   auto stream = ServerStream<SubmitRequest, SubmitResponse>::Accept(context);
//   stream->Start({.on_message = ..., .on_closed = ...});
//   return stream->reactor();
//
// 1. Between Accept and the end, gRPC's call keeps the stream alive; handles
//    may outlive the call and then do nothing.
// 2. At most one read and one write are under way; after Finish none begins.
// 3. gRPC is called under mutex_, except for TryCancel; the events never are.
template <typename In, typename Out>
class ServerStream final : public StreamBase<In, Out> {
  using Base = StreamBase<In, Out>;

 public:
  // The reactor must be returned to gRPC, whatever becomes of the stream.
  static std::shared_ptr<ServerStream> Accept(grpc::CallbackServerContext* context,
                                              StreamOptions options = {}) {
    std::shared_ptr<ServerStream> stream(new ServerStream(context, options));
    MutexLock lock(&stream->mutex_);
    stream->call_ = new Call(stream);
    return stream;
  }
  // Ends the call at once: `return ServerStream<...>::Refuse(context, status);`
  static grpc::ServerBidiReactor<In, Out>* Refuse(grpc::CallbackServerContext* context,
                                                  const absl::Status& status) {
    auto stream = Accept(context);
    auto* reactor = stream->reactor();
    stream->Close(status);
    return reactor;
  }

  // Valid until the handler has returned it.
  grpc::ServerBidiReactor<In, Out>* reactor() {
    MutexLock lock(&mutex_);
    return call_;
  }

  void Start(StreamEvents<In> events) override {
    MutexLock lock(&mutex_);
    events_ = std::move(events);
    if (!finished_ && gate_.Open()) call_->StartRead(&incoming_);
  }

  void ResumeReading() override {
    MutexLock lock(&mutex_);
    if (!finished_ && gate_.Resume()) call_->StartRead(&incoming_);
  }

  void Close(absl::Status status) override {
    MutexLock lock(&mutex_);
    BeginClosing(std::move(status));
    Pump();
  }

  void Abort(absl::Status status) override {
    {
      MutexLock lock(&mutex_);
      BeginClosing(std::move(status));
      queue_.Clear();
      Pump();
      if (finished_ || cancelling_) return;
      cancelling_ = true;  // the call, and so the context, cannot end before the next block
    }
    context_->TryCancel();
    MutexLock lock(&mutex_);
    cancelling_ = false;
    Pump();
  }

 private:
  using Base::cancelling_, Base::closing_, Base::events_, Base::gate_, Base::incoming_,
      Base::mutex_, Base::outgoing_, Base::queue_, Base::status_, Base::writing_;

  // Owned by gRPC; deletes itself at the end.
  class Call final : public grpc::ServerBidiReactor<In, Out> {
   public:
    explicit Call(std::shared_ptr<ServerStream> stream) : stream_(std::move(stream)) {}
    void OnReadDone(bool ok) override { stream_->OnRead(ok); }
    void OnWriteDone(bool ok) override { stream_->OnWritten(ok); }
    void OnCancel() override { stream_->OnCancelled(); }
    void OnDone() override {
      stream_->OnEnded();
      delete this;
    }

   private:
    const std::shared_ptr<ServerStream> stream_;
  };

  ServerStream(grpc::CallbackServerContext* context, const StreamOptions& options)
      : Base(options), context_(context) {}

  void BeginClosing(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(this->mutex_) {
    if (closing_) return;
    closing_ = true;
    status_ = std::move(status);
  }

  // Writes what is next: a message, or the end.
  void Pump() override ABSL_EXCLUSIVE_LOCKS_REQUIRED(this->mutex_) {
    if (writing_ || cancelling_ || finished_) return;
    if (!queue_.empty()) {
      outgoing_ = queue_.Pop();
      writing_ = true;
      call_->StartWrite(&outgoing_);
    } else if (closing_) {
      finished_ = true;
      call_->Finish(ToGrpc(status_));
    }
  }

  void WriteFailed() override ABSL_EXCLUSIVE_LOCKS_REQUIRED(this->mutex_) {
    BeginClosing(PeerGone());
  }

  void OnRead(bool ok) {
    In message;
    bool wanted = false;
    bool half_closed = false;
    {
      MutexLock lock(&mutex_);
      wanted = ok && !closing_;
      half_closed = !ok && !closing_;
      if (wanted) {
        gate_.BeginDelivery();
        message = std::move(incoming_);
      } else {
        gate_.Stop();
      }
    }
    if (half_closed) return OnHalfClosed();
    if (!wanted) return;
    const Reading wish = events_.on_message(std::move(message));
    MutexLock lock(&mutex_);
    if (finished_) {
      gate_.Stop();
    } else if (gate_.EndDelivery(wish)) {
      call_->StartRead(&incoming_);
    }
  }

  void OnHalfClosed() {
    if (events_.on_half_closed) return events_.on_half_closed();
    Close(absl::OkStatus());
  }

  void OnCancelled() {
    MutexLock lock(&mutex_);
    cancelled_ = true;
    BeginClosing(PeerGone());
    queue_.Clear();
    Pump();
  }

  // gRPC's last call, when nothing else of it runs.
  void OnEnded() {
    StreamEvents<In> events;
    absl::Status status;
    {
      MutexLock lock(&mutex_);
      call_ = nullptr;
      gate_.Stop();
      events = this->TakeEvents();
      status = cancelled_ && status_.ok() ? PeerGone() : status_;
    }
    if (events.on_closed) events.on_closed(status);
  }

  static absl::Status PeerGone() { return absl::CancelledError("the peer ended the stream"); }

  grpc::CallbackServerContext* const context_;  // lives until the call has ended

  Call* call_ ABSL_GUARDED_BY(this->mutex_) = nullptr;    // null once the call has ended
  bool finished_ ABSL_GUARDED_BY(this->mutex_) = false;   // gRPC has the final status
  bool cancelled_ ABSL_GUARDED_BY(this->mutex_) = false;  // the peer, or Abort
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_RPC_SERVER_STREAM_H_
