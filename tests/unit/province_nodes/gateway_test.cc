// The gateway over gRPC within the process: callers, commands, watching.
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <map>
#include <memory>
#include <utility>

#include "adapters/platform/rpc/status.h"
#include "province_nodes/gateway/caller_registry.h"
#include "province_nodes/gateway/gateway_rpc.h"
#include "tests/support/case_story.h"
#include "yizhan/v1/gateway.grpc.pb.h"

namespace yizhan::node {
namespace {

v1::NodeConfig ConfigWithCallers() {
  v1::NodeConfig config;
  const auto add = [&](const char* name, v1::CallerRole role, char digit) {
    v1::GatewayCaller& caller = *config.add_callers();
    caller.set_name(name);
    caller.set_certificate_sha256_hex(std::string(64, digit));
    caller.add_roles(role);
    caller.add_points("*");
    caller.add_divisions("*");
  };
  add("point", v1::CALLER_POINT, '1');
  add("operator", v1::CALLER_OPERATOR, '2');
  return config;
}

std::string ProblemsOf(const v1::NodeConfig& config) {
  platform::ConfigChecker check{platform::TextProtoSource()};
  (void)CallerRegistry::Create(config, check);
  return std::string(check.status().message());
}

TEST(CallerRegistryTest, GoodCallers_AreFoundByCertificate) {
  platform::ConfigChecker check{platform::TextProtoSource()};
  const auto registry = CallerRegistry::Create(ConfigWithCallers(), check);
  ASSERT_TRUE(check.status().ok()) << check.status();
  const auto key = contract::CertificateFingerprint::From(std::string(32, '\x11'));
  ASSERT_TRUE(registry->Find(*key).ok());
  EXPECT_EQ((*registry->Find(*key))->name, "point");
  EXPECT_EQ(contract::ReasonOf(registry->Find(contract::CertificateFingerprint()).status()),
            v1::CALLER_UNKNOWN);
}

TEST(CallerRegistryTest, Mistakes_AreNamedByField) {
  const auto problem = [](auto change) {
    v1::NodeConfig config = ConfigWithCallers();
    change(config);
    return ProblemsOf(config);
  };
  using C = v1::NodeConfig;
  EXPECT_NE(problem([](C& c) { c.mutable_callers(1)->clear_name(); }).find("callers[1].name"),
            std::string::npos);
  EXPECT_NE(problem([](C& c) { c.mutable_callers(1)->set_name("point"); }).find("callers[1].name"),
            std::string::npos);
  EXPECT_NE(problem([](C& c) { c.mutable_callers(0)->clear_roles(); }).find("callers[0].roles"),
            std::string::npos);
  EXPECT_NE(problem([](C& c) {
              c.mutable_callers(0)->set_points(0, "32x");
            }).find("callers[0].points[0]"),
            std::string::npos);
  EXPECT_NE(problem([](C& c) { c.mutable_callers(0)->clear_points(); }).find("callers[0].points"),
            std::string::npos);
  EXPECT_NE(problem([](C& c) {
              c.mutable_callers(0)->set_certificate_sha256_hex("12");
            }).find("callers[0].certificate_sha256_hex"),
            std::string::npos);
  EXPECT_NE(problem([](C& c) {
              c.mutable_callers(1)->set_certificate_sha256_hex(std::string(64, '1'));
            }).find("callers[1].certificate_sha256_hex"),
            std::string::npos);
}

// The core of province 32 behind a mutex.
class MutexRunner final : public CaseRunner {
 public:
  explicit MutexRunner(CaseNetwork* network) : network_(network) {}
  absl::Status Run(std::function<absl::Status(platform::Transaction&, CaseService&, CaseEffects&)>
                       command) override {
    std::vector<v1::CaseView> changed;
    std::function<void(const v1::CaseView&)> tell;
    platform::MutexLock lock(&mutex_);
    const auto done =
        network_->Run(32,
                      [&](platform::Transaction& txn, CaseService& cases,
                          CaseEffects& effects) -> absl::StatusOr<v1::CaseView> {
                        if (absl::Status status = command(txn, cases, effects); !status.ok())
                          return status;
                        changed = effects.changed;
                        return v1::CaseView();
                      });
    for (const v1::CaseView& view : changed) {
      for (const auto& [id, watch] : watchers_) watch(view);
    }
    return done.status();
  }
  absl::Status Read(
      std::function<absl::Status(const platform::Transaction&, CaseService&)> query) override {
    platform::MutexLock lock(&mutex_);
    return query(*network_->node(32).txn, *network_->node(32).service);
  }
  std::uint64_t Subscribe(std::function<void(const v1::CaseView&)> on_change) override {
    platform::MutexLock lock(&mutex_);
    watchers_[++last_] = std::move(on_change);
    return last_;
  }
  void Unsubscribe(std::uint64_t id) override {
    platform::MutexLock lock(&mutex_);
    watchers_.erase(id);
  }

 private:
  platform::Mutex mutex_;
  CaseNetwork* const network_;
  std::map<std::uint64_t, std::function<void(const v1::CaseView&)>> watchers_;
  std::uint64_t last_ = 0;
};

class GatewayTest : public CaseStory {
 protected:
  GatewayTest() : runner_(&network_) {
    platform::ConfigChecker check{platform::TextProtoSource()};
    callers_ = CallerRegistry::Create(ConfigWithCallers(), check);
    GatewayRpc::Deps deps;
    deps.runner = &runner_;
    deps.callers = callers_.get();
    deps.clock = &platform::SystemClock();
    deps.room_for_new = [this] { return room_; };
    deps.peer = [this](const grpc::ServerContextBase&) {
      return absl::StatusOr<contract::CertificateFingerprint>(
          *contract::CertificateFingerprint::From(std::string(32, peer_)));
    };
    deps.on_answered = [this](absl::string_view, v1::ErrorReason reason) { reason_ = reason; };
    gateway_ = GatewayRpc::Create(std::move(deps));
    grpc::ServerBuilder builder;
    builder.RegisterService(gateway_->service());
    server_ = builder.BuildAndStart();
    stub_ = v1::Gateway::NewStub(server_->InProcessChannel({}));
  }
  ~GatewayTest() override {
    gateway_->StopWatching();
    server_->Shutdown();
  }

  grpc::Status Apply(v1::ApplyResponse* response) {
    v1::ApplyRequest request;
    *request.mutable_application() = ApplicationOf(31);
    grpc::ClientContext context;
    return stub_->Apply(&context, Stamped(std::move(request)), response);
  }

  MutexRunner runner_;
  std::unique_ptr<CallerRegistry> callers_;
  std::unique_ptr<GatewayRpc> gateway_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Gateway::Stub> stub_;
  absl::Status room_;
  std::atomic<char> peer_{'\x11'};
  std::atomic<v1::ErrorReason> reason_{v1::ERROR_REASON_UNSPECIFIED};
};

TEST_F(GatewayTest, RegisteredPoint_AppliesAndReadsTheCase) {
  v1::ApplyResponse response;
  const grpc::Status status = Apply(&response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.case_().state(), v1::CASE_APPLIED);
  v1::GetCaseRequest get;
  get.mutable_case_()->set_case_handle(response.case_().case_handle());
  v1::GetCaseResponse got;
  grpc::ClientContext context;
  ASSERT_TRUE(stub_->GetCase(&context, get, &got).ok());
  EXPECT_EQ(got.case_().revision(), response.case_().revision());
  v1::ListCasesResponse list;
  grpc::ClientContext list_context;
  ASSERT_TRUE(stub_->ListCases(&list_context, {}, &list).ok());
  EXPECT_EQ(list.cases_size(), 1);
}

TEST_F(GatewayTest, DiskNearlyFull_NewApplicationIsRefusedUntilThereIsSpaceAgain) {
  room_ = contract::MakeError(v1::STORAGE_FULL, v1::SIDE_MINE, "nearly full", "wait");
  v1::ApplyResponse response;
  const grpc::Status refused = Apply(&response);
  EXPECT_EQ(contract::ReasonOf(platform::FromGrpc(refused)), v1::STORAGE_FULL);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  v1::ListCasesResponse list;
  grpc::ClientContext list_context;
  ASSERT_TRUE(stub_->ListCases(&list_context, {}, &list).ok());
  EXPECT_EQ(list.cases_size(), 0);
  room_ = absl::OkStatus();
  EXPECT_TRUE(Apply(&response).ok());
}

TEST_F(GatewayTest, UnknownCertificate_IsRefusedWithItsReason) {
  peer_ = '\x77';
  v1::ApplyResponse response;
  const grpc::Status status = Apply(&response);
  EXPECT_EQ(contract::ReasonOf(platform::FromGrpc(status)), v1::CALLER_UNKNOWN);
  EXPECT_EQ(reason_, v1::CALLER_UNKNOWN);
}

TEST_F(GatewayTest, OperatorMayNotApply_AndIsTold) {
  peer_ = '\x22';
  v1::ApplyResponse response;
  const grpc::Status status = Apply(&response);
  EXPECT_EQ(contract::ReasonOf(platform::FromGrpc(status)), v1::CALLER_NOT_ALLOWED);
  EXPECT_EQ(reason_, v1::CALLER_NOT_ALLOWED);
}

TEST_F(GatewayTest, Watcher_SeesWhatWasAndWhatComes) {
  v1::ApplyResponse before;
  ASSERT_TRUE(Apply(&before).ok());
  grpc::ClientContext context;
  auto stream = stub_->WatchCases(&context, {});
  v1::WatchCasesResponse seen;
  ASSERT_TRUE(stream->Read(&seen));
  EXPECT_EQ(seen.case_().case_handle(), before.case_().case_handle());
  v1::ApplyResponse after;
  ASSERT_TRUE(Apply(&after).ok());
  ASSERT_TRUE(stream->Read(&seen));
  EXPECT_EQ(seen.case_().case_handle(), after.case_().case_handle());
  gateway_->StopWatching();
  EXPECT_FALSE(stream->Read(&seen));
  EXPECT_EQ(contract::ReasonOf(platform::FromGrpc(stream->Finish())), v1::SHUTTING_DOWN);
}

}  // namespace
}  // namespace yizhan::node
