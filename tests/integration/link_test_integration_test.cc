// The connectivity test between real processes: the gate of the exchange.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/process_network.h"

namespace yizhan {
namespace {

using ::testing::HasSubstr;
using testing::ProcessNetwork;
using testing::ProgramResult;

TEST(LinkTestProcesses, NotArmed_TestIsRefusedAndNoRouteOpens) {
  ProcessNetwork network(YIZHAN_BINARY_DIR, {32, 34});
  ASSERT_TRUE(network.StartAll());
  EXPECT_EQ(network.OpenRoutes(), 0);
  const ProgramResult refused =
      network.Yizhan({"link", "test", "--node", "32", "--peer", "34", "--fast"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.out + refused.err, HasSubstr("LINK_NOT_ARMED"));
  EXPECT_EQ(network.OpenRoutes(), 0);
}

TEST(LinkTestProcesses, ArmedAndTested_BothRoutesOpen_AndATestAgainPassesToo) {
  ProcessNetwork network(YIZHAN_BINARY_DIR, {32, 34});
  ASSERT_TRUE(network.StartAll());
  ASSERT_TRUE(network.OpenLink(32, 34));
  EXPECT_EQ(network.OpenRoutes(), 2);
  // Certified anew over open routes: the closed pair is shown elsewhere.
  ASSERT_TRUE(network.OpenLink(34, 32));
  EXPECT_EQ(network.OpenRoutes(), 2);
}

TEST(LinkTestProcesses, BrokerRestarts_RoutesStayOpen) {
  ProcessNetwork network(YIZHAN_BINARY_DIR, {32, 34});
  ASSERT_TRUE(network.StartAll());
  ASSERT_TRUE(network.OpenLink(32, 34));
  network.KillBroker();
  ASSERT_TRUE(network.StartBroker());
  EXPECT_EQ(network.OpenRoutes(), 2);
}

TEST(LinkTestProcesses, CounterpartIsAway_RunFailsInTheFirstCase) {
  ProcessNetwork network(YIZHAN_BINARY_DIR, {32, 34});
  ASSERT_TRUE(network.StartAll());
  ASSERT_EQ(
      network.Yizhan({"link", "arm", "--node", "34", "--peer", "32", "--window", "10m"}).exit_code,
      0);
  network.KillNode(34);
  const ProgramResult failed =
      network.Yizhan({"link", "test", "--node", "32", "--peer", "34", "--fast"}, absl::Minutes(3));
  EXPECT_NE(failed.exit_code, 0);
  EXPECT_THAT(failed.out + failed.err, HasSubstr("M01"));
  EXPECT_EQ(network.OpenRoutes(), 0);
}

TEST(LinkTestProcesses, ThreePartnersAtOnce_AllRoutesOpen) {
  ProcessNetwork network(YIZHAN_BINARY_DIR, {32, 34, 41, 31});
  ASSERT_TRUE(network.StartAll());
  for (const char* partner : {"34", "41", "31"}) {
    ASSERT_EQ(network.Yizhan({"link", "arm", "--node", partner, "--peer", "32", "--window", "10m"})
                  .exit_code,
              0);
  }
  std::vector<std::thread> tests;
  std::atomic<int> certified{0};
  for (const char* partner : {"34", "41", "31"}) {
    tests.emplace_back([&network, &certified, partner] {
      const ProgramResult done = network.Yizhan(
          {"link", "test", "--node", "32", "--peer", partner, "--fast"}, absl::Minutes(3));
      EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
      certified += done.exit_code == 0 ? 1 : 0;
    });
  }
  for (std::thread& one : tests) one.join();
  EXPECT_EQ(certified, 3);
  EXPECT_EQ(network.OpenRoutes(), 6);
}

}  // namespace
}  // namespace yizhan
