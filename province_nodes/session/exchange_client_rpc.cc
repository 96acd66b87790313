#include <chrono>
#include <cstdint>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "adapters/platform/mutex/mutex.h"
#include "adapters/platform/rpc/client_stream.h"
#include "adapters/platform/rpc/status.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "province_nodes/app/node_core.h"
#include "province_nodes/session/exchange_client.h"
#include "yizhan/v1/directory.grpc.pb.h"
#include "yizhan/v1/exchange.grpc.pb.h"

namespace yizhan::node {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(10);
// What waits to be written is bounded by the outbox (messages in flight) and by
// credit (receipts); the queue only has to be larger than both.
constexpr std::size_t kMaxQueuedFrames = 16384;
constexpr std::size_t kMaxQueuedBytes = std::size_t{512} << 20;

using SubmitStream = platform::ClientStream<v1::SubmitResponse, v1::SubmitRequest>;
using ReceiveStream = platform::ClientStream<v1::ReceiveResponse, v1::ReceiveRequest>;

platform::StreamOptions QueueBounds() {
  platform::StreamOptions options;
  options.max_queued_messages = kMaxQueuedFrames;
  options.max_queued_bytes = kMaxQueuedBytes;
  return options;
}

// A unary call under way; frees itself with its callback.
template <typename Request, typename Response>
struct Call {
  grpc::ClientContext context;
  Request request;
  Response response;
};

}  // namespace

struct ExchangeClient::Impl : std::enable_shared_from_this<Impl> {
  Impl(const std::shared_ptr<grpc::Channel>& channel, Post post_to_core)
      : post(std::move(post_to_core)) {
    UseChannel(channel);
  }

  // --- from any thread ---
  void PostOf(std::uint64_t of_session, CoreEvent event) {
    platform::MutexLock lock(&mutex);
    if (closed) return;
    post([self = shared_from_this(), of_session, event = std::move(event)](NodeCore& core) {
      if (of_session == self->session) event(core);
    });
  }
  void PostEnd(std::uint64_t of_session, const absl::Status& status) {
    PostOf(of_session, [self = shared_from_this(), status](NodeCore& core) {
      self->EndSession();
      core.OnDisconnected(
          status.ok() ? absl::UnavailableError("the broker ended the session") : status,
          self->Now());
    });
  }
  void Began() {
    platform::MutexLock lock(&mutex);
    ++running;
  }
  void Ended() {
    platform::MutexLock lock(&mutex);
    --running;
    all_ended.NotifyAll();
  }
  static absl::Time Now() { return absl::Now(); }

  // --- on the core's thread ---
  // Calls under way keep the channel that they began on.
  void UseChannel(const std::shared_ptr<grpc::Channel>& channel) {
    exchange = v1::Exchange::NewStub(channel);
    directory = v1::Directory::NewStub(channel);
  }
  void EndSession() {
    ++session;
    if (submit != nullptr) submit->Abort(absl::CancelledError("the session has ended"));
    if (receive != nullptr) receive->Abort(absl::CancelledError("the session has ended"));
    submit = nullptr;
    receive = nullptr;
  }

  template <typename Stream, typename In>
  void Start(const std::shared_ptr<Stream>& stream,
             void (NodeCore::*on_message)(const In&, absl::Time)) {
    Began();
    platform::StreamEvents<In> events;
    const std::uint64_t of_session = session;
    events.on_message = [self = shared_from_this(), of_session, on_message](In message) {
      self->PostOf(of_session, [on_message, message = std::move(message)](NodeCore& core) {
        (core.*on_message)(message, Now());
      });
      return platform::Reading::kGoOn;
    };
    events.on_closed = [self = shared_from_this(), of_session](const absl::Status& status) {
      self->PostEnd(of_session, status);
      self->Ended();
    };
    stream->Start(std::move(events));
  }

  const Post post;

  // The core's thread alone.
  std::unique_ptr<v1::Exchange::Stub> exchange;
  std::unique_ptr<v1::Directory::Stub> directory;
  std::uint64_t session = 0;
  std::shared_ptr<SubmitStream> submit;
  std::shared_ptr<ReceiveStream> receive;

  platform::Mutex mutex;
  platform::CondVar all_ended;
  bool closed ABSL_GUARDED_BY(mutex) = false;
  int running ABSL_GUARDED_BY(mutex) = 0;
};

ExchangeClient::ExchangeClient(std::shared_ptr<grpc::Channel> channel, Post post)
    : impl_(std::make_shared<Impl>(channel, std::move(post))) {}

ExchangeClient::~ExchangeClient() {
  {
    platform::MutexLock lock(&impl_->mutex);
    impl_->closed = true;
  }
  impl_->EndSession();
  platform::MutexLock lock(&impl_->mutex);
  while (impl_->running > 0) impl_->all_ended.Wait(&impl_->mutex);
}

void ExchangeClient::UseChannel(std::shared_ptr<grpc::Channel> channel) {
  impl_->UseChannel(channel);
  impl_->PostEnd(impl_->session, absl::UnavailableError("the node's certificate was changed"));
}

void ExchangeClient::OpenSession(const v1::OpenSessionRequest& request) {
  impl_->EndSession();
  const std::uint64_t of_session = impl_->session;
  auto call = std::make_shared<Call<v1::OpenSessionRequest, v1::OpenSessionResponse>>();
  call->request = request;
  call->context.set_deadline(std::chrono::system_clock::now() +
                             absl::ToChronoSeconds(kCallTimeout));
  impl_->Began();
  impl_->exchange->async()->OpenSession(
      &call->context, &call->request, &call->response,
      [impl = impl_, call, of_session](const grpc::Status& status) {
        if (status.ok()) {
          impl->PostOf(of_session, [call](NodeCore& core) {
            core.OnSessionOpened(call->response, Impl::Now());
          });
        } else {
          impl->PostEnd(of_session, platform::FromGrpc(status));
        }
        impl->Ended();
      });
}

void ExchangeClient::SendSubmit(v1::SubmitRequest request) {
  if (impl_->submit == nullptr) {
    impl_->submit = SubmitStream::Make(
        [impl = impl_](auto* context, auto* reactor) {
          impl->exchange->async()->Submit(context, reactor);
        },
        QueueBounds());
    impl_->Start<SubmitStream, v1::SubmitResponse>(impl_->submit, &NodeCore::OnSubmitResponse);
  }
  if (!impl_->submit->Send(std::move(request))) {
    impl_->PostEnd(impl_->session, absl::UnavailableError("the submit stream takes no more"));
  }
}

void ExchangeClient::SendReceive(v1::ReceiveRequest request) {
  if (impl_->receive == nullptr) {
    impl_->receive = ReceiveStream::Make(
        [impl = impl_](auto* context, auto* reactor) {
          impl->exchange->async()->Receive(context, reactor);
        },
        QueueBounds());
    impl_->Start<ReceiveStream, v1::ReceiveResponse>(impl_->receive, &NodeCore::OnReceiveResponse);
  }
  if (!impl_->receive->Send(std::move(request))) {
    impl_->PostEnd(impl_->session, absl::UnavailableError("the receive stream takes no more"));
  }
}

void ExchangeClient::CloseSession() { impl_->EndSession(); }

void ExchangeClient::FetchDirectory(const v1::FetchEntriesRequest& request) {
  auto call = std::make_shared<Call<v1::FetchEntriesRequest, v1::FetchEntriesResponse>>();
  call->request = request;
  call->context.set_deadline(std::chrono::system_clock::now() +
                             absl::ToChronoSeconds(kCallTimeout));
  impl_->Began();
  impl_->directory->async()->FetchEntries(
      &call->context, &call->request, &call->response,
      [impl = impl_, call](const grpc::Status& status) {
        absl::StatusOr<v1::FetchEntriesResponse> response = call->response;
        if (!status.ok()) response = platform::FromGrpc(status);
        {
          // Of whatever session: the directory is one.
          platform::MutexLock lock(&impl->mutex);
          if (!impl->closed) {
            impl->post([request = call->request, response = std::move(response)](NodeCore& core) {
              core.OnDirectoryEntries(request, response, Impl::Now());
            });
          }
        }
        impl->Ended();
      });
}

void ExchangeClient::AppendEntry(const v1::AppendEntryRequest& request) {
  auto call = std::make_shared<Call<v1::AppendEntryRequest, v1::AppendEntryResponse>>();
  call->request = request;
  call->context.set_deadline(std::chrono::system_clock::now() +
                             absl::ToChronoSeconds(kCallTimeout));
  impl_->Began();
  impl_->directory->async()->AppendEntry(
      &call->context, &call->request, &call->response,
      [impl = impl_, call](const grpc::Status& status) {
        {
          platform::MutexLock lock(&impl->mutex);
          if (!impl->closed) {
            impl->post([appended = platform::FromGrpc(status)](NodeCore& core) {
              core.OnEntryAppended(appended, Impl::Now());
            });
          }
        }
        impl->Ended();
      });
}

}  // namespace yizhan::node
