#include "tools/demo/input_folder.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"

namespace yizhan::tools {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

// An application folder and a shipped one, side by side, with a secret beside
// both.
class InputFolderTest : public testing::Test {
 protected:
  InputFolderTest() {
    std::string pattern = (fs::temp_directory_path() / "yizhan-test-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    Write("secret.jpg", "secret");
    Write("shipped/portraits/a.jpg", "shipped a");
    Write("shipped/portraits/b.jpg", "shipped b");
    Write("shipped/registers/32.jsonl", "");
    Write("shipped/points.jsonl", "");
    Write("folder/applications.jsonl", "one\ntwo\n");
    Write("folder/portraits/a.jpg", "own a");
    shipped_.sample = Path("shipped");
    shipped_.points = Path("shipped/points.jsonl");
    shipped_.divisions = Path("shipped/divisions.csv");
    shipped_.register_dirs = {Path("shipped/registers")};
  }
  ~InputFolderTest() override { fs::remove_all(root_); }

  std::string Path(absl::string_view name) const { return absl::StrCat(root_, "/", name); }
  void Write(absl::string_view name, absl::string_view content) const {
    fs::create_directories(fs::path(Path(name)).parent_path());
    std::ofstream(Path(name), std::ios::binary) << content;
  }
  InputFolder Open() const {
    auto input = InputFolder::Open(Path("folder"), shipped_);
    EXPECT_TRUE(input.ok()) << input.status();
    return *std::move(input);
  }

  std::string root_;
  DataFiles shipped_;
};

TEST_F(InputFolderTest, NamedFile_ComesFromTheFolderThenFromTheShippedOne) {
  const InputFolder input = Open();
  EXPECT_EQ(input.ReadImage("portraits/a.jpg"), "own a");
  EXPECT_EQ(input.ReadImage("portraits/b.jpg"), "shipped b");
  EXPECT_EQ(input.ReadImage("portraits/../portraits/./a.jpg"), "own a");
  EXPECT_FALSE(input.ReadImage("portraits/c.jpg").has_value());
}

TEST_F(InputFolderTest, PathOutOfTheFolder_IsNotRead) {
  const InputFolder input = Open();
  for (const std::string& path :
       {std::string("../secret.jpg"), std::string("portraits/../../secret.jpg"), Path("secret.jpg"),
        Path("folder/portraits/a.jpg"), std::string("../shipped/portraits/a.jpg"), std::string(),
        std::string("."), std::string("portraits"), std::string("portraits/a.jpg\0x", 17)}) {
    EXPECT_FALSE(input.ReadImage(path).has_value()) << path;
  }
}

TEST_F(InputFolderTest, LinkOutOfTheFolder_IsNotReadNorReplacedByTheShippedFile) {
  fs::create_symlink(Path("secret.jpg"), Path("folder/portraits/b.jpg"));
  fs::create_directory_symlink(root_, Path("folder/up"));
  fs::create_symlink("a.jpg", Path("folder/portraits/inside.jpg"));
  const InputFolder input = Open();
  EXPECT_FALSE(input.ReadImage("portraits/b.jpg").has_value());
  EXPECT_FALSE(input.ReadImage("up/secret.jpg").has_value());
  EXPECT_EQ(input.ReadImage("portraits/inside.jpg"), "own a");
}

TEST_F(InputFolderTest, FileTooLongForAMessage_IsNotRead) {
  Write("folder/portraits/long.jpg", std::string((1 << 20) + 1, 'x'));
  EXPECT_FALSE(Open().ReadImage("portraits/long.jpg").has_value());
}

TEST_F(InputFolderTest, OwnFiles_StandInThePlaceOfShippedOnes) {
  Write("folder/points.jsonl", "");
  Write("folder/registers/34.jsonl", "");
  Write("folder/expected.jsonl", "");
  const InputFolder input = Open();
  EXPECT_EQ(input.data().points, Path("folder/points.jsonl"));
  EXPECT_EQ(input.data().divisions, Path("shipped/divisions.csv"));
  EXPECT_EQ(input.data().RegisterOf(contract::ProvinceCode(34)), Path("folder/registers/34.jsonl"));
  EXPECT_EQ(input.data().RegisterOf(contract::ProvinceCode(32)),
            Path("shipped/registers/32.jsonl"));
  EXPECT_EQ(input.data().RegisterOf(contract::ProvinceCode(31)), "");
  EXPECT_EQ(input.expected_file(), Path("folder/expected.jsonl"));
}

TEST_F(InputFolderTest, FolderWithoutApplications_IsRefused) {
  const auto input = InputFolder::Open(Path("shipped"), shipped_);
  EXPECT_EQ(contract::ReasonOf(input.status()), v1::CONFIG_INVALID);
}

TEST(SplitLines, LastLineEnd_BeginsNoLine) {
  EXPECT_THAT(SplitLines(""), IsEmpty());
  EXPECT_THAT(SplitLines("a"), ElementsAre("a"));
  EXPECT_THAT(SplitLines("a\n"), ElementsAre("a"));
  EXPECT_THAT(SplitLines("a\n\nb\n\n"), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(SplitLines("\n"), ElementsAre(""));
}

TEST_F(InputFolderTest, Findings_AreByNumberWithUpperCaseX) {
  Write("r.jsonl",
        "{\"id_number\": \"11010519491231002x\", \"county_finding\": \"RETAKE_PORTRAIT\"}\n"
        "{\"id_number\": \"2\"}\n");
  const auto findings = LoadFindings(Path("r.jsonl"));
  ASSERT_TRUE(findings.ok()) << findings.status();
  EXPECT_THAT(*findings, ElementsAre(Pair("11010519491231002X", CountyFinding::kRetakePortrait),
                                     Pair("2", CountyFinding::kNone)));
  EXPECT_TRUE(LoadFindings("")->empty());
}

TEST_F(InputFolderTest, FindingThatNobodyKnows_NamesItsLine) {
  Write("r.jsonl", "{\"id_number\": \"1\"}\n{\"id_number\": \"2\", \"county_finding\": \"ODD\"}\n");
  const auto findings = LoadFindings(Path("r.jsonl"));
  EXPECT_EQ(contract::ReasonOf(findings.status()), v1::CONFIG_INVALID);
  EXPECT_THAT(std::string(findings.status().message()), HasSubstr("r.jsonl:2"));
}

TEST_F(InputFolderTest, Points_OnlyDesignatedOnesAreTaken) {
  Write("p.jsonl",
        "{\"code\": \"1\", \"designated\": true, \"valid_from\": \"2016-07-01\"}\n"
        "{\"code\": \"2\", \"designated\": false, \"valid_from\": \"2016-07-01\"}\n");
  const auto points = LoadDesignatedPoints(Path("p.jsonl"));
  ASSERT_TRUE(points.ok()) << points.status();
  EXPECT_THAT(*points, ElementsAre(Pair("1", absl::CivilDay(2016, 7, 1))));
  Write("p.jsonl", "{\"code\": \"1\", \"designated\": \"yes\", \"valid_from\": \"2016-07-01\"}\n");
  EXPECT_THAT(std::string(LoadDesignatedPoints(Path("p.jsonl")).status().message()),
              HasSubstr("p.jsonl:1"));
}

}  // namespace
}  // namespace yizhan::tools
