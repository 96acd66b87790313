#include "tools/yizhan/flags.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"

namespace yizhan::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

FlagSet SomeFlags() {
  FlagSet flags;
  flags.AddText("dir", "DIR", "", "Folder.");
  flags.AddChoice("output", {"table", "json"}, "table", "Form.");
  flags.AddSwitch("fast", "Short waits.");
  flags.AddNumber("base-port", "PORT", 0, 0, 65000, "First port.");
  flags.AddDuration("window", absl::Hours(2), "How long.");
  flags.AddList("provinces", "NN", "32,34", "Provinces.");
  return flags;
}

std::string NextStep(const absl::Status& status) { return contract::DetailOf(status).next_step(); }

TEST(Flags, NothingGiven_HasDefaults) {
  FlagSet flags = SomeFlags();
  ASSERT_TRUE(flags.Parse({}).ok());
  EXPECT_EQ(flags.Text("output"), "table");
  EXPECT_FALSE(flags.Switch("fast"));
  EXPECT_EQ(flags.Duration("window"), absl::Hours(2));
  EXPECT_THAT(flags.List("provinces"), ElementsAre("32", "34"));
  EXPECT_FALSE(flags.Given("provinces"));
}

TEST(Flags, BothForms_AreRead) {
  FlagSet flags = SomeFlags();
  ASSERT_TRUE(flags
                  .Parse({"--dir=a", "--output", "json", "--fast", "--base-port", "2100",
                          "--window=90s", "rest"})
                  .ok());
  EXPECT_EQ(flags.Text("dir"), "a");
  EXPECT_EQ(flags.Text("output"), "json");
  EXPECT_TRUE(flags.Switch("fast"));
  EXPECT_EQ(flags.Number("base-port"), 2100);
  EXPECT_EQ(flags.Duration("window"), absl::Seconds(90));
  EXPECT_THAT(flags.positionals(), ElementsAre("rest"));
}

TEST(Flags, RepeatedList_AddsUpInsteadOfTheDefault) {
  FlagSet flags = SomeFlags();
  ASSERT_TRUE(flags.Parse({"--provinces=31", "--provinces", "33, 35"}).ok());
  EXPECT_THAT(flags.List("provinces"), ElementsAre("31", "33", "35"));
}

TEST(Flags, NegatedSwitch_IsFalse) {
  FlagSet flags = SomeFlags();
  ASSERT_TRUE(flags.Parse({"--fast", "--no-fast"}).ok());
  EXPECT_FALSE(flags.Switch("fast"));
}

TEST(Flags, AfterTwoDashes_AllIsPositional) {
  FlagSet flags = SomeFlags();
  ASSERT_TRUE(flags.Parse({"--", "--dir"}).ok());
  EXPECT_THAT(flags.positionals(), ElementsAre("--dir"));
}

TEST(Flags, UnknownFlag_NamesTheNearest) {
  FlagSet flags = SomeFlags();
  const absl::Status status = flags.Parse({"--provices=32"});
  EXPECT_EQ(contract::ReasonOf(status), v1::CONFIG_INVALID);
  EXPECT_THAT(NextStep(status), HasSubstr("--provinces"));
}

TEST(Flags, BeginningOfAFlag_NamesIt) {
  FlagSet flags = SomeFlags();
  EXPECT_THAT(NextStep(flags.Parse({"--prov=32"})), HasSubstr("--provinces"));
}

TEST(Flags, FlagLikeNothing_PointsToHelp) {
  FlagSet flags = SomeFlags();
  EXPECT_THAT(NextStep(flags.Parse({"--zzzzzzzzzz"})), HasSubstr("--help"));
}

TEST(Flags, WrongValues_AreRefusedWithWhatFits) {
  for (const char* argument : {"--output=xml", "--base-port=70000", "--base-port=x", "--window=2",
                               "--window=-1s", "--window=inf", "--fast=maybe"}) {
    FlagSet flags = SomeFlags();
    EXPECT_EQ(contract::ReasonOf(flags.Parse({argument})), v1::CONFIG_INVALID) << argument;
  }
}

TEST(Flags, LastFlagWithoutValue_IsRefused) {
  FlagSet flags = SomeFlags();
  EXPECT_EQ(contract::ReasonOf(flags.Parse({"--dir"})), v1::CONFIG_INVALID);
}

TEST(Flags, Help_ShowsEveryFlagWithItsDefault) {
  const std::string help = SomeFlags().Help();
  EXPECT_THAT(help, HasSubstr("--dir=DIR"));
  EXPECT_THAT(help, HasSubstr("Form. [table]"));
  EXPECT_THAT(help, HasSubstr("--window=DURATION"));
}

}  // namespace
}  // namespace yizhan::tools
