// kill_test [--kills N] [--seed S]: real processes, killed under load. Without
// arguments as many kills as CI can afford; tools/dev/kill_test runs thousands.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/kills/kill_run.h"
#include "tests/support/sanitizer.h"

namespace yizhan::testing {
namespace {

KillOptions& Options() {
  static KillOptions* const options = new KillOptions;
  return *options;
}

TEST(Kills, ProcessesKilledUnderLoad_NothingIsLostAndNothingHappensTwice) {
  KillRun run(Options());
  ASSERT_TRUE(run.Begin());
  ASSERT_TRUE(run.KillAll());
  run.ComeToRest();
  const std::vector<std::string> wrong = run.Judge();
  EXPECT_THAT(wrong, ::testing::IsEmpty()) << absl::StrJoin(wrong, "\n");
}

}  // namespace
}  // namespace yizhan::testing

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  yizhan::testing::KillOptions& options = yizhan::testing::Options();
  options.binary_dir = YIZHAN_BINARY_DIR;
  options.source_dir = YIZHAN_SOURCE_DIR;
  if (yizhan::testing::kSanitized) options.kills = 12;
  for (int i = 1; i < argc; i += 2) {
    std::uint64_t* const number = std::strcmp(argv[i], "--kills") == 0  ? &options.kills
                                  : std::strcmp(argv[i], "--seed") == 0 ? &options.seed
                                                                        : nullptr;
    if (number == nullptr || i + 1 == argc || !absl::SimpleAtoi(argv[i + 1], number) ||
        options.kills == 0) {
      std::fprintf(stderr, "usage: kill_test [--kills N] [--seed S]\n");
      return 2;
    }
  }
  return RUN_ALL_TESTS();
}
