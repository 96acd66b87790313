#include "adapters/platform/json/json.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "adapters/platform/json/json_lines.h"

namespace yizhan::platform {
namespace {

TEST(JsonTest, Object_MembersKeepTheirOrderAndTypes) {
  const auto value = JsonValue::Parse(R"({"b": 2, "a": "\u4e2d·𠮷", "c": [true, null, 1.5]})");
  ASSERT_TRUE(value.ok()) << value.status();
  ASSERT_EQ(value->members().size(), 3U);
  EXPECT_EQ(value->members()[0].name, "b");
  EXPECT_EQ(value->FindInteger("b"), 2);
  EXPECT_EQ(value->FindString("a"), "中·𠮷");
  EXPECT_EQ(value->FindString("b"), std::nullopt);
  EXPECT_EQ(value->Find("c")->items()[0].AsBool(), true);
  EXPECT_TRUE(value->Find("c")->items()[1].is_null());
  EXPECT_EQ(value->Find("c")->items()[2].AsInteger(), std::nullopt);
  EXPECT_EQ(value->Find("c")->items()[2].AsNumber(), 1.5);
  EXPECT_EQ(value->Find("d"), nullptr);
  EXPECT_EQ(value->Dump(), R"({"b":2,"a":"中·𠮷","c":[true,null,1.5]})");
}

TEST(JsonTest, MalformedTexts_AreRefused) {
  for (const char* text : {"", "{", "{\"a\":1}x", "{\"a\":1,\"a\":2}", "{'a':1}", "[1,]", "nul",
                           "\"\xff\"", "\"\xed\xa0\x80\"", "\"\\ud800\"", "01", "+1", "NaN",
                           "{\"a\" 1}", "\"tab\there\"", "1e999", "// c\n1"}) {
    EXPECT_FALSE(JsonValue::Parse(text).ok()) << text;
  }
}

TEST(JsonTest, DepthAndLength_AreBounded) {
  EXPECT_TRUE(JsonValue::Parse(std::string(32, '[') + std::string(32, ']')).ok());
  EXPECT_FALSE(JsonValue::Parse(std::string(33, '[') + std::string(33, ']')).ok());
  EXPECT_FALSE(JsonValue::Parse(std::string(1'000'000, '[')).ok());
  EXPECT_FALSE(JsonValue::Parse("[1,2]", {.max_bytes = 4}).ok());
}

TEST(JsonTest, HugeIntegers_AreNoIntegers) {
  EXPECT_EQ(JsonValue::Parse("9223372036854775807")->AsInteger(), 9223372036854775807);
  EXPECT_EQ(JsonValue::Parse("9223372036854775808")->AsInteger(), std::nullopt);
}

TEST(JsonTest, Built_IsReadBackTheSame) {
  JsonValue value = JsonValue::Object();
  value.Set("ref", "P1").Set("reason", JsonValue()).Set("fee", JsonValue::Integer(-1));
  value.Set("ref", "P\"\n2").Set("list", JsonValue::Array().Append(JsonValue::Number(0.25)));
  EXPECT_EQ(value.Dump(), R"({"ref":"P\"\n2","reason":null,"fee":-1,"list":[0.25]})");
  EXPECT_EQ(JsonValue::Parse(value.Dump(2))->Dump(), value.Dump());
}

class JsonLinesTest : public testing::Test {
 protected:
  std::string Write(const std::string& content) {
    const std::string path = testing::TempDir() + "/yizhan_json_lines_test.jsonl";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  absl::Status Read(const std::string& content) {
    return ForEachJsonLine(Write(content), [this](std::size_t line, const JsonValue&) {
      lines_.push_back(line);
      return absl::OkStatus();
    });
  }
  std::vector<std::size_t> lines_;
};

TEST_F(JsonLinesTest, EmptyLinesAndCarriageReturns_ArePassedOver) {
  EXPECT_TRUE(Read("{}\r\n\r\n\n{\"a\":1}").ok());
  EXPECT_EQ(lines_, (std::vector<std::size_t>{1, 4}));
}

TEST_F(JsonLinesTest, BrokenLine_IsNamedByItsNumber) {
  const absl::Status status = Read("{}\n[]\n");
  EXPECT_NE(status.message().find(".jsonl:2: "), absl::string_view::npos) << status;
  EXPECT_FALSE(Read("{\"a\":\"" + std::string(kMaxJsonLineBytes, 'x') + "\"}\n").ok());
}

TEST_F(JsonLinesTest, MissingFile_IsNotFound) {
  EXPECT_EQ(ForEachJsonLine("/nonexistent/x",
                            [](std::size_t, const JsonValue&) { return absl::OkStatus(); })
                .code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace yizhan::platform
