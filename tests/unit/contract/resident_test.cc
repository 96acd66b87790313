#include "protos/contract/resident.h"

#include "gtest/gtest.h"

namespace yizhan::contract {
namespace {

using absl::CivilDay;

TEST(IdNumber, Standard_ExampleIsRead) {
  const auto id = IdNumber::Parse("11010519491231002X");
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(id->str(), "11010519491231002X");
  EXPECT_EQ(id->birth_date(), CivilDay(1949, 12, 31));
  EXPECT_EQ(id->sex(), "2");
  EXPECT_EQ(id->Masked(), "110105**********2X");
}

TEST(IdNumber, LowerCaseX_IsReadAsUpperCase) {
  const auto id = IdNumber::Parse("11010519491231002x");
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(id->str(), "11010519491231002X");
}

TEST(IdNumber, OddOrderNumber_IsMale) {
  const auto id = IdNumber::Parse("310151198503194711");
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(id->sex(), "1");
}

TEST(IdNumber, AnyOneWrongCharacter_IsFound) {
  const std::string good = "310151198503194711";
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (char c : std::string("0123456789Xx -")) {
      if (c == good[i]) continue;
      std::string bad = good;
      bad[i] = c;
      EXPECT_FALSE(IdNumber::Parse(bad).has_value()) << bad;
    }
  }
}

TEST(IdNumber, ImpossibleDateLengthOrScript_IsRefused) {
  // Check characters fit; the dates are 1985-02-30, 1985-13-01 and 0000-00-00.
  for (const char* text : {"", "31015119850319471", "3101511985031947110", "１１010519491231002X",
                           "X10105194912310020"}) {
    EXPECT_FALSE(IdNumber::Parse(text).has_value()) << text;
  }
  int refused = 0;
  for (const char* prefix :
       {"31015119850230471", "31015119851301471", "31015100000000471", "31015119000229471"}) {
    for (char check : std::string("0123456789X")) {
      if (!IdNumber::Parse(std::string(prefix) + check).has_value()) ++refused;
    }
  }
  EXPECT_EQ(refused, 4 * 11);
}

TEST(AcceptanceNumber, HasItsParts) {
  const auto number = MakeAcceptanceNumber("320106001", CivilDay(2016, 7, 5), 42);
  ASSERT_TRUE(number.has_value());
  EXPECT_EQ(*number, "3201060012016070500042");
  EXPECT_TRUE(IsAcceptanceNumber(*number));
  EXPECT_EQ(MaskAcceptanceNumber(*number), "320106001**********042");
}

TEST(AcceptanceNumber, PartsThatDoNotFit_AreRefused) {
  const CivilDay day(2016, 7, 5);
  EXPECT_FALSE(MakeAcceptanceNumber("32010600", day, 1).has_value());
  EXPECT_FALSE(MakeAcceptanceNumber("32010600a", day, 1).has_value());
  EXPECT_FALSE(MakeAcceptanceNumber("320106001", day, 0).has_value());
  EXPECT_FALSE(MakeAcceptanceNumber("320106001", day, 100000).has_value());
  EXPECT_TRUE(MakeAcceptanceNumber("320106001", day, 99999).has_value());
  EXPECT_FALSE(IsAcceptanceNumber("3201060012016023000042"));
  EXPECT_FALSE(IsAcceptanceNumber("3201060012016070500000"));
  EXPECT_FALSE(IsAcceptanceNumber("32010600120160705000421"));
  EXPECT_EQ(MaskAcceptanceNumber("short"), "*****");
}

TEST(Dates, RealDays_AreReadAndWritten) {
  EXPECT_EQ(ParseDate("2016-02-29"), CivilDay(2016, 2, 29));
  EXPECT_EQ(FormatDate(CivilDay(1952, 4, 6)), "1952-04-06");
  for (const char* text : {"", "2015-02-29", "2016-2-29", "2016-02-29 ", "2016/02/29", "2016-00-10",
                           "2016-13-01", "2016-12-32", "+016-12-01", "20160-1-01"}) {
    EXPECT_FALSE(ParseDate(text).has_value()) << text;
  }
}

TEST(Dates, BusinessDay_TurnsAtMidnightInShanghai) {
  const auto utc = [](int h, int m) {
    return absl::FromCivil(absl::CivilMinute(2016, 7, 20, h, m), absl::UTCTimeZone());
  };
  EXPECT_EQ(ShanghaiDay(utc(15, 59)), CivilDay(2016, 7, 20));
  EXPECT_EQ(ShanghaiDay(utc(16, 0)), CivilDay(2016, 7, 21));
}

TEST(Age, ChangesOnTheBirthday) {
  EXPECT_EQ(AgeOn(CivilDay(2000, 7, 5), CivilDay(2016, 7, 4)), 15);
  EXPECT_EQ(AgeOn(CivilDay(2000, 7, 5), CivilDay(2016, 7, 5)), 16);
  EXPECT_EQ(AgeOn(CivilDay(2000, 2, 29), CivilDay(2015, 2, 28)), 14);
  EXPECT_EQ(AgeOn(CivilDay(2000, 2, 29), CivilDay(2015, 3, 1)), 15);
  EXPECT_EQ(AgeOn(CivilDay(2016, 7, 5), CivilDay(2016, 7, 5)), 0);
}

TEST(Codes, AreThoseOfTheTables) {
  int ethnicities = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string code = {static_cast<char>('0' + i / 10), static_cast<char>('0' + i % 10)};
    ethnicities += IsEthnicityCode(code) ? 1 : 0;
  }
  EXPECT_EQ(ethnicities, 60);
  EXPECT_TRUE(IsEthnicityCode("58") && IsEthnicityCode("97") && IsEthnicityCode("98"));
  EXPECT_FALSE(IsEthnicityCode("00") || IsEthnicityCode("59") || IsEthnicityCode("99"));
  EXPECT_FALSE(IsEthnicityCode("1") || IsEthnicityCode("001") || IsEthnicityCode("0x"));
  EXPECT_TRUE(IsSexCode("0") && IsSexCode("1") && IsSexCode("2") && IsSexCode("9"));
  EXPECT_FALSE(IsSexCode("3") || IsSexCode("") || IsSexCode("12") || IsSexCode("M"));
}

}  // namespace
}  // namespace yizhan::contract
