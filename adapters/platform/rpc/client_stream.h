// The client's end of a bidirectional gRPC stream.
#ifndef YIZHAN_ADAPTERS_PLATFORM_RPC_CLIENT_STREAM_H_
#define YIZHAN_ADAPTERS_PLATFORM_RPC_CLIENT_STREAM_H_

#include <functional>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "adapters/platform/rpc/message_stream.h"
#include "adapters/platform/rpc/status.h"
#include "adapters/platform/rpc/stream_base.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/client_callback.h"

namespace yizhan::platform {

//   auto stream = ClientStream<SubmitResponse, SubmitRequest>::Make(
//       [stub](auto* context, auto* reactor) { stub->async()->Submit(context, reactor); });
//   stream->Start({.on_message = ..., .on_closed = ...});
//
// 1. Between Start and the end, gRPC's call keeps the stream alive; handles may
//    outlive the call and then do nothing. What `bind` captured lives as long.
// 2. At most one read and one write are under way. The hold by which calls may
//    begin outside of gRPC's callbacks is given back exactly once, when no read
//    will begin any more; after that no write begins either.
// 3. gRPC is called under mutex_, except for TryCancel; the events never are.
template <typename In, typename Out>
class ClientStream final : public StreamBase<In, Out> {
  using Base = StreamBase<In, Out>;

 public:
  using Bind = std::function<void(grpc::ClientContext*, grpc::ClientBidiReactor<Out, In>*)>;

  static std::shared_ptr<ClientStream> Make(Bind bind, StreamOptions options = {}) {
    std::shared_ptr<ClientStream> stream(new ClientStream(std::move(bind), options));
    stream->self_ = stream;
    return stream;
  }

  void Start(StreamEvents<In> events) override {
    MutexLock lock(&mutex_);
    events_ = std::move(events);
    call_ = new Call(self_.lock());
    bind_(&call_->context, call_);
    call_->AddHold();
    if (gate_.Open()) call_->StartRead(&incoming_);
    call_->StartCall();
    Pump();
  }

  void ResumeReading() override {
    MutexLock lock(&mutex_);
    if (!released_ && gate_.Resume()) call_->StartRead(&incoming_);
  }

  void Close(absl::Status status) override {
    if (!status.ok()) return Abort(std::move(status));
    MutexLock lock(&mutex_);
    closing_ = true;
    Pump();
  }

  void Abort(absl::Status status) override {
    grpc::ClientContext* context = nullptr;
    {
      MutexLock lock(&mutex_);
      closing_ = true;
      queue_.Clear();
      if (call_ == nullptr || released_ || aborted_) return;
      aborted_ = true;
      status_ = status.ok() ? absl::CancelledError("aborted") : std::move(status);
      cancelling_ = true;  // keeps the hold, and so the context, until the next block
      context = &call_->context;
    }
    context->TryCancel();
    MutexLock lock(&mutex_);
    cancelling_ = false;
    ReleaseIfOver();
  }

 private:
  using Base::cancelling_, Base::closing_, Base::events_, Base::gate_, Base::incoming_,
      Base::mutex_, Base::outgoing_, Base::queue_, Base::status_, Base::writing_;

  // Owned by gRPC; deletes itself at the end.
  class Call final : public grpc::ClientBidiReactor<Out, In> {
   public:
    explicit Call(std::shared_ptr<ClientStream> stream) : stream_(std::move(stream)) {}
    void OnReadDone(bool ok) override { stream_->OnRead(ok); }
    void OnWriteDone(bool ok) override { stream_->OnWritten(ok); }
    void OnWritesDoneDone(bool ok) override { stream_->OnWritten(ok); }
    void OnDone(const grpc::Status& status) override {
      stream_->OnEnded(status);
      delete this;
    }
    grpc::ClientContext context;

   private:
    const std::shared_ptr<ClientStream> stream_;
  };

  ClientStream(Bind bind, const StreamOptions& options) : Base(options), bind_(std::move(bind)) {}

  // Writes what is next: a message, or the end of ours.
  void Pump() override ABSL_EXCLUSIVE_LOCKS_REQUIRED(this->mutex_) {
    if (call_ == nullptr || writing_ || released_ || broken_ || aborted_ || half_closed_) return;
    if (!queue_.empty()) {
      outgoing_ = queue_.Pop();
      writing_ = true;
      call_->StartWrite(&outgoing_);
    } else if (closing_) {
      half_closed_ = true;
      writing_ = true;
      call_->StartWritesDone();
    }
  }

  // The server has ended the stream; its last messages are still read.
  void WriteFailed() override ABSL_EXCLUSIVE_LOCKS_REQUIRED(this->mutex_) {
    broken_ = true;
    closing_ = true;
  }

  void ReleaseIfOver() ABSL_EXCLUSIVE_LOCKS_REQUIRED(this->mutex_) {
    if (released_ || cancelling_ || gate_.busy()) return;
    if (!gate_.over() && !aborted_) return;
    released_ = true;
    call_->RemoveHold();
  }

  void OnRead(bool ok) {
    In message;
    {
      MutexLock lock(&mutex_);
      if (!ok || aborted_) {
        gate_.Stop();
        closing_ = true;
        queue_.Clear();
        ReleaseIfOver();
        return;
      }
      gate_.BeginDelivery();
      message = std::move(incoming_);
    }
    const Reading wish = events_.on_message(std::move(message));
    MutexLock lock(&mutex_);
    if (aborted_) {
      gate_.Stop();
    } else if (gate_.EndDelivery(wish)) {
      call_->StartRead(&incoming_);
    }
    ReleaseIfOver();
  }

  // gRPC's last call, when nothing else of it runs.
  void OnEnded(const grpc::Status& from_server) {
    StreamEvents<In> events;
    absl::Status status;
    {
      MutexLock lock(&mutex_);
      call_ = nullptr;
      bind_ = nullptr;
      closing_ = true;
      events = this->TakeEvents();
      status = aborted_ ? status_ : FromGrpc(from_server);
    }
    if (events.on_closed) events.on_closed(status);
  }

  std::weak_ptr<ClientStream> self_;  // constant after Make

  Bind bind_ ABSL_GUARDED_BY(this->mutex_);
  Call* call_ ABSL_GUARDED_BY(this->mutex_) = nullptr;  // null before Start and after the end
  bool half_closed_ ABSL_GUARDED_BY(this->mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(this->mutex_) = false;  // a write failed
  bool aborted_ ABSL_GUARDED_BY(this->mutex_) = false;
  bool released_ ABSL_GUARDED_BY(this->mutex_) = false;  // the hold is given back
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_RPC_CLIENT_STREAM_H_
