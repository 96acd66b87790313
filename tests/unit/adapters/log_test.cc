#include "adapters/platform/log/log.h"

#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace yizhan::platform {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class LogTest : public ::testing::Test {
 protected:
  LogTest() {
    SetLogSink([this](absl::string_view line) { lines_.emplace_back(line); });
  }
  ~LogTest() override {
    SetLogSink(nullptr);
    SetLogLevel(LogLevel::kInfo);
  }
  std::vector<std::string> lines_;
};

TEST_F(LogTest, FieldsOfManyTypes_AreOneLogfmtLine) {
  LogInfo("broker.session", "session opened",
          {{"province", 32}, {"ok", true}, {"took", absl::Milliseconds(5)}, {"name", "a"}});
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_THAT(lines_[0], MatchesRegex("time=[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{6}Z "
                                      "level=info component=broker.session msg=\"session opened\" "
                                      "province=32 ok=true took=5ms name=a"));
}

TEST_F(LogTest, ValueWithNewlineAndQuote_CannotForgeALine) {
  LogInfo("x", "y", {{"peer", "a\nlevel=error \"z\""}});
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_THAT(lines_[0], HasSubstr("peer=\"a\\nlevel=error \\\"z\\\"\""));
}

TEST_F(LogTest, ValueTooLong_IsCutBetweenCharacters) {
  std::string value(2047, 'a');
  value += "\xE9\xA9\xBF";  // one character of three bytes across the bound
  LogInfo("x", "y", {{"v", value}});
  EXPECT_THAT(lines_[0], HasSubstr("v=" + std::string(2047, 'a')));
  EXPECT_EQ(lines_[0].back(), 'a');
}

TEST_F(LogTest, BelowLevel_IsDropped) {
  LogDebug("x", "hidden");
  SetLogLevel(LogLevel::kError);
  LogWarning("x", "hidden too");
  LogError("x", "seen");
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_THAT(lines_[0], HasSubstr("level=error component=x msg=seen"));
}

TEST_F(LogTest, StatusField_ShowsCodeAndMessage) {
  LogError("x", "failed", {{"error", absl::NotFoundError("no case")}});
  EXPECT_THAT(lines_[0], HasSubstr("error=\"NOT_FOUND: no case\""));
}

TEST_F(LogTest, ManyThreads_LinesStayWhole) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 200; ++i) LogInfo("thread", "line", {{"t", t}, {"i", i}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(lines_.size(), 800u);
}

TEST_F(LogTest, Limit_PassesOnceAndCountsTheRest) {
  LogLimit never_again(absl::Hours(1));
  EXPECT_EQ(never_again.Pass(), 0u);
  EXPECT_FALSE(never_again.Pass().has_value());
  LogLimit always(absl::ZeroDuration());
  EXPECT_EQ(always.Pass(), 0u);
  EXPECT_EQ(always.Pass(), 0u);
}

TEST(ParseLogLevelTest, KnowsItsFourNames) {
  EXPECT_EQ(ParseLogLevel("warning"), LogLevel::kWarning);
  EXPECT_FALSE(ParseLogLevel("loud").has_value());
}

// A secret must not compile as a value.
template <typename T>
concept Loggable = requires(const T& value) {
  LogField("key", value);
};
static_assert(Loggable<std::string>);
static_assert(!Loggable<contract::SecretBytes>);

}  // namespace
}  // namespace yizhan::platform
