#include "tools/demo/feeder.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/tools/fake_desk.h"

namespace yizhan::tools {
namespace {

namespace fs = std::filesystem;
using contract::ProvinceCode;
using ::testing::ElementsAre;

// Hands lines in to two fake nodes, 32 and 31, with the shipped data behind.
class FeederTest : public testing::Test {
 protected:
  FeederTest() {
    std::string pattern = (fs::temp_directory_path() / "yizhan-test-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    options_.running = {ProvinceCode(32), ProvinceCode(31)};
    options_.in_flight = 3;
    options_.quiet = absl::ZeroDuration();
    options_.stall = absl::ZeroDuration();
    options_.run_name = "t";
    options_.interrupted = [] { return false; };
    options_.on_progress = [](absl::string_view) {};
  }
  ~FeederTest() override { fs::remove_all(folder_); }

  // A line of the shipped sample that ends in HANDED_OVER, changed.
  static std::string Line(const std::string& ref, const std::string& point = "320106001") {
    std::ifstream in(absl::StrCat(YIZHAN_SOURCE_DIR, "/tools/demo/sample/applications.jsonl"));
    std::string line;
    std::getline(in, line);
    return absl::StrReplaceAll(line, {{"P0000", ref}, {"320106001", point}});
  }

  // "REF STATE REASON" of every line.
  std::vector<std::string> Feed(const std::vector<std::string>& lines) {
    std::ofstream(absl::StrCat(folder_, "/applications.jsonl")) << absl::StrJoin(lines, "\n");
    FlagSet flags;
    DeclareDataFlags(flags);
    EXPECT_TRUE(flags.Parse({absl::StrCat("--data=", YIZHAN_SOURCE_DIR)}).ok());
    const auto input = InputFolder::Open(folder_, *DataFilesOf(flags));
    EXPECT_TRUE(input.ok()) << input.status();
    const auto local = LocalDecision::Load(input->data());
    EXPECT_TRUE(local.ok()) << local.status();
    CaseBoard board;
    const auto result = tools::Feed(*input, **local, &desk_, &board, options_);
    EXPECT_TRUE(result.ok()) << result.status();
    std::vector<std::string> endings;
    for (const LineResult& line : result->lines) {
      EXPECT_TRUE(line.problem.ok()) << line.problem;
      endings.push_back(absl::StrCat(line.outcome.ref.value_or("-"), " ", line.outcome.final_state,
                                     " ", line.outcome.reason));
    }
    return endings;
  }

  std::string folder_;
  FakeDesk desk_;
  FeedOptions options_;
};

TEST_F(FeederTest, EveryLine_HasItsOutcomeInItsPlace) {
  EXPECT_THAT(Feed({Line("A"), "", "{\"ref\": null}", Line("B"), Line("A"), "{\"ref\": \"C\"",
                    Line("C", "610629099")}),
              ElementsAre("A HANDED_OVER ", "- INVALID LINE_UNREADABLE",
                          "- INVALID LINE_UNREADABLE", "B HANDED_OVER ", "A INVALID DUPLICATE_REF",
                          "- INVALID LINE_UNREADABLE", "C NOT_ACCEPTED POINT_NOT_DESIGNATED"));
}

TEST_F(FeederTest, DuplicateOfAMalformedApplication_IsADuplicate) {
  desk_.apply_refusal = v1::FIELD_INVALID;
  EXPECT_THAT(Feed({Line("A"), Line("A")}),
              ElementsAre("A INVALID FIELD_INVALID", "A INVALID DUPLICATE_REF"));
}

TEST_F(FeederTest, PointOfAProvinceWithoutNode_IsJudgedByTheFeederInOrder) {
  const std::string other = Line("A", "610629001");
  const auto ending = [&](const std::string& what, const std::string& instead) {
    return Feed({absl::StrReplaceAll(other, {{what, instead}})})[0];
  };
  EXPECT_EQ(Feed({other})[0], "A NOT_ACCEPTED LINK_NOT_OPEN");
  EXPECT_EQ(ending("\"fee_fen\": 2000", "\"fee_fen\": 4500"), "A INVALID FEE_MISMATCH");
  EXPECT_EQ(ending("2016-07-20", "2016-06-30"), "A NOT_ACCEPTED POINT_NOT_DESIGNATED");
  EXPECT_EQ(ending("\"sex\": \"2\"", "\"sex\": 2"), "A INVALID FIELD_INVALID");
  EXPECT_EQ(ending("310120195204266289", "310120195204266280"), "A INVALID ID_NUMBER_INVALID");
  EXPECT_EQ(ending("\"sex\": \"2\"", "\"sex\": \"1\""), "A INVALID SEX_DIFFERS_FROM_ID");
  EXPECT_EQ(ending("\"home_division\": \"310120\"", "\"home_division\": \"319999\""),
            "A INVALID DIVISION_UNKNOWN");
  EXPECT_EQ(ending("portraits/p11.jpg", "portraits/wrong_size.jpg"), "A INVALID PORTRAIT_INVALID");
  EXPECT_EQ(ending("fingerprints/f11.bin", "fingerprints/short.bin"),
            "A INVALID FINGERPRINT_INVALID");
}

TEST_F(FeederTest, StoppedHome_CasesWaitInTheirState) {
  options_.running = {ProvinceCode(32)};
  options_.stopped = {ProvinceCode(31)};
  desk_.stopped_homes = {ProvinceCode(31)};
  EXPECT_THAT(Feed({Line("A"), Line("B")}), ElementsAre("A APPLIED ", "B APPLIED "));
}

}  // namespace
}  // namespace yizhan::tools
