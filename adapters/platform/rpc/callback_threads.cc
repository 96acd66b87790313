#include "adapters/platform/rpc/callback_threads.h"

#include "adapters/platform/mutex/mutex.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/security/credentials.h"

namespace yizhan::platform {
namespace {

// A channel takes its share of the threads with its first call. This one leads
// nowhere (no credentials), so that the call fails at once, without a socket.
class Anchor {
 public:
  Anchor() : stub_(grpc::CreateChannel("ipv4:127.0.0.1:1", nullptr)) {
    stub_.UnaryCall(&context_, "/yizhan.v1.None/None", {}, &request_, &response_,
                    [this](const grpc::Status&) {
                      MutexLock lock(&mutex_);
                      done_ = true;
                      changed_.NotifyAll();
                    });
    MutexLock lock(&mutex_);
    changed_.Wait(&mutex_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return done_; });
  }

 private:
  const grpc::Slice nothing_;
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_{&nothing_, 1};
  grpc::ByteBuffer response_;
  Mutex mutex_;
  CondVar changed_;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

void KeepCallbackThreads() {
  static Anchor* const anchor = new Anchor;  // never destroyed
  static_cast<void>(anchor);
}

}  // namespace yizhan::platform
