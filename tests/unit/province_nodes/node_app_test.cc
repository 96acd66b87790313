// The threads around a core: the loop, the worker of provincial systems, the
// configuration.
#include <atomic>
#include <fstream>
#include <string>
#include <thread>

#include "adapters/platform/clock/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "province_nodes/app/node_config.h"
#include "province_nodes/app/node_loop.h"
#include "province_nodes/app/system_worker.h"
#include "tests/support/exchange_world.h"

namespace yizhan::node {
namespace {

using ::testing::HasSubstr;

constexpr std::uint32_t kJiangsu = 32;

class NodeLoopTest : public ::testing::Test {
 protected:
  void SetUp() override {
    NodeLoop::Options options;
    options.clock = &platform::SystemClock();
    options.on_failure = [this](const absl::Status&) { ++failures; };
    loop = std::make_unique<NodeLoop>(options);
    loop->Start(world.node(kJiangsu).core.get());
  }
  void TearDown() override { loop->Stop(); }
  std::string Stored(const std::string& key) {
    const auto value = world.node(kJiangsu).store().Get(key);
    return value.ok() && value->has_value() ? **value : "";
  }
  // Returns when what was posted before has been committed.
  void Flush() {
    ASSERT_TRUE(loop->Call([](NodeCore&) { return absl::OkStatus(); }).ok());
  }

  testing::ExchangeWorld world{{kJiangsu, 34}};
  std::atomic<int> failures = 0;
  std::unique_ptr<NodeLoop> loop;
};

TEST_F(NodeLoopTest, CommandRun_ReturnsWhenItsChangesAreStored) {
  const absl::Status run = loop->Run([](platform::Transaction& txn, CaseService&, CaseEffects&) {
    txn.Put("b/c/mark", "stored");
    return absl::OkStatus();
  });
  EXPECT_TRUE(run.ok()) << run;
  EXPECT_EQ(Stored("b/c/mark"), "stored");
}

TEST_F(NodeLoopTest, CommandFails_ItsChangesAreUndoneAndOthersStay) {
  const absl::Status run =
      loop->Run([](platform::Transaction& txn, CaseService&, CaseEffects&) -> absl::Status {
        txn.Put("b/c/mark", "half");
        return absl::InvalidArgumentError("no");
      });
  EXPECT_EQ(run.code(), absl::StatusCode::kInvalidArgument);
  Flush();
  EXPECT_EQ(Stored("b/c/mark"), "");
}

TEST_F(NodeLoopTest, CallsFromManyThreads_AreAllAnswered) {
  std::atomic<int> answered = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&, i] {
      for (int j = 0; j < 50; ++j) {
        const absl::Status run =
            loop->Run([&](platform::Transaction& txn, CaseService&, CaseEffects&) {
              txn.Put(absl::StrCat("b/c/", i, "/", j), "x");
              return absl::OkStatus();
            });
        if (run.ok() && Stored(absl::StrCat("b/c/", i, "/", j)) == "x") ++answered;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(answered, 400);
}

TEST_F(NodeLoopTest, Stopped_CallersAreToldThatItShutsDown) {
  loop->Stop();
  const absl::Status call = loop->Call([](NodeCore&) { return absl::OkStatus(); });
  EXPECT_EQ(contract::ReasonOf(call), v1::SHUTTING_DOWN);
  EXPECT_FALSE(loop->Post([](NodeCore&) {}));
}

TEST_F(NodeLoopTest, StorageFails_CallersLearnItAndTheOwnerIsToldOnce) {
  const absl::Status run = loop->Run([](platform::Transaction&, CaseService&, CaseEffects&) {
    return contract::MakeError(v1::STORAGE_FAILED, v1::SIDE_MINE, "Input/output error",
                               "Check the disk.");
  });
  EXPECT_EQ(contract::ReasonOf(run), v1::STORAGE_FAILED);
  EXPECT_FALSE(loop->Call([](NodeCore&) { return absl::OkStatus(); }).ok());
  loop->Stop();
  EXPECT_EQ(failures, 1);
}

TEST_F(NodeLoopTest, Unsubscribed_HearsNothingMore) {
  int heard = 0;
  const std::uint64_t id = loop->Subscribe([&](const v1::CaseView&) { ++heard; });
  loop->TellSubscribers({});
  loop->Unsubscribe(id);
  loop->TellSubscribers({});
  EXPECT_EQ(heard, 1);
}

// A register that knows everybody, or does not answer the first time.
class FakeRegister final : public systems::PopulationRegister {
 public:
  absl::StatusOr<std::optional<systems::RegisterEntry>> Lookup(absl::string_view) override {
    if (asked++ < silent_for) return absl::UnavailableError("the register is down");
    return std::optional<systems::RegisterEntry>(systems::RegisterEntry());
  }
  absl::StatusOr<systems::SystemResult> RecordCard(const systems::CardRecord&) override {
    return systems::SystemResult{true, "population-register", "", ""};
  }
  int silent_for = 0;
  std::atomic<int> asked = 0;
};

class SystemWorkerTest : public NodeLoopTest {
 protected:
  SystemTask Task(SystemTask::Kind kind) {
    SystemTask task;
    task.kind = kind;
    task.case_handle = testing::ExchangeWorld::Handle('a');
    task.of_sequence = 1;
    return task;
  }
  // Bounded by the test's own timeout.
  std::string WaitFor(const std::string& prefix) {
    const std::string key = "b/c/" + prefix + "/" + testing::ExchangeWorld::Handle('a').str();
    while (Stored(key).empty()) Flush();
    return Stored(key);
  }
  FakeRegister population;
};

TEST_F(SystemWorkerTest, Lookup_AnswerReachesTheCase) {
  SystemWorker worker({&population, nullptr}, loop.get(), &platform::SystemClock());
  worker.Start();
  worker.Add(Task(SystemTask::Kind::kRegisterLookup));
  EXPECT_EQ(WaitFor("register"), "found");
}

TEST_F(SystemWorkerTest, RegisterDoesNotAnswer_IsAskedAgain) {
  population.silent_for = 1;
  SystemWorker worker({&population, nullptr}, loop.get(), &platform::SystemClock());
  worker.Start();
  worker.Add(Task(SystemTask::Kind::kRegisterLookup));
  EXPECT_EQ(WaitFor("register"), "found");
  EXPECT_EQ(population.asked, 2);
}

TEST_F(SystemWorkerTest, CardRecorded_OutcomeReachesTheCase) {
  SystemWorker worker({&population, nullptr}, loop.get(), &platform::SystemClock());
  worker.Start();
  worker.Add(Task(SystemTask::Kind::kRegisterRecordCard));
  EXPECT_EQ(WaitFor("system"), "applied");
}

TEST(NodeConfigTest, EveryMistake_IsNamedWithFileAndField) {
  const std::string path = ::testing::TempDir() + "/node.textproto";
  std::ofstream(path) << "province: 5\n"
                         "broker: \"nowhere\"\n"
                         "genesis_digest_hex: \"12\"\n"
                         "message_life_seconds: 5\n"
                         "callers { name: \"x\" certificate_sha256_hex: \"zz\" }\n";
  const absl::StatusOr<NodeSetup> setup = LoadNodeSetup(path);
  ASSERT_FALSE(setup.ok());
  EXPECT_EQ(contract::ReasonOf(setup.status()), v1::CONFIG_INVALID);
  const std::string what(setup.status().message());
  for (const char* field :
       {"node.textproto:1: field province", "field broker", "field genesis_digest_hex",
        "field message_life_seconds", "field keys.sign_private_key", "field tls", "field policy",
        "field points", "field divisions", "callers[0].certificate_sha256_hex"}) {
    EXPECT_THAT(what, HasSubstr(field));
  }
}

TEST(NodeConfigTest, UnknownField_IsNamedWithItsLine) {
  const std::string path = ::testing::TempDir() + "/unknown.textproto";
  std::ofstream(path) << "province: 32\nprovinz: 33\n";
  const absl::StatusOr<NodeSetup> setup = LoadNodeSetup(path);
  ASSERT_FALSE(setup.ok());
  EXPECT_EQ(contract::ReasonOf(setup.status()), v1::CONFIG_INVALID);
  EXPECT_THAT(std::string(setup.status().message()), HasSubstr("unknown.textproto:2"));
}

}  // namespace
}  // namespace yizhan::node
