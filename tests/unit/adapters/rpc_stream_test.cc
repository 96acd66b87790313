#include <string>
#include <thread>

#include "adapters/platform/rpc/read_gate.h"
#include "adapters/platform/rpc/send_queue.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "tests/support/exchange_lab.h"

namespace yizhan::platform {
namespace {

using testing_support::ClientRecorder;
using testing_support::ExchangeLab;
using testing_support::Happenings;
using testing_support::OnClient;
using testing_support::OnServer;
using testing_support::ServerRecorder;

v1::SubmitRequest Request(std::uint64_t tag, std::size_t bytes = 0) {
  v1::SubmitRequest request;
  auto* item = request.mutable_batch()->add_items();
  item->set_tag(tag);
  if (bytes > 0) item->mutable_envelope()->set_body(std::string(bytes, 'b'));
  return request;
}

std::uint64_t TagOf(const v1::SubmitRequest& request) { return request.batch().items(0).tag(); }
std::uint64_t TagOf(const v1::SubmitResponse& response) { return response.results(0).tag(); }

v1::SubmitResponse Response(std::uint64_t tag, std::size_t bytes = 0) {
  v1::SubmitResponse response;
  auto* result = response.add_results();
  result->set_tag(tag);
  if (bytes > 0) result->mutable_error()->set_what(std::string(bytes, 'w'));
  return response;
}

absl::Status Fenced() {
  return contract::MakeError(v1::SESSION_FENCED, v1::SIDE_MINE, "a newer session is active",
                             "stop this process");
}

class StreamTest : public ::testing::Test {
 protected:
  // A server that records, and a client that does.
  void StartRecording(Reading server_wish = Reading::kGoOn) {
    lab_.service.script = [this, server_wish](std::shared_ptr<OnServer> stream) {
      stream->Start(at_server_->Events(server_wish));
      accepted_.Add(stream);
    };
    lab_.StartServer();
  }
  std::shared_ptr<OnClient> StartClient(StreamOptions options = {}) {
    auto client = lab_.Connect(options);
    client->Start(at_client_->Events());
    return client;
  }
  void StartEcho() {
    lab_.service.options.max_queued_messages = 100000;
    lab_.service.script = [](std::shared_ptr<OnServer> stream) {
      stream->Start({.on_message = [stream](v1::SubmitRequest request) {
        EXPECT_TRUE(stream->Send(Response(TagOf(request))));
        return Reading::kGoOn;
      }});
    };
    lab_.StartServer();
  }

  std::shared_ptr<ServerRecorder> at_server_ = std::make_shared<ServerRecorder>();
  std::shared_ptr<ClientRecorder> at_client_ = std::make_shared<ClientRecorder>();
  Happenings<std::shared_ptr<OnServer>> accepted_;
  ExchangeLab lab_;  // last: the server ends first
};

TEST_F(StreamTest, ThousandsOfMessagesFromManyThreads_AreEchoedOnceEach) {
  StartEcho();
  StreamOptions options;
  options.max_queued_messages = 100000;
  auto client = StartClient(options);
  constexpr int kThreads = 4, kEach = 1000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&client, t] {
      for (int i = 0; i < kEach; ++i) EXPECT_TRUE(client->Send(Request(t * kEach + i)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(at_client_->messages.WaitForCount(kThreads * kEach));
  client->Close(absl::OkStatus());
  EXPECT_TRUE(at_client_->closed.First().ok());
  std::vector<bool> seen(kThreads * kEach);
  for (const auto& response : at_client_->messages.All()) {
    EXPECT_FALSE(seen[TagOf(response)]);
    seen[TagOf(response)] = true;
  }
}

TEST_F(StreamTest, MessagesOfOneThread_ComeInOrder) {
  StartRecording();
  auto client = StartClient();
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(client->Send(Request(i)));
  ASSERT_TRUE(at_server_->messages.WaitForCount(500));
  const auto messages = at_server_->messages.All();
  for (int i = 0; i < 500; ++i) EXPECT_EQ(TagOf(messages[i]), static_cast<std::uint64_t>(i));
}

TEST_F(StreamTest, ClientClosesWithOk_WhatWasQueuedArrivesAndBothEndOk) {
  StartRecording();
  auto client = StartClient();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(client->Send(Request(i)));
  client->Close(absl::OkStatus());
  EXPECT_FALSE(client->Send(Request(1000)));
  EXPECT_TRUE(at_client_->closed.First().ok());
  EXPECT_TRUE(at_server_->closed.First().ok());
  EXPECT_EQ(at_server_->messages.count(), 100u);
}

TEST_F(StreamTest, ServerClosesWithAnError_ClientGetsTheRestAndTheReason) {
  lab_.service.script = [this](std::shared_ptr<OnServer> stream) {
    stream->Start(at_server_->Events());
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(stream->Send(Response(i)));
    stream->Close(Fenced());
    EXPECT_FALSE(stream->Send(Response(100)));
  };
  lab_.StartServer();
  auto client = StartClient();
  EXPECT_EQ(contract::ReasonOf(at_client_->closed.First()), v1::SESSION_FENCED);
  EXPECT_EQ(at_client_->messages.count(), 100u);
  EXPECT_EQ(contract::ReasonOf(at_server_->closed.First()), v1::SESSION_FENCED);
  EXPECT_FALSE(client->Send(Request(1)));
  EXPECT_TRUE(client->closed());
}

TEST_F(StreamTest, RefusedStream_TellsWhy) {
  lab_.service.script = [](std::shared_ptr<OnServer> stream) { stream->Close(Fenced()); };
  lab_.StartServer();
  auto client = StartClient();
  EXPECT_EQ(contract::ReasonOf(at_client_->closed.First()), v1::SESSION_FENCED);
}

TEST_F(StreamTest, ClientAborts_ServerSeesThePeerGone) {
  StartRecording();
  auto client = StartClient();
  ASSERT_TRUE(client->Send(Request(1)));
  ASSERT_TRUE(at_server_->messages.WaitForCount(1));
  client->Abort(absl::AbortedError("the node stops"));
  EXPECT_EQ(at_client_->closed.First(), absl::AbortedError("the node stops"));
  EXPECT_EQ(at_server_->closed.First().code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE(accepted_.First()->Send(Response(1)));
  client->Abort(absl::OkStatus());  // harmless
  EXPECT_EQ(at_client_->closed.count(), 1u);
}

TEST_F(StreamTest, ServerStops_ClientIsToldUnavailableOrCancelled) {
  StartRecording();
  auto client = StartClient();
  ASSERT_TRUE(client->Send(Request(1)));
  ASSERT_TRUE(at_server_->messages.WaitForCount(1));
  lab_.server.reset();
  EXPECT_FALSE(at_client_->closed.First().ok());
  EXPECT_EQ(at_server_->closed.First().code(), absl::StatusCode::kCancelled);
}

TEST_F(StreamTest, NobodyListens_StreamClosesUnavailable) {
  StartRecording();
  std::shared_ptr<v1::Exchange::Stub> stub = lab_.Stub();
  lab_.server.reset();
  auto client = OnClient::Make(
      [stub](auto* context, auto* reactor) { stub->async()->Submit(context, reactor); });
  client->Start(at_client_->Events());
  client->Send(Request(1));
  EXPECT_EQ(contract::ReasonOf(at_client_->closed.First()), v1::PEER_UNREACHABLE);
}

TEST_F(StreamTest, PausedServer_MakesTheClientWaitAndResumeBringsAll) {
  StartRecording(Reading::kPause);
  StreamOptions options;
  options.max_queued_messages = 4;
  auto client = StartClient(options);
  // Far more than transport windows hold: the queue must fill up.
  constexpr std::size_t kBytes = 1 << 20;
  std::uint64_t sent = 0;
  while (client->Send(Request(sent, kBytes))) ASSERT_LT(++sent, 1000u);
  ASSERT_TRUE(at_server_->messages.WaitForCount(1));
  EXPECT_EQ(at_server_->messages.count(), 1u);  // it paused after the first
  auto server = accepted_.First();
  for (std::uint64_t n = 1; n < sent; ++n) {
    server->ResumeReading();
    ASSERT_TRUE(at_server_->messages.WaitForCount(n + 1));
  }
  EXPECT_TRUE(at_client_->writable.First());
  EXPECT_TRUE(client->Send(Request(sent)));
}

TEST_F(StreamTest, ResumeFromInsideTheMessage_KeepsReading) {
  lab_.service.script = [this](std::shared_ptr<OnServer> stream) {
    stream->Start({.on_message = [this, stream](v1::SubmitRequest request) {
      at_server_->messages.Add(std::move(request));
      stream->ResumeReading();
      return Reading::kPause;
    }});
  };
  lab_.StartServer();
  auto client = StartClient();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(client->Send(Request(i)));
  EXPECT_TRUE(at_server_->messages.WaitForCount(50));
}

TEST_F(StreamTest, ServerAbortsTowardsAClientThatDoesNotRead_EndsAtOnce) {
  lab_.service.script = [this](std::shared_ptr<OnServer> stream) {
    stream->Start(at_server_->Events());
    accepted_.Add(stream);
  };
  lab_.StartServer();
  auto client = lab_.Connect();
  client->Start(at_client_->Events(Reading::kPause));
  auto server = accepted_.First();
  for (int i = 0; i < 64 && server->Send(Response(i, 1 << 20)); ++i) {
  }
  ASSERT_TRUE(at_client_->messages.WaitForCount(1));
  server->Close(absl::OkStatus());  // cannot end: the queue does not drain
  server->Abort(absl::ResourceExhaustedError("too slow"));
  EXPECT_EQ(at_server_->closed.First().code(), absl::StatusCode::kCancelled);
  EXPECT_LT(at_client_->messages.count(), 64u);
  client->ResumeReading();
  client->Abort(absl::CancelledError("done"));
  EXPECT_FALSE(at_client_->closed.First().ok());
}

TEST_F(StreamTest, HalfClosedWithHandler_ServerAnswersFirst) {
  lab_.service.script = [](std::shared_ptr<OnServer> stream) {
    auto tags = std::make_shared<std::vector<std::uint64_t>>();
    stream->Start({.on_message =
                       [tags](v1::SubmitRequest request) {
                         tags->push_back(TagOf(request));
                         return Reading::kGoOn;
                       },
                   .on_half_closed =
                       [tags, stream] {
                         for (std::uint64_t tag : *tags) stream->Send(Response(tag));
                         stream->Close(absl::OkStatus());
                       }});
  };
  lab_.StartServer();
  auto client = StartClient();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(client->Send(Request(i)));
  client->Close(absl::OkStatus());
  EXPECT_TRUE(at_client_->closed.First().ok());
  EXPECT_EQ(at_client_->messages.count(), 10u);
}

TEST_F(StreamTest, AfterClosed_WhatTheEventsCapturedIsFree) {
  StartEcho();
  auto client = lab_.Connect();
  auto captured = std::make_shared<int>(1);
  Happenings<bool> closed;
  client->Start({.on_message = [captured, client](v1::SubmitResponse) { return Reading::kGoOn; },
                 .on_closed = [&closed](const absl::Status&) { closed.Add(true); }});
  const std::weak_ptr<int> watched = captured;
  captured.reset();
  client->Close(absl::OkStatus());
  ASSERT_TRUE(closed.WaitForCount(1));
  lab_.server.reset();
  // The events die right after on_closed returns, on gRPC's thread.
  for (int i = 0; i < 100000 && !watched.expired(); ++i) std::this_thread::yield();
  EXPECT_TRUE(watched.expired());
  EXPECT_FALSE(client->Send(Request(1)));
  client->ResumeReading();
  client->Close(absl::OkStatus());
}

TEST_F(StreamTest, ClosesFromBothSidesAtOnce_EndOnceEach) {
  for (int round = 0; round < 30; ++round) {
    at_server_ = std::make_shared<ServerRecorder>();
    at_client_ = std::make_shared<ClientRecorder>();
    if (round == 0) StartRecording();
    auto client = StartClient();
    ASSERT_TRUE(client->Send(Request(1)));
    ASSERT_TRUE(at_server_->messages.WaitForCount(1));
    auto server = accepted_.All().back();
    std::thread from_server([&] { round % 2 ? server->Abort(Fenced()) : server->Close(Fenced()); });
    round % 3 ? client->Abort(absl::CancelledError("x")) : client->Close(absl::OkStatus());
    from_server.join();
    EXPECT_TRUE(at_client_->closed.WaitForCount(1));
    EXPECT_TRUE(at_server_->closed.WaitForCount(1));
    EXPECT_EQ(at_client_->closed.count(), 1u);
    EXPECT_EQ(at_server_->closed.count(), 1u);
  }
}

TEST(SendQueueTest, BoundsByCountAndBytes_AndTellsReliefOnce) {
  StreamOptions options;
  options.max_queued_messages = 2;
  options.max_queued_bytes = 100;
  SendQueue<v1::SubmitRequest> queue(options);
  EXPECT_TRUE(queue.Push(Request(1, 500)));  // alone, it may be larger
  EXPECT_FALSE(queue.Push(Request(2)));
  EXPECT_FALSE(queue.TakeRelief());
  queue.Pop();
  EXPECT_TRUE(queue.TakeRelief());
  EXPECT_FALSE(queue.TakeRelief());
  EXPECT_TRUE(queue.Push(Request(1)));
  EXPECT_TRUE(queue.Push(Request(2)));
  EXPECT_FALSE(queue.Push(Request(3)));
}

TEST(ReadGateTest, ResumeBeforeThePauseIsKnown_IsNotLost) {
  ReadGate gate;
  EXPECT_TRUE(gate.Open());
  EXPECT_FALSE(gate.Open());
  gate.BeginDelivery();
  EXPECT_FALSE(gate.Resume());
  EXPECT_TRUE(gate.EndDelivery(Reading::kPause));
  gate.BeginDelivery();
  EXPECT_FALSE(gate.EndDelivery(Reading::kPause));
  EXPECT_FALSE(gate.busy());
  EXPECT_TRUE(gate.Resume());
  EXPECT_FALSE(gate.Resume());
}

}  // namespace
}  // namespace yizhan::platform
