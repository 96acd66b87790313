#include "tests/bench/peers.h"

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "adapters/platform/clock/clock.h"
#include "adapters/platform/crypto/suite.h"
#include "adapters/platform/kv/rocks_store.h"
#include "tests/support/exchange_lab.h"

namespace yizhan::bench {
namespace {

using testing_support::ExchangeLab;
using testing_support::OnServer;

// Messages on their way at once, as a session's credit would be.
constexpr int kWindow = 1024;

absl::Duration Now() { return platform::SystemClock().Monotonic(); }

void AnswerEach(std::shared_ptr<OnServer> stream) {
  platform::StreamEvents<v1::SubmitRequest> events;
  events.on_message = [stream](v1::SubmitRequest request) {
    v1::SubmitResponse response;
    for (const v1::SubmitItem& item : request.batch().items()) {
      response.add_results()->set_tag(item.tag());
    }
    stream->Send(std::move(response));
    return platform::Reading::kGoOn;
  };
  events.on_closed = [](const absl::Status&) {};
  stream->Start(std::move(events));
}

v1::SubmitRequest FrameOf(int messages, std::size_t body_bytes) {
  v1::SubmitRequest frame;
  for (int i = 0; i < messages; ++i) {
    v1::SubmitItem* item = frame.mutable_batch()->add_items();
    item->set_tag(static_cast<std::uint64_t>(i) + 1);
    item->mutable_envelope()->set_body(std::string(body_bytes, 'x'));
  }
  return frame;
}

}  // namespace

double GrpcEchoPerSecond(int messages_a_frame, std::size_t body_bytes, absl::Duration how_long) {
  ExchangeLab lab;
  lab.service.script = AnswerEach;
  lab.StartServer();
  if (lab.server == nullptr) return 0;
  const v1::SubmitRequest frame = FrameOf(messages_a_frame, body_bytes);
  std::atomic<std::uint64_t> answered = 0;
  platform::Mutex mutex;
  platform::CondVar ended;
  bool closed = false;
  const absl::Duration start = Now();
  const absl::Duration end = start + how_long;
  auto stream = lab.Connect({.max_queued_messages = kWindow, .max_queued_bytes = 1U << 30});
  platform::StreamEvents<v1::SubmitResponse> events;
  events.on_message = [&](v1::SubmitResponse response) {
    answered += static_cast<std::uint64_t>(response.results_size());
    if (Now() >= end) {
      stream->Close(absl::OkStatus());
    } else {
      stream->Send(frame);
    }
    return platform::Reading::kGoOn;
  };
  events.on_closed = [&](const absl::Status&) {
    platform::MutexLock lock(&mutex);
    closed = true;
    ended.NotifyAll();
  };
  stream->Start(std::move(events));
  for (int sent = 0; sent < std::max(kWindow, messages_a_frame); sent += messages_a_frame) {
    stream->Send(frame);
  }
  {
    platform::MutexLock lock(&mutex);
    ended.WaitFor(&mutex, how_long + absl::Seconds(5), [&] { return closed; });
  }
  const double seconds = absl::ToDoubleSeconds(Now() - start);
  stream->Abort(absl::CancelledError("measured"));
  platform::MutexLock lock(&mutex);
  ended.Wait(&mutex, [&] { return closed; });
  return static_cast<double>(answered) / seconds;
}

double StorePerSecond(int batch, std::size_t value_bytes, absl::Duration how_long,
                      const std::string& dir) {
  std::uint64_t written = 0;
  absl::Duration took;
  {
    platform::RocksStore::Options options;
    options.dir = dir;
    auto store = platform::RocksStore::Open(options);
    if (!store.ok()) return 0;
    platform::SystemRandom random;
    const std::string value = random.Bytes(value_bytes);
    const absl::Duration start = Now();
    while (took < how_long) {
      platform::WriteBatch changes;
      for (int i = 0; i < batch; ++i) {
        changes.Put(absl::StrCat("key of a place in a mailbox ", absl::Hex(written++)), value);
      }
      if (!(*store)->Write(changes).ok()) return 0;
      took = Now() - start;
    }
  }
  std::error_code ignored;
  std::filesystem::remove_all(dir, ignored);
  return static_cast<double>(written) / absl::ToDoubleSeconds(took);
}

}  // namespace yizhan::bench
