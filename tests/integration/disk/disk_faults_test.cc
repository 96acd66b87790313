// The n-th operation of a disk fails, for every n of one message's life: from
// the start of a process to the last receipt.
#include <filesystem>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/disk/message_life.h"
#include "tests/support/sanitizer.h"

namespace yizhan::testing {
namespace {

namespace fs = std::filesystem;

// Far above the operations of one life; a test that gets here runs in a circle.
constexpr std::uint64_t kMaxOperations = 1000;
constexpr std::uint64_t kStride = kSanitized ? 5 : 1;

class DiskFaultsTest : public ::testing::TestWithParam<const char*> {
 protected:
  DiskFaultsTest()
      : dir_(absl::StrCat(::testing::TempDir(), "yizhan_disk_", std::string(GetParam()))) {}
  ~DiskFaultsTest() override { fs::remove_all(dir_); }

  // Each operation fails in a life of its own.
  void FailEvery(bool power) {
    const absl::Time began = absl::Now();
    std::map<std::string, int> struck;
    int lives = 0;
    int stopped = 0;
    for (std::uint64_t n = 1; n < kMaxOperations; n += kStride) {
      fs::remove_all(dir_);
      MessageLife life(dir_, GetParam(), n);
      const LifeResult result = life.Live(n, power);
      EXPECT_THAT(result.wrong, ::testing::IsEmpty())
          << "operation " << n << ", " << result.struck << " of " << GetParam() << ":\n"
          << absl::StrJoin(result.wrong, "\n");
      ++lives;
      if (result.struck.empty()) break;  // the life is over before its n-th operation
      ++struck[result.struck.substr(0, result.struck.find(" of "))];
      stopped += result.stops > 0 ? 1 : 0;
      ASSERT_FALSE(HasFatalFailure() || HasNonfatalFailure());
    }
    std::printf("%s: %d lives in %.0f s; the fault stopped the process in %d; faults:", GetParam(),
                lives, absl::ToDoubleSeconds(absl::Now() - began), stopped);
    for (const auto& [kind, count] : struck) std::printf(" %s %d", kind.c_str(), count);
    std::printf("\n");
    EXPECT_GT(struck["append"], 0);
    EXPECT_GT(struck["sync"], 0);
    if (kStride == 1) {
      EXPECT_GT(struck["create"], 0);
      EXPECT_GT(struck["rename"], 0);
    }
    EXPECT_GT(struck["read"], 0);
    EXPECT_GT(stopped, 0);
  }

  const std::string dir_;
};

TEST_P(DiskFaultsTest, NthOperationFails_NothingAcceptedIsLost) { FailEvery(false); }

TEST_P(DiskFaultsTest, PowerFailsAtNthOperation_NothingAcceptedIsLost) { FailEvery(true); }

INSTANTIATE_TEST_SUITE_P(Processes, DiskFaultsTest,
                         ::testing::Values("broker", "node-32", "node-34"), [](const auto& of) {
                           std::string name = of.param;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace yizhan::testing
