// Whole connectivity tests between link testers and the real broker core, one
// process: the honest one certifies, and each dishonest one fails its case.
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "adapters/platform/clock/clock.h"
#include "adapters/platform/crypto/suite.h"
#include "adapters/platform/image/portrait.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "province_nodes/linktest/node_link_tester.h"
#include "province_nodes/policy/policy_file.h"
#include "province_nodes/store/node_store.h"
#include "tests/support/link_hub.h"

namespace yizhan::node {
namespace {

using contract::ProvinceCode;
using contract::ReasonOf;
using ::testing::HasSubstr;

v1::Officer Engineer() {
  v1::Officer officer;
  officer.set_number("320001");
  officer.set_unit("data centre");
  return officer;
}

// A node with nothing but what connectivity tests need.
class TestNode {
 public:
  TestNode(testing::LinkHub& hub, const testing::LabDirectory& lab, const v1::Policy& policy,
           std::uint32_t province)
      : service_(hub.Service(province)), business_(hub.Business(province)) {
    LinkTestDeps deps;
    deps.province = ProvinceCode(province);
    deps.algorithms = lab.algorithms();
    deps.signer = &lab.signer(province);
    deps.unwrapper = &lab.unwrapper(province);
    deps.clock = &platform::SystemClock();
    deps.policy = &policy;
    deps.genesis_digest = lab.genesis_digest();
    deps.business_incarnation = *contract::Incarnation::From(std::string(16, 'b'));
    deps.build = "test";
    deps.fingerprints = {lab.certificate(province).str(), lab.signer(province).key_id().str()};
    deps.make_random = [] { return std::make_unique<platform::SystemRandom>(); };
    deps.check_portrait = platform::CheckPortrait;
    deps.service = service_.get();
    deps.make_transport = [&hub, province](PostCoreEvent post) {
      return hub.Connect(province, std::move(post));
    };
    deps.business = business_.get();
    deps.business_store = &business_store;
    deps.report_replayed = [&hub](const contract::RunId& run) { return hub.HasReport(run); };
    deps.log = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
    tester = std::make_unique<NodeLinkTester>(std::move(deps));
    hub.OnRuns(province, [this](const std::vector<v1::LinkRun>& runs) { tester->OnRuns(runs); });
  }

  platform::MemoryStore business_store;

 private:
  std::unique_ptr<LinkTestService> service_;
  std::unique_ptr<BusinessProbe> business_;

 public:
  std::unique_ptr<NodeLinkTester> tester;
};

class LinkTesterTest : public ::testing::Test {
 protected:
  LinkTesterTest()
      : lab_({32, 34, 41, 31}, platform::SystemClock().Now() - absl::Minutes(1)),
        hub_(&lab_),
        policy_(*LoadPolicy(YIZHAN_SOURCE_DIR "/deploy/data/policy.textproto")) {
    for (std::uint32_t province : {32, 34, 41, 31}) {
      nodes_[province] = std::make_unique<TestNode>(hub_, lab_, policy_, province);
    }
  }
  ~LinkTesterTest() override {
    for (auto& [province, node] : nodes_) hub_.OnRuns(province, [](const auto&) {});
    for (auto& [province, node] : nodes_) node->tester->Stop();
  }
  NodeLinkTester& node(std::uint32_t province) { return *nodes_[province]->tester; }
  absl::Status Arm(std::uint32_t province, std::uint32_t peer) {
    return node(province).ArmLink(ProvinceCode(peer), absl::Hours(1), Engineer()).status();
  }
  // The run at its end.
  absl::StatusOr<v1::LinkRun> Test(std::uint32_t province, std::uint32_t peer) {
    v1::LinkRun last;
    const absl::Status end =
        node(province).TestLink(ProvinceCode(peer), true, Engineer(), [&](const v1::LinkRun& run) {
          last = run;
          return true;
        });
    if (!end.ok()) return end;
    return last;
  }
  // The verdict of a case whose side is the broker, in a run that failed.
  void ExpectFailsOnTheBrokersSide(const std::string& case_id) {
    ASSERT_TRUE(Arm(34, 32).ok());
    absl::StatusOr<v1::LinkRun> run = Test(32, 34);
    ASSERT_TRUE(run.ok()) << run.status();
    EXPECT_EQ(run->state(), v1::RUN_FAILED);
    for (const v1::CaseVerdict& verdict : run->verdicts()) {
      if (verdict.case_id() == case_id) {
        EXPECT_EQ(verdict.verdict(), v1::VERDICT_FAIL);
        EXPECT_EQ(verdict.side(), "broker") << verdict.cause();
      } else {
        EXPECT_EQ(verdict.verdict(), v1::VERDICT_PASS) << verdict.case_id() << verdict.cause();
      }
    }
    EXPECT_EQ(hub_.OpenRoutes(), 0);
  }
  static bool IsOfLane(const v1::SubmitItem& item, v1::Lane lane) {
    v1::Header header;
    return item.has_envelope() && header.ParseFromString(item.envelope().header()) &&
           header.lane() == lane;
  }

  testing::LabDirectory lab_;
  testing::LinkHub hub_;
  const v1::Policy policy_;
  std::map<std::uint32_t, std::unique_ptr<TestNode>> nodes_;
};

TEST_F(LinkTesterTest, ArmedAndTested_ReportOpensBothRoutesAndBusinessStoresStayEmpty) {
  EXPECT_EQ(hub_.OpenRoutes(), 0);
  ASSERT_TRUE(Arm(34, 32).ok());
  absl::StatusOr<v1::LinkRun> run = Test(32, 34);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->state(), v1::RUN_CERTIFIED) << run->failure();
  EXPECT_EQ(run->verdicts_size(), 10);
  EXPECT_EQ(hub_.OpenRoutes(), 2);
  for (std::uint32_t province : {32, 34}) {
    EXPECT_FALSE(nodes_[province]->business_store.Scan("", "")->Valid());
  }
}

TEST_F(LinkTesterTest, NotArmed_TestIsRefused) {
  EXPECT_EQ(ReasonOf(Test(32, 34).status()), v1::LINK_NOT_ARMED);
  EXPECT_EQ(ReasonOf(node(34).ArmLink(ProvinceCode(32), absl::Seconds(30), Engineer()).status()),
            v1::REQUEST_MALFORMED);
}

TEST_F(LinkTesterTest, TestedAgainOverOpenRoutes_IsCertifiedAnew) {
  ASSERT_TRUE(Arm(34, 32).ok());
  ASSERT_TRUE(Test(32, 34).ok());
  ASSERT_TRUE(Arm(32, 34).ok());
  absl::StatusOr<v1::LinkRun> again = Test(34, 32);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->state(), v1::RUN_CERTIFIED) << again->failure();
  EXPECT_EQ(hub_.OpenRoutes(), 2);
}

TEST_F(LinkTesterTest, ThreeRunsAtOnce_DoNotDisturbEachOther) {
  std::vector<std::thread> threads;
  for (std::uint32_t peer : {34, 41, 31}) ASSERT_TRUE(Arm(peer, 32).ok());
  for (std::uint32_t peer : {34, 41, 31}) {
    threads.emplace_back([this, peer] {
      absl::StatusOr<v1::LinkRun> run = Test(32, peer);
      EXPECT_TRUE(run.ok() && run->state() == v1::RUN_CERTIFIED)
          << run.status() << (run.ok() ? run->failure() : "");
    });
  }
  for (std::thread& one : threads) one.join();
  EXPECT_EQ(hub_.OpenRoutes(), 6);
}

TEST_F(LinkTesterTest, BrokerTakesAnAlteredBody_S01Fails) {
  hub_.SetCheat([this](const v1::SubmitItem& item, v1::SubmitResult* answer) {
    v1::Seal seal;
    if (!IsOfLane(item, v1::LANE_TEST) || !seal.ParseFromString(item.envelope().seal()))
      return false;
    const bool altered = lab_.algorithms().hasher->Hash(item.envelope().body()).view() !=
                         absl::string_view(seal.body_digest());
    if (altered) answer->mutable_receipt()->set_record("accepted");
    return altered;
  });
  ExpectFailsOnTheBrokersSide("S01");
}

TEST_F(LinkTesterTest, BrokerAnswersARepeatByAnotherReceipt_R01Fails) {
  hub_.SetCheat([](const v1::SubmitItem& item, v1::SubmitResult* answer) {
    const bool repeated = IsOfLane(item, v1::LANE_TEST) && item.tag() == (kTapTag | 0x101);
    if (repeated) answer->mutable_receipt()->set_record("another");
    return repeated;
  });
  ExpectFailsOnTheBrokersSide("R01");
}

TEST_F(LinkTesterTest, BrokerTakesABusinessMessageOverTheClosedRoute_L04Fails) {
  hub_.SetCheat([](const v1::SubmitItem& item, v1::SubmitResult* answer) {
    const bool business = IsOfLane(item, v1::LANE_BUSINESS);
    if (business) answer->mutable_receipt()->set_record("accepted");
    return business;
  });
  ExpectFailsOnTheBrokersSide("L04");
}

TEST_F(LinkTesterTest, BrokerHidesTheRefusalFromItsLog_PassOfL04IsNotBelieved) {
  hub_.SetCheat([](const v1::SubmitItem& item, v1::SubmitResult* answer) {
    const bool business = IsOfLane(item, v1::LANE_BUSINESS);
    if (business) answer->mutable_error()->set_reason(v1::ENVELOPE_LINK_NOT_OPEN);
    return business;
  });
  ExpectFailsOnTheBrokersSide("L04");
}

TEST_F(LinkTesterTest, CallerLeavesDuringTheTest_RunGoesOnToItsReport) {
  ASSERT_TRUE(Arm(34, 32).ok());
  const absl::Status left = node(32).TestLink(ProvinceCode(34), true, Engineer(),
                                              [](const v1::LinkRun&) { return false; });
  EXPECT_TRUE(absl::IsCancelled(left)) << left;
  ASSERT_TRUE(Arm(32, 34).ok());
  // The pair is busy until the run has ended; then another may begin.
  absl::StatusOr<v1::LinkRun> next = Test(34, 32);
  while (ReasonOf(next.status()) == v1::LINK_RUN_CONFLICT) next = Test(34, 32);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(hub_.OpenRoutes(), 2);
}

TEST_F(LinkTesterTest, NodeStopsDuringTheTest_CallerIsToldAndNothingOpens) {
  ASSERT_TRUE(Arm(34, 32).ok());
  node(34).Stop();  // so that the run waits for its first answer
  std::thread stopping;
  const absl::Status end =
      node(32).TestLink(ProvinceCode(34), true, Engineer(), [&](const v1::LinkRun&) {
        if (!stopping.joinable()) stopping = std::thread([&] { node(32).Stop(); });
        return true;
      });
  stopping.join();
  EXPECT_EQ(ReasonOf(end), v1::SHUTTING_DOWN) << end;
  EXPECT_EQ(hub_.OpenRoutes(), 0);
}

}  // namespace
}  // namespace yizhan::node
