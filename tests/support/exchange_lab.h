// An Exchange service in this process whose streams run a test's own script.
#ifndef YIZHAN_TESTS_SUPPORT_EXCHANGE_LAB_H_
#define YIZHAN_TESTS_SUPPORT_EXCHANGE_LAB_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/platform/mutex/mutex.h"
#include "adapters/platform/rpc/channel.h"
#include "adapters/platform/rpc/client_stream.h"
#include "adapters/platform/rpc/peer.h"
#include "adapters/platform/rpc/server.h"
#include "adapters/platform/rpc/server_stream.h"
#include "grpcpp/channel.h"
#include "gtest/gtest.h"
#include "tests/support/tls_lab.h"
#include "yizhan/v1/exchange.grpc.pb.h"

namespace yizhan::testing_support {

using OnServer = platform::ServerStream<v1::SubmitRequest, v1::SubmitResponse>;
using OnClient = platform::ClientStream<v1::SubmitResponse, v1::SubmitRequest>;
inline constexpr absl::Duration kPatience = absl::Seconds(60);

// Something that happens once or more often, waited for by the test. Thread-safe.
template <typename T>
class Happenings {
 public:
  void Add(T value) {
    platform::MutexLock lock(&mutex_);
    values_.push_back(std::move(value));
    changed_.NotifyAll();
  }
  // False where fewer come in time.
  bool WaitForCount(std::size_t count) {
    platform::MutexLock lock(&mutex_);
    return changed_.WaitFor(
        &mutex_, kPatience,
        [this, count]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return values_.size() >= count; });
  }
  T First() {
    EXPECT_TRUE(WaitForCount(1));
    platform::MutexLock lock(&mutex_);
    return values_.empty() ? T() : values_.front();
  }
  std::vector<T> All() {
    platform::MutexLock lock(&mutex_);
    return values_;
  }
  std::size_t count() {
    platform::MutexLock lock(&mutex_);
    return values_.size();
  }

 private:
  platform::Mutex mutex_;
  platform::CondVar changed_;
  std::vector<T> values_ ABSL_GUARDED_BY(mutex_);
};

// What one end of a stream met. Kept by the events that it makes.
template <typename In>
class Recorder : public std::enable_shared_from_this<Recorder<In>> {
 public:
  platform::StreamEvents<In> Events(platform::Reading wish = platform::Reading::kGoOn) {
    auto self = this->shared_from_this();
    return {.on_message =
                [self, wish](In message) {
                  self->messages.Add(std::move(message));
                  return wish;
                },
            .on_closed = [self](const absl::Status& status) { self->closed.Add(status); },
            .on_writable = [self] { self->writable.Add(true); }};
  }
  Happenings<In> messages;
  Happenings<absl::Status> closed;
  Happenings<bool> writable;
};
using ServerRecorder = Recorder<v1::SubmitRequest>;
using ClientRecorder = Recorder<v1::SubmitResponse>;

class ScriptedExchange final : public v1::Exchange::CallbackService {
 public:
  grpc::ServerUnaryReactor* OpenSession(grpc::CallbackServerContext* context,
                                        const v1::OpenSessionRequest*,
                                        v1::OpenSessionResponse* response) override {
    const auto fingerprint = platform::PeerFingerprint(*context);
    if (fingerprint.ok()) response->set_build(fingerprint->hex());
    auto* reactor = context->DefaultReactor();
    reactor->Finish(platform::ToGrpc(fingerprint.status()));
    return reactor;
  }
  grpc::ServerBidiReactor<v1::SubmitRequest, v1::SubmitResponse>* Submit(
      grpc::CallbackServerContext* context) override {
    auto stream = OnServer::Accept(context, options);
    auto* reactor = stream->reactor();
    script(stream);
    return reactor;
  }

  // Set before the server starts.
  platform::StreamOptions options;
  std::function<void(std::shared_ptr<OnServer>)> script;
};

// A server with certificates of its own and a client that trusts it.
class ExchangeLab {
 public:
  ExchangeLab() : server_tls_(tls.Material("broker")), client_tls_(tls.Material("node-32")) {}

  void StartServer(std::uint16_t port = 0) {
    platform::RpcServer::Options options;
    options.listen = absl::StrCat("127.0.0.1:", port);
    options.tls = server_tls_;
    options.services = {&service};
    auto started = platform::RpcServer::Start(std::move(options));
    ASSERT_TRUE(started.ok()) << started.status().message();
    server = *std::move(started);
  }
  std::unique_ptr<v1::Exchange::Stub> Stub() { return Stub(client_tls_); }
  std::unique_ptr<v1::Exchange::Stub> Stub(const platform::TlsMaterial& material,
                                           const std::string& server_name = "broker.test") {
    platform::DialOptions options;
    options.target = absl::StrCat("127.0.0.1:", server->port());
    options.server_name = server_name;
    options.tls = material;
    options.min_backoff = absl::Milliseconds(20);
    auto channel = platform::Dial(options);
    EXPECT_TRUE(channel.ok()) << channel.status().message();
    return v1::Exchange::NewStub(*channel);
  }
  std::shared_ptr<OnClient> Connect(platform::StreamOptions options = {}) {
    std::shared_ptr<v1::Exchange::Stub> stub = Stub();
    return OnClient::Make(
        [stub](auto* context, auto* reactor) {
          context->set_wait_for_ready(true);
          stub->async()->Submit(context, reactor);
        },
        options);
  }
  const platform::TlsMaterial& client_tls() const { return client_tls_; }

  TlsLab tls;
  ScriptedExchange service;
  std::unique_ptr<platform::RpcServer> server;

 private:
  const platform::TlsMaterial server_tls_;
  const platform::TlsMaterial client_tls_;
};

}  // namespace yizhan::testing_support

#endif  // YIZHAN_TESTS_SUPPORT_EXCHANGE_LAB_H_
