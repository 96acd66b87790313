#include "tools/load/load_session.h"

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "adapters/platform/rpc/client_stream.h"
#include "adapters/platform/rpc/status.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "protos/contract/limits.h"
#include "yizhan/v1/exchange.grpc.pb.h"

namespace yizhan::tools {
namespace {

using SubmitStream = platform::ClientStream<v1::SubmitResponse, v1::SubmitRequest>;
using ReceiveStream = platform::ClientStream<v1::ReceiveResponse, v1::ReceiveRequest>;

// Bounded by credit, not by the queue.
platform::StreamOptions QueueBounds() {
  platform::StreamOptions options;
  options.max_queued_messages = 65536;
  options.max_queued_bytes = std::size_t{1} << 30;
  return options;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LoadSession>> LoadSession::Open(const LoadParty& party,
                                                               contract::Random& random,
                                                               Events events) {
  std::unique_ptr<LoadSession> session(new LoadSession(party, std::move(events)));
  if (absl::Status s = session->Begin(party.province, random); !s.ok()) return s;
  return session;
}

absl::Status LoadSession::Begin(contract::ProvinceCode province, contract::Random& random) {
  issuer_.province = province;
  issuer_.incarnation = contract::RandomFixed<contract::Incarnation>(random);
  v1::OpenSessionRequest request;
  request.set_protocol_version(contract::kProtocolVersion);
  request.set_province(province.value());
  request.set_lane(v1::LANE_BUSINESS);
  request.set_incarnation(issuer_.incarnation.str());
  request.set_boot_nonce(contract::RandomFixed<contract::BootNonce>(random).str());
  request.set_now_unix_us(absl::ToUnixMicros(absl::Now()));
  request.set_build("yizhan load");
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  context.set_wait_for_ready(true);
  v1::OpenSessionResponse response;
  const auto stub = v1::Exchange::NewStub(channel_);
  const absl::Status opened = platform::FromGrpc(stub->OpenSession(&context, request, &response));
  if (!opened.ok()) return opened;
  issuer_.directory_head = response.directory_head();
  issuer_.log_checkpoint = response.log_checkpoint();
  number_ = response.session_number();
  return absl::OkStatus();
}

template <typename Stream, typename In>
void LoadSession::StartStream(Stream& stream, const std::function<void(const In&)>& handle) {
  {
    platform::MutexLock lock(&mutex_);
    ++running_;
  }
  platform::StreamEvents<In> events;
  events.on_message = [&handle](In message) {
    handle(message);
    return platform::Reading::kGoOn;
  };
  events.on_closed = [this](const absl::Status& status) { OnClosed(status); };
  stream.Start(std::move(events));
}

void LoadSession::Start() {
  std::shared_ptr<v1::Exchange::Stub> stub = v1::Exchange::NewStub(channel_);
  submit_ = SubmitStream::Make(
      [stub](auto* context, auto* reactor) { stub->async()->Submit(context, reactor); },
      QueueBounds());
  receive_ = ReceiveStream::Make(
      [stub](auto* context, auto* reactor) { stub->async()->Receive(context, reactor); },
      QueueBounds());
  StartStream<SubmitStream, v1::SubmitResponse>(static_cast<SubmitStream&>(*submit_),
                                                events_.on_results);
  StartStream<ReceiveStream, v1::ReceiveResponse>(static_cast<ReceiveStream&>(*receive_),
                                                  events_.on_received);
  v1::SubmitRequest submit;
  submit.mutable_hello()->set_session_number(number_);
  Submit(std::move(submit));
  v1::ReceiveRequest receive;
  receive.mutable_hello()->set_session_number(number_);
  Receive(std::move(receive));
}

void LoadSession::OnClosed(const absl::Status& status) {
  bool lost = false;
  {
    platform::MutexLock lock(&mutex_);
    lost = !closing_;
  }
  if (lost && events_.on_lost) {
    events_.on_lost(status.ok() ? absl::UnavailableError("the broker ended a stream") : status);
  }
  platform::MutexLock lock(&mutex_);
  --running_;
  ended_.NotifyAll();
}

void LoadSession::Submit(v1::SubmitRequest request) { submit_->Send(std::move(request)); }

void LoadSession::Receive(v1::ReceiveRequest request) { receive_->Send(std::move(request)); }

void LoadSession::Close() {
  {
    platform::MutexLock lock(&mutex_);
    closing_ = true;
  }
  if (submit_ != nullptr) submit_->Abort(absl::CancelledError("the load has ended"));
  if (receive_ != nullptr) receive_->Abort(absl::CancelledError("the load has ended"));
}

LoadSession::~LoadSession() {
  Close();
  platform::MutexLock lock(&mutex_);
  while (running_ > 0) ended_.Wait(&mutex_);
}

}  // namespace yizhan::tools
