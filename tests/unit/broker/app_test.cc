// The shell around the core, and the configuration file.
#include <future>
#include <memory>
#include <utility>

#include "adapters/platform/clock/clock.h"
#include "adapters/platform/config/files.h"
#include "broker/app/broker_config.h"
#include "broker/app/core_shell.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "tests/support/broker_fixture.h"

namespace yizhan::testing {
namespace {

using ::testing::HasSubstr;

// The node's end of a stream: frames go in by hand, answers come out as futures.
template <typename In, typename Out>
class HandStream final : public platform::MessageStream<In, Out> {
 public:
  void Start(platform::StreamEvents<In> events) override { events_ = std::move(events); }
  bool Send(Out message) override {
    answer_.set_value(std::move(message));
    return true;
  }
  bool closed() const override { return false; }
  void ResumeReading() override {}
  void Close(absl::Status status) override { end_.set_value(std::move(status)); }
  void Abort(absl::Status status) override { Close(std::move(status)); }

  Out Exchange(In frame) {
    answer_ = {};
    std::future<Out> answer = answer_.get_future();
    events_.on_message(std::move(frame));
    return answer.get();
  }
  absl::Status WaitForEnd() {
    const absl::Status status = end_.get_future().get();
    Ended(status);
    return status;
  }
  void Break() { Ended(absl::CancelledError("broken")); }

 private:
  // As a stream does: the events are called a last time, and destroyed.
  void Ended(const absl::Status& status) {
    const platform::StreamEvents<In> events = std::exchange(events_, {});
    events.on_closed(status);
  }

  platform::StreamEvents<In> events_;
  std::promise<Out> answer_;
  std::promise<absl::Status> end_;
};
using HandSubmit = HandStream<v1::SubmitRequest, v1::SubmitResponse>;

class ShellTest : public ::testing::Test {
 protected:
  ShellTest() : lab_({32, 34}, platform::SystemClock().Now()) {
    broker::CoreShell::Options options;
    options.core.store = &store_;
    options.core.algorithms = lab_.algorithms();
    options.core.signer = &lab_.broker_signer();
    options.core.random = &random_;
    options.core.genesis = lab_.entries();
    options.core.genesis_digest = lab_.genesis_digest();
    options.clock = &platform::SystemClock();
    options.on_failure = [this](const absl::Status& s) { failure_.set_value(s); };
    auto shell = broker::CoreShell::Start(std::move(options));
    EXPECT_TRUE(shell.ok()) << shell.status();
    shell_ = *std::move(shell);
  }
  absl::Status Call(broker::CoreShell::Work work) {
    std::promise<absl::Status> replied;
    shell_->Call(std::move(work), [&](const absl::Status& s) { replied.set_value(s); });
    return replied.get_future().get();
  }
  absl::StatusOr<v1::OpenSessionResponse> Open(std::uint32_t province) {
    absl::StatusOr<v1::OpenSessionResponse> out = absl::UnknownError("not called");
    const absl::Status s = Call([&](const broker::CoreAccess& at) {
      v1::OpenSessionRequest request;
      request.set_protocol_version(contract::kProtocolVersion);
      request.set_province(province);
      request.set_lane(v1::LANE_BUSINESS);
      request.set_incarnation(std::string(16, 'i'));
      request.set_boot_nonce(std::string(16, 'n'));
      request.set_now_unix_us(at.now.unix_us());
      out = at.core.OpenSession(lab_.certificate(province), request, at.now);
      return out.status();
    });
    if (!s.ok()) return s;
    return out;
  }
  LabDirectory lab_;
  BreakableStore store_;
  platform::SeededRandom random_{3};
  std::promise<absl::Status> failure_;
  std::unique_ptr<broker::CoreShell> shell_;
};

TEST_F(ShellTest, Call_RepliesAfterItsGroupIsOnDisk) {
  const int before = store_.writes;
  EXPECT_TRUE(Open(32).ok());
  EXPECT_GT(store_.writes, before);
}

TEST_F(ShellTest, RefusedCall_RepliesWithItsOwnError) {
  EXPECT_EQ(contract::ReasonOf(Open(77).status()), v1::CALLER_UNKNOWN);
}

TEST_F(ShellTest, Stream_GetsHelloAndResultsInBand) {
  const auto session = Open(32);
  ASSERT_TRUE(session.ok());
  auto stream = std::make_shared<HandSubmit>();
  shell_->ServeSubmit(stream, lab_.certificate(32));
  v1::SubmitRequest hello;
  hello.mutable_hello()->set_session_number(session->session_number());
  EXPECT_EQ(stream->Exchange(hello).credits_size(), 1);
  v1::SubmitRequest batch;
  batch.mutable_batch()->add_items()->set_tag(9);
  const v1::SubmitResponse response = stream->Exchange(batch);
  ASSERT_EQ(response.results_size(), 1);
  EXPECT_EQ(response.results(0).tag(), 9u);
  stream->Break();
}

TEST_F(ShellTest, Stopping_EndsStreamsWithShuttingDown) {
  auto stream = std::make_shared<HandSubmit>();
  shell_->ServeSubmit(stream, lab_.certificate(32));
  shell_->BeginStop();
  EXPECT_EQ(contract::ReasonOf(stream->WaitForEnd()), v1::SHUTTING_DOWN);
  shell_->Stop();
  EXPECT_EQ(contract::ReasonOf(Open(32).status()), v1::SHUTTING_DOWN);
}

TEST_F(ShellTest, FirstStorageError_AnswersTheWaitingAndStopsTheBroker) {
  auto stream = std::make_shared<HandSubmit>();
  shell_->ServeSubmit(stream, lab_.certificate(32));
  store_.broken = true;
  EXPECT_FALSE(Open(32).ok());
  const absl::Status failure = failure_.get_future().get();
  EXPECT_EQ(contract::ReasonOf(failure), v1::STORAGE_FAILED);
  EXPECT_FALSE(contract::DetailOf(failure).next_step().empty());
  EXPECT_FALSE(stream->WaitForEnd().ok());
  store_.broken = false;
  EXPECT_EQ(contract::ReasonOf(Open(32).status()), v1::SHUTTING_DOWN);
}

absl::Status LoadText(const std::string& text) {
  const std::string path = ::testing::TempDir() + "/broker_config_test.textproto";
  EXPECT_TRUE(platform::WriteFileAtomically(path, text).ok());
  return broker::LoadBrokerConfig(path).status();
}

TEST(BrokerConfig, EmptyFile_NamesEveryMissingField) {
  const absl::Status status = LoadText("");
  EXPECT_EQ(contract::ReasonOf(status), v1::CONFIG_INVALID);
  for (const char* field : {"listen", "metrics_listen", "tls", "keys.sign_private_key", "data_dir",
                            "genesis_digest_hex"}) {
    EXPECT_THAT(status.message(), HasSubstr(field));
  }
}

TEST(BrokerConfig, UnknownField_IsNamedWithItsLine) {
  const absl::Status status = LoadText("listen: \"127.0.0.1:0\"\nlisen: \"x\"\n");
  EXPECT_EQ(contract::ReasonOf(status), v1::CONFIG_INVALID);
  EXPECT_THAT(status.message(), HasSubstr("lisen"));
  EXPECT_THAT(status.message(), HasSubstr(":2"));
}

TEST(BrokerConfig, WrongValues_AreNamedByField) {
  const absl::Status status = LoadText(
      "operators { name: \"a\" certificate_sha256_hex: \"zz\" }\nlimits { lease_ms: 5 }\n");
  EXPECT_THAT(status.message(), HasSubstr("operators[0].certificate_sha256_hex"));
  EXPECT_THAT(status.message(), HasSubstr("limits.lease_ms"));
}

}  // namespace
}  // namespace yizhan::testing
