#include "tools/demo/application_line.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/resident.h"

namespace yizhan::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kGood[] =
    R"({"ref": "P1", "accepting_point": "320106001", "applied_at": "2016-07-20T15:58:00+08:00",
        "business": "EXPIRY_RENEWAL", "in_person": true,
        "applicant": {"name": "吴·海", "id_number": "11010519491231002X", "sex": "2",
                      "ethnicity": "01", "birth_date": "1949-12-31", "home_division": "310120",
                      "home_address": "示例街道92号", "phone": "13800007876", "card_script": "HAN"},
        "basis": "RESIDENCE",
        "evidence": {"kind": "RESIDENCE_PERMIT", "reference": "3275", "issuer_level": "CITY"},
        "officer_checks": {"appearance": "MATCHES", "fingerprint": "CONFIRMED", "papers": "GENUINE"},
        "old_card_presented": true, "old_card_surrendered": true, "portrait": "portraits/p.jpg",
        "fingerprints": ["f/0.bin", "f/1.bin"], "fee_fen": 2000, "_about": 7})";

// The good line with one text in place of another.
ApplicationLine With(absl::string_view what, absl::string_view instead) {
  const std::string text = absl::StrReplaceAll(kGood, {{what, instead}});
  EXPECT_NE(text, kGood) << what;
  return ParseApplicationLine(text);
}

std::vector<std::string> Unmapped(const ApplicationLine& line) {
  return {line.application.unmapped_fields().begin(), line.application.unmapped_fields().end()};
}

TEST(ApplicationLine, GoodLine_IsMappedWhole) {
  const ApplicationLine line = ParseApplicationLine(kGood);
  ASSERT_TRUE(line.readable);
  EXPECT_EQ(line.ref, "P1");
  EXPECT_THAT(Unmapped(line), IsEmpty());
  EXPECT_EQ(line.application.business(), v1::EXPIRY_RENEWAL);
  EXPECT_EQ(line.application.applicant().name(), "吴·海");
  EXPECT_EQ(line.application.basis(), v1::RESIDENCE);
  EXPECT_EQ(line.application.evidence().issuer_level(), v1::CITY);
  EXPECT_EQ(line.application.card_script(), v1::HAN);
  EXPECT_EQ(line.application.fee_fen(), 2000);
  EXPECT_EQ(contract::ShanghaiDay(*line.applied_at), absl::CivilDay(2016, 7, 20));
  EXPECT_EQ(line.portrait, "portraits/p.jpg");
  EXPECT_THAT(line.fingerprints, ElementsAre("f/0.bin", "f/1.bin"));
  EXPECT_TRUE(line.old_card_surrendered);
  EXPECT_EQ(line.card_centre_failures, 0);
}

TEST(ApplicationLine, NotAnObjectWithATextRef_IsUnreadable) {
  const std::string cut = std::string(kGood).substr(0, 300);
  for (const std::string& text :
       {std::string(), std::string("  "), cut, std::string("[1]"), std::string("\"P1\""),
        std::string("null"), std::string(R"({"accepting_point": "320106001"})"),
        std::string(R"({"ref": null})"), std::string(R"({"ref": 7})"),
        std::string("{\"ref\": \"\xff\"}"), std::string(R"({"ref": "P1"} x)")}) {
    EXPECT_FALSE(ParseApplicationLine(text).readable) << text;
  }
}

TEST(ApplicationLine, EmptyObjectWithRef_NamesEveryMandatoryField) {
  EXPECT_THAT(Unmapped(ParseApplicationLine(R"({"ref": ""})")),
              ElementsAre("accepting_point", "applied_at", "business", "in_person", "applicant",
                          "officer_checks", "old_card_presented", "old_card_surrendered", "fee_fen",
                          "fingerprints"));
}

TEST(ApplicationLine, PartsWithAVerdictOfTheirOwn_MayBeMissingOrNull) {
  for (const char* gone : {R"("basis": "RESIDENCE",)", R"("portrait": "portraits/p.jpg",)"}) {
    EXPECT_THAT(Unmapped(With(gone, "")), IsEmpty()) << gone;
  }
  EXPECT_THAT(Unmapped(With(R"("RESIDENCE")", "null")), IsEmpty());
  const ApplicationLine line = With(R"("portrait": "portraits/p.jpg")", R"("portrait": null)");
  EXPECT_THAT(Unmapped(line), IsEmpty());
  EXPECT_FALSE(line.portrait.has_value());
  EXPECT_THAT(Unmapped(With(R"("evidence": {)", R"("proof": {)")), IsEmpty());
  EXPECT_FALSE(With(R"("evidence": {)", R"("proof": {)").application.has_evidence());
  EXPECT_FALSE(
      With(R"("issuer_level": "CITY")", R"("x": 1)").application.evidence().issuer_level());
}

struct Bad {
  const char* what;
  const char* instead;
  const char* field;
};

TEST(ApplicationLine, WrongTypesAndUnknownCodes_AreNamed) {
  const Bad cases[] = {
      {R"("320106001")", "320106001", "accepting_point"},
      {R"("2016-07-20T15:58:00+08:00")", R"("2016-07-20T15:58:00")", "applied_at"},
      {R"("2016-07-20T15:58:00+08:00")", R"("2016-02-30T15:58:00+08:00")", "applied_at"},
      {R"("2016-07-20T15:58:00+08:00")", "1469001480", "applied_at"},
      {R"("EXPIRY_RENEWAL")", R"("RENEWAL_OF_SOME_KIND")", "business"},
      {R"("EXPIRY_RENEWAL")", R"("BUSINESS_UNSPECIFIED")", "business"},
      {R"("EXPIRY_RENEWAL")", "1", "business"},
      {R"("in_person": true)", R"("in_person": "true")", "in_person"},
      {R"("in_person": true)", R"("in_person": 1)", "in_person"},
      {R"("name": "吴·海")", R"("name": null)", "applicant.name"},
      {R"("sex": "2")", R"("sex": 2)", "applicant.sex"},
      {R"("phone": "13800007876")", R"("fax": "1")", "applicant.phone"},
      {R"("HAN")", R"("LATIN")", "applicant.card_script"},
      {R"("RESIDENCE")", R"("HOLIDAY")", "basis"},
      {R"("RESIDENCE")", "3", "basis"},
      {R"("RESIDENCE_PERMIT")", R"("PASSPORT")", "evidence.kind"},
      {R"("CITY")", R"("MOON")", "evidence.issuer_level"},
      {R"("CITY")", "5", "evidence.issuer_level"},
      {R"("reference": "3275")", R"("reference": 3275)", "evidence.reference"},
      {R"("MATCHES")", R"("SIMILAR")", "officer_checks.appearance"},
      {R"("fingerprint": "CONFIRMED")", R"("thumb": 1)", "officer_checks.fingerprint"},
      {R"("papers": "GENUINE")", R"("papers": true)", "officer_checks.papers"},
      {R"("old_card_surrendered": true)", R"("old_card_surrendered": "yes")",
       "old_card_surrendered"},
      {R"("portrait": "portraits/p.jpg")", R"("portrait": 5)", "portrait"},
      {R"("portrait": )", R"("portrait_retake": ["a"], "portrait": )", "portrait_retake"},
      {R"(["f/0.bin", "f/1.bin"])", R"("f/0.bin")", "fingerprints"},
      {R"("f/1.bin"])", "1]", "fingerprints"},
      {R"("fee_fen": 2000)", R"("fee_fen": "2000")", "fee_fen"},
      {R"("fee_fen": 2000)", R"("fee_fen": 2000.0)", "fee_fen"},
      {R"("fee_fen": 2000)", R"("fee_fen": 99999999999999999999)", "fee_fen"},
      {R"("_about")", R"("card_centre_failures": -1, "_about")", "card_centre_failures"},
      {R"("_about")", R"("card_centre_failures": "2", "_about")", "card_centre_failures"},
      {R"("_about")", R"("guardian": "mother", "_about")", "guardian"},
      {R"("_about")", R"("guardian": {"name": "a", "id_number": "b"}, "_about")",
       "guardian.relation"},
  };
  for (const Bad& bad : cases) {
    const ApplicationLine line = With(bad.what, bad.instead);
    EXPECT_TRUE(line.readable) << bad.instead;
    EXPECT_THAT(Unmapped(line), ElementsAre(bad.field)) << bad.instead;
  }
}

TEST(ApplicationLine, OptionalMembers_AreRead) {
  const ApplicationLine line = With(
      R"("_about")",
      R"("card_centre_failures": 2, "portrait_retake": "portraits/q.jpg", "later": {}, "_about")");
  EXPECT_THAT(Unmapped(line), IsEmpty());
  EXPECT_EQ(line.card_centre_failures, 2);
  EXPECT_EQ(line.portrait_retake, "portraits/q.jpg");
}

TEST(ApplicationLine, NoOldCardSurrendered_IsMissing) {
  EXPECT_THAT(Unmapped(With(R"("old_card_surrendered": true,)", "")),
              ElementsAre("old_card_surrendered"));
}

TEST(Rfc3339, OnlyItsForm_IsRead) {
  EXPECT_TRUE(ParseRfc3339("2016-07-20T15:58:00Z").has_value());
  EXPECT_TRUE(ParseRfc3339("2016-07-20T15:58:00.25-09:30").has_value());
  for (const char* text :
       {"", "2016-07-20", "2016-07-20 15:58:00+08:00", "2016-7-20T15:58:00+08:00",
        "2016-07-20T15:58+08:00", "2016-07-20T15:58:00+0800", "2016-07-20T15:58:00+08:00 ",
        "2016-13-20T15:58:00Z", "2016-07-20T25:58:00Z", "2016-07-20T15:58:00.Z", "infinite-future",
        " 2016-07-20T15:58:00Z"}) {
    EXPECT_FALSE(ParseRfc3339(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace yizhan::tools
