// Processes that stop, crawl, or have no disk left, in a network of real ones.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/kills/case_load.h"
#include "tests/integration/kills/told_history.h"
#include "tests/integration/kills/witnesses.h"
#include "tests/simulation/checker.h"
#include "tests/support/process_network.h"

namespace yizhan::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint32_t kHub = 32;
constexpr std::uint32_t kNear = 34;
constexpr std::uint32_t kFar = 51;  // whose trouble must not be that of others
constexpr absl::Duration kToRest = absl::Minutes(2);

class TroubleTest : public ::testing::Test {
 protected:
  TroubleTest() : network_(YIZHAN_BINARY_DIR, {kHub, kNear, kFar}) {}

  void Begin() {
    ASSERT_TRUE(network_.StartAll());
    ASSERT_TRUE(network_.OpenLink(kHub, kNear));
    ASSERT_TRUE(network_.OpenLink(kHub, kFar));
    auto lab = tools::LoadLab(network_.dir());
    ASSERT_TRUE(lab.ok()) << lab.status();
    lab_ = *std::move(lab);
    auto witnesses = Witnesses::Connect(lab_);
    ASSERT_TRUE(witnesses.ok()) << witnesses.status();
    witnesses_ = *std::move(witnesses);
  }
  std::unique_ptr<CaseLoad> LoadWith(std::uint32_t partner) {
    CaseLoad::Options options;
    options.lab = &lab_;
    options.source_dir = YIZHAN_SOURCE_DIR;
    options.in_flight = 6;
    options.seed = ++loads_;  // names its requests
    options.only_with = partner;
    auto load = CaseLoad::Start(std::move(options));
    EXPECT_TRUE(load.ok()) << load.status();
    return load.ok() ? *std::move(load) : nullptr;
  }
  static void Pass(absl::Duration time) {
    ProcessNetwork::Eventually([] { return false; }, time);
  }

  // Cases that ended within a span, and how long the middle one of them took.
  struct Pace {
    std::size_t cases = 0;
    absl::Duration median;
  };
  static Pace PaceOf(const CaseLoad& load, absl::Time begin, absl::Time end) {
    std::vector<absl::Duration> took;
    for (const LedCase& led : load.Cases()) {
      if (led.ended >= begin && led.ended < end) took.push_back(led.took);
    }
    std::sort(took.begin(), took.end());
    return {took.size(), took.empty() ? absl::InfiniteDuration() : took[took.size() / 2]};
  }
  // The same pair, before and during the trouble of another: a machine under
  // other load shows the same in both.
  static void ExpectSamePace(const Pace& before, const Pace& during) {
    std::printf("before: %zu cases, median %.0f ms; during: %zu cases, median %.0f ms\n",
                before.cases, absl::ToDoubleMilliseconds(before.median), during.cases,
                absl::ToDoubleMilliseconds(during.median));
    EXPECT_GT(during.cases, before.cases / 3);
    EXPECT_LT(during.median, 3 * before.median + absl::Seconds(1));
  }

  void ExpectAllArrives(const std::vector<CaseLoad*>& loads) {
    std::vector<LedCase> cases;
    for (CaseLoad* load : loads) {
      load->Finish(kToRest);
      const std::vector<LedCase> led = load->Cases();
      cases.insert(cases.end(), led.begin(), led.end());
    }
    EXPECT_TRUE(ProcessNetwork::Eventually([this] { return AtRest(); }, kToRest));
    auto told = TellHistory(*witnesses_, cases);
    ASSERT_TRUE(told.ok()) << told.status();
    std::vector<std::string> wrong = simulation::CheckHistory(told->history);
    wrong.insert(wrong.end(), told->contradictions.begin(), told->contradictions.end());
    EXPECT_THAT(wrong, IsEmpty()) << absl::StrJoin(wrong, "\n");
  }
  bool AtRest() {
    for (const contract::ProvinceCode node : witnesses_->provinces()) {
      const auto status = witnesses_->StatusOf(node);
      if (!status.ok() || status->outbox_waiting() > 0 || status->inbox_held() > 0) return false;
    }
    return true;
  }

  void AddToConfig(const std::string& file, const std::string& line) {
    std::ofstream(absl::StrCat(network_.dir(), "/", file), std::ios::app) << line << "\n";
  }

  std::uint64_t loads_ = 0;
  ProcessNetwork network_;
  tools::Lab lab_;
  std::unique_ptr<Witnesses> witnesses_;
};

TEST_F(TroubleTest, NodeStopped_OtherPairKeepsItsPaceAndTheStoppedOneCatchesUp) {
  Begin();
  const auto near = LoadWith(kNear);
  const auto far = LoadWith(kFar);
  Pass(absl::Seconds(1));  // caches fill
  const absl::Time first = absl::Now();
  Pass(absl::Seconds(5));
  const absl::Time stopped = absl::Now();
  ASSERT_EQ(kill(network_.NodePid(kFar), SIGSTOP), 0);
  Pass(absl::Seconds(5));
  const absl::Time resumed = absl::Now();
  // Its mailbox holds what it cannot take.
  const auto boxes = witnesses_->Mailboxes();
  ASSERT_TRUE(boxes.ok()) << boxes.status();
  EXPECT_TRUE(std::any_of(
      boxes->mailboxes().begin(), boxes->mailboxes().end(),
      [](const v1::MailboxInfo& box) { return box.province() == kFar && box.messages() > 0; }));
  ASSERT_EQ(kill(network_.NodePid(kFar), SIGCONT), 0);
  ExpectSamePace(PaceOf(*near, first, stopped), PaceOf(*near, stopped, resumed));
  ExpectAllArrives({near.get(), far.get()});
}

TEST_F(TroubleTest, NodeCrawls_OtherPairKeepsItsPace) {
  Begin();
  const auto near = LoadWith(kNear);
  const auto far = LoadWith(kFar);
  Pass(absl::Seconds(1));
  const absl::Time first = absl::Now();
  Pass(absl::Seconds(5));
  const absl::Time slow = absl::Now();
  // A twentieth of its speed.
  while (absl::Now() < slow + absl::Seconds(5)) {
    ASSERT_EQ(kill(network_.NodePid(kFar), SIGSTOP), 0);
    Pass(absl::Milliseconds(190));
    ASSERT_EQ(kill(network_.NodePid(kFar), SIGCONT), 0);
    Pass(absl::Milliseconds(10));
  }
  ExpectSamePace(PaceOf(*near, first, slow), PaceOf(*near, slow, absl::Now()));
  ExpectAllArrives({near.get(), far.get()});
}

TEST_F(TroubleTest, BrokerStopped_NodesTakeCasesAndAllArrivesAfterwards) {
  Begin();
  const auto load = LoadWith(kNear);
  Pass(absl::Seconds(2));
  ASSERT_EQ(kill(network_.BrokerPid(), SIGSTOP), 0);
  Pass(absl::Seconds(4));
  const auto status = witnesses_->StatusOf(contract::ProvinceCode(kHub));
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_GT(status->outbox_waiting(), 0u);
  ASSERT_EQ(kill(network_.BrokerPid(), SIGCONT), 0);
  ExpectAllArrives({load.get()});
}

// The disk of this machine is "full" where a reserve begins just below what is
// free now, and a file takes the rest: no mount, no rights are needed.
class FullDiskTest : public TroubleTest {
 protected:
  static constexpr std::uint64_t kMargin = std::uint64_t{512} << 20;

  ~FullDiskTest() override { GiveSpaceBack(); }
  std::uint64_t Reserve() const {
    const std::uint64_t available = fs::space(network_.dir()).available;
    EXPECT_GT(available, 4 * kMargin) << "this test needs 2 GiB of free disk";
    return available - kMargin;
  }
  std::string Ballast() const { return absl::StrCat(network_.dir(), "/ballast"); }
  void TakeSpace() {
    const int file = open(Ballast().c_str(), O_CREAT | O_WRONLY, 0600);
    ASSERT_GE(file, 0);
    ASSERT_EQ(posix_fallocate(file, 0, static_cast<off_t>(2 * kMargin)), 0);
    close(file);
  }
  void GiveSpaceBack() { unlink(Ballast().c_str()); }
};

TEST_F(FullDiskTest, BrokersDiskNearlyFull_NewIsRefusedOldIsDeliveredAndItComesBack) {
  AddToConfig("broker/broker.textproto",
              absl::StrCat("limits { disk_reserve_bytes: ", Reserve(), " }"));
  Begin();
  const auto load = LoadWith(kNear);
  Pass(absl::Seconds(1));
  ASSERT_EQ(kill(network_.NodePid(kNear), SIGSTOP), 0);  // something lies at the broker
  Pass(absl::Seconds(1));
  TakeSpace();
  Pass(absl::Seconds(3));  // the broker looks every second
  ASSERT_EQ(kill(network_.NodePid(kNear), SIGCONT), 0);
  // What waits is told why, and the mailboxes drain.
  const auto drained = [this] {
    const auto boxes = witnesses_->Mailboxes();
    return boxes.ok() &&
           std::all_of(boxes->mailboxes().begin(), boxes->mailboxes().end(),
                       [](const v1::MailboxInfo& box) { return box.messages() == 0; });
  };
  EXPECT_TRUE(ProcessNetwork::Eventually(drained, kToRest));
  const auto told = [](const v1::NodeMessage& message) {
    return message.passage() == v1::PASSAGE_WAITING &&
           message.detail().find("nearly full") != std::string::npos;
  };
  const auto refused = [&] {
    for (const std::uint32_t node : {kHub, kNear}) {
      const auto messages = witnesses_->Newest(contract::ProvinceCode(node), 1000);
      if (messages.ok() && std::any_of(messages->begin(), messages->end(), told)) return true;
    }
    return false;
  };
  EXPECT_TRUE(ProcessNetwork::Eventually(refused, absl::Seconds(20)))
      << "no message of the outbox says that the broker's disk is nearly full";
  EXPECT_TRUE(network_.BrokerRuns());
  GiveSpaceBack();
  ExpectAllArrives({load.get()});
}

TEST_F(FullDiskTest, NodesDiskNearlyFull_NewApplicationsAreRefusedAndItComesBack) {
  AddToConfig("node-32/node.textproto", absl::StrCat("disk_reserve_bytes: ", Reserve()));
  Begin();
  TakeSpace();
  const auto refused = LoadWith(kNear);
  Pass(absl::Seconds(2));
  refused->Finish(absl::Seconds(30));
  std::size_t told = 0;
  for (const LedCase& led : refused->Cases()) {
    if (led.accepting.value() != kHub) continue;  // the other node has room
    EXPECT_THAT(led.problem, HasSubstr("nearly full"));
    ++told;
  }
  EXPECT_GT(told, 0u);
  GiveSpaceBack();
  const auto load = LoadWith(kNear);
  Pass(absl::Seconds(2));
  ExpectAllArrives({load.get()});
}

TEST_F(TroubleTest, WriteFails_ProcessEndsWithCode3SaysWhyAndLosesNothing) {
  Begin();
  const auto load = LoadWith(kNear);
  Pass(absl::Seconds(1));
  // Logs of processes are files too, and small; those of stores grow past this.
  const struct rlimit none = {1 << 20, RLIM_INFINITY};
  ASSERT_EQ(prlimit(network_.BrokerPid(), RLIMIT_FSIZE, &none, nullptr), 0);
  EXPECT_EQ(network_.AwaitBrokerEnd(), 3);
  EXPECT_THAT(network_.BrokerLog(), HasSubstr("stopped accepting"));
  EXPECT_THAT(network_.BrokerLog(), HasSubstr("File too large"));
  EXPECT_THAT(network_.BrokerLog(), HasSubstr("start the broker again"));
  ASSERT_TRUE(network_.StartBroker());
  ASSERT_EQ(prlimit(network_.NodePid(kNear), RLIMIT_FSIZE, &none, nullptr), 0);
  EXPECT_EQ(network_.AwaitNodeEnd(kNear), 3);
  EXPECT_THAT(network_.NodeLog(kNear), HasSubstr("the storage failed"));
  ASSERT_TRUE(network_.StartNode(kNear));
  ExpectAllArrives({load.get()});
}

}  // namespace
}  // namespace yizhan::testing
