#include "protos/contract/ids.h"

#include "gtest/gtest.h"

namespace yizhan::contract {
namespace {

TEST(Ids, MessageId_CarriesMillisecondsVersionAndVariant) {
  // RFC 9562, appendix A.6: 2022-02-22T19:22:22Z.
  const std::string random("\xcc\xc3\x18\xc4\xdc\x0c\x0c\x07\x39\x8f", 10);
  EXPECT_EQ(FormatUuid(MakeMessageId(1645557742000000, random)),
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

TEST(Ids, MessageIds_SortByTime) {
  const std::string random(10, '\xff');
  EXPECT_LT(MakeMessageId(1'000'000, random), MakeMessageId(1'001'000, std::string(10, '\0')));
}

TEST(Ids, Uuid_IsReadInBothForms) {
  const MessageId id = MakeMessageId(1645557742000000, "0123456789");
  EXPECT_EQ(ParseUuid(FormatUuid(id)), id);
  EXPECT_EQ(ParseUuid(id.hex()), id);
  EXPECT_EQ(ParseUuid("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"),
            ParseUuid("017f22e279b07cc398c4dc0c0c07398f"));
}

TEST(Ids, Uuid_MalformedIsRefused) {
  for (const char* text :
       {"", "017f22e2-79b0-7cc3-98c4-dc0c0c07398", "017f22e2+79b0-7cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g", "g17f22e279b07cc398c4dc0c0c07398f"}) {
    EXPECT_FALSE(ParseUuid(text).has_value()) << text;
  }
}

TEST(Ids, ProvinceOfDivision_TakesTheFirstTwoDigits) {
  EXPECT_EQ(ProvinceCode::OfDivision("320106001"), ProvinceCode(32));
  EXPECT_EQ(ProvinceCode::OfDivision("510107"), ProvinceCode(51));
  EXPECT_FALSE(ProvinceCode::OfDivision("000000").valid());
  EXPECT_FALSE(ProvinceCode::OfDivision("32").valid());
  EXPECT_FALSE(ProvinceCode::OfDivision("32010x").valid());
}

TEST(Ids, FixedBytes_TakeTheirExactSizeAlone) {
  EXPECT_TRUE(Digest::From(std::string(32, 'a')).has_value());
  EXPECT_FALSE(Digest::From(std::string(31, 'a')).has_value());
  EXPECT_FALSE(Digest::From(std::string(33, 'a')).has_value());
  EXPECT_TRUE(Digest().is_zero());
}

}  // namespace
}  // namespace yizhan::contract
