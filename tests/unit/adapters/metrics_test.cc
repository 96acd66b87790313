#include "adapters/platform/metrics/metrics.h"

#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "adapters/platform/http/http_get.h"
#include "adapters/platform/metrics/metrics_server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A bit of everything, declared as the rules ask.
void Fill(MetricsRegistry* registry) {
  registry->AddCounter("yizhan_accepted_total", "Messages accepted.", {{"lane", "business"}})
      ->Increment(3);
  registry->AddGauge("yizhan_mailbox_bytes", "Bytes that wait.", {{"destination", "34"}})->Set(17);
  registry->AddHistogram("yizhan_commit_seconds", "Time of a commit.", LatencyBuckets())
      ->Observe(0.003);
}

TEST(MetricsTest, EveryKind_IsInTheTextWithHelpAndLabels) {
  MetricsRegistry registry;
  Fill(&registry);
  EXPECT_THAT(registry.Collect(),
              AllOf(HasSubstr("# HELP yizhan_accepted_total Messages accepted.\n"),
                    HasSubstr("# TYPE yizhan_accepted_total counter\n"),
                    HasSubstr("yizhan_accepted_total{lane=\"business\"} 3"),
                    HasSubstr("yizhan_mailbox_bytes{destination=\"34\"} 17"),
                    HasSubstr("yizhan_commit_seconds_bucket{le=\"0.004\"} 1"),
                    HasSubstr("yizhan_commit_seconds_bucket{le=\"0.002\"} 0"),
                    HasSubstr("yizhan_commit_seconds_count 1")));
}

TEST(MetricsTest, SameNameAndLabels_GiveTheSameCounter) {
  MetricsRegistry registry;
  Counter* one = registry.AddCounter("yizhan_x_total", "X.", {{"reason", "a"}});
  Counter* other = registry.AddCounter("yizhan_x_total", "X.", {{"reason", "b"}});
  EXPECT_EQ(registry.AddCounter("yizhan_x_total", "X.", {{"reason", "a"}}), one);
  EXPECT_NE(one, other);
  one->Increment();
  EXPECT_EQ(one->Value(), 1);
  EXPECT_EQ(other->Value(), 0);
}

TEST(MetricsTest, Collector_RunsBeforeEachCollection) {
  MetricsRegistry registry;
  Gauge* gauge = registry.AddGauge("yizhan_waiting_messages", "Waiting.");
  int asked = 0;
  registry.AddCollector([&] { gauge->Set(++asked); });
  EXPECT_THAT(registry.Collect(), HasSubstr("yizhan_waiting_messages 1"));
  EXPECT_THAT(registry.Collect(), HasSubstr("yizhan_waiting_messages 2"));
}

TEST(MetricsTest, TwoRegistriesFilledInOtherOrder_GiveTheSameText) {
  MetricsRegistry one, other;
  for (int i = 0; i < 20; ++i) {
    one.AddGauge("yizhan_depth", "D.", {{"p", std::to_string(i)}});
    other.AddGauge("yizhan_depth", "D.", {{"p", std::to_string(19 - i)}});
  }
  EXPECT_EQ(one.Collect(), other.Collect());
}

using MetricsDeathTest = ::testing::Test;
TEST(MetricsDeathTest, WrongDeclarations_EndTheProcess) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  MetricsRegistry registry;
  registry.AddCounter("yizhan_x_total", "X.");
  EXPECT_DEATH(registry.AddGauge("yizhan_x_total", "X."), "already a counter");
  EXPECT_DEATH(registry.AddCounter("yizhan_x_total", "Y."), "another help text");
  EXPECT_DEATH(registry.AddCounter("yizhan x", "X."), "declared wrongly");
  EXPECT_DEATH(registry.AddCounter("yizhan_y_total", "X.", {{"not a label", "v"}}),
               "declared wrongly");
}

// Runs `promtool check metrics` on the text; its output, empty where clean.
std::string Promtool(const std::string& text) {
  std::string pattern = ::testing::TempDir() + "promtool_XXXXXX";
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  std::ofstream(folder / "metrics") << text;
  const std::string command =
      "promtool check metrics < " + (folder / "metrics").string() + " 2>&1; echo \"exit $?\"";
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), &::pclose);
  std::string output;
  char buffer[512];
  while (std::fgets(buffer, sizeof(buffer), pipe.get()) != nullptr) output += buffer;
  std::filesystem::remove_all(folder);
  return output;
}

class PromtoolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::system("command -v promtool >/dev/null 2>&1") == 0) return;
    if (::getenv("CI") != nullptr) FAIL() << "promtool is missing: install the package prometheus";
    GTEST_SKIP() << "promtool is missing";
  }
};

TEST_F(PromtoolTest, OurText_IsClean) {
  MetricsRegistry registry;
  Fill(&registry);
  EXPECT_EQ(Promtool(registry.Collect()), "exit 0\n");
}

TEST_F(PromtoolTest, CounterWithoutTotal_IsFound) {
  MetricsRegistry registry;
  registry.AddCounter("yizhan_accepted", "Messages accepted.");
  EXPECT_THAT(Promtool(registry.Collect()), Not(HasSubstr("exit 0")));
}

TEST_F(PromtoolTest, PageOfTheServer_IsClean) {
  MetricsRegistry registry;
  Fill(&registry);
  auto server = MetricsServer::Start(&registry, "127.0.0.1:0");
  ASSERT_TRUE(server.ok()) << server.status().message();
  for (int scrape = 0; scrape < 2; ++scrape) {
    auto page = HttpGet("127.0.0.1", (*server)->port(), "/metrics", absl::Seconds(10));
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_EQ(page->code, 200);
    EXPECT_THAT(page->body, HasSubstr("yizhan_accepted_total{lane=\"business\"} 3"));
    EXPECT_EQ(Promtool(page->body), "exit 0\n");
  }
}

TEST(MetricsServerTest, OtherPath_IsNotFound) {
  MetricsRegistry registry;
  auto server = MetricsServer::Start(&registry, "127.0.0.1:0");
  ASSERT_TRUE(server.ok());
  auto page = HttpGet("127.0.0.1", (*server)->port(), "/secret", absl::Seconds(10));
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->code, 404);
}

TEST(MetricsServerTest, TakenPortOrNonsense_IsAConfigError) {
  MetricsRegistry registry;
  auto server = MetricsServer::Start(&registry, "127.0.0.1:0");
  ASSERT_TRUE(server.ok());
  const std::string taken = "127.0.0.1:" + std::to_string((*server)->port());
  for (const std::string& address : {taken, std::string("nonsense:x")}) {
    auto second = MetricsServer::Start(&registry, address);
    ASSERT_FALSE(second.ok()) << address;
    EXPECT_EQ(contract::ReasonOf(second.status()), v1::CONFIG_INVALID);
    EXPECT_THAT(std::string(second.status().message()), HasSubstr(address));
  }
}

TEST(HttpGetTest, NobodyListens_IsUnavailable) {
  std::uint16_t port = 0;
  {
    MetricsRegistry registry;
    port = (*MetricsServer::Start(&registry, "127.0.0.1:0"))->port();
  }
  auto page = HttpGet("127.0.0.1", port, "/", absl::Seconds(10));
  EXPECT_EQ(page.status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace yizhan::platform
