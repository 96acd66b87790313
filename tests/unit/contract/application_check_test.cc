#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/resident.h"
#include "tests/unit/contract/fixtures.h"

namespace yizhan::contract {
namespace {

using ::testing::HasSubstr;

v1::Application ValidApplication() {
  v1::Application a;
  a.set_accepting_point("320106001");
  a.set_business(v1::EXPIRY_RENEWAL);
  a.set_in_person(true);
  v1::Person* p = a.mutable_applicant();
  p->set_name("试验人");
  p->set_id_number("11010519491231002X");
  p->set_sex("2");
  p->set_ethnicity("01");
  p->set_birth_date("1949-12-31");
  p->set_home_division("310151");
  p->set_home_address("示例街道1号");
  a.set_phone("13800000000");
  a.set_card_script(v1::HAN);
  a.set_basis(v1::RESIDENCE);
  a.mutable_evidence()->set_kind(v1::RESIDENCE_PERMIT);
  a.mutable_evidence()->set_reference("327565");
  a.mutable_evidence()->set_issuer_level(v1::CITY);
  a.mutable_officer_checks()->set_appearance(v1::MATCHES);
  a.mutable_officer_checks()->set_fingerprint(v1::CONFIRMED);
  a.mutable_officer_checks()->set_papers(v1::GENUINE);
  a.set_portrait("jpeg");
  a.add_fingerprints(Fill(512, 'a'));
  a.add_fingerprints(Fill(512, 'b'));
  a.set_fee_fen(2000);
  return a;
}

void AddGuardian(v1::Application& a) {
  a.mutable_guardian()->set_name("监护人");
  a.mutable_guardian()->set_id_number("310151198503194711");
  a.mutable_guardian()->set_relation("FATHER");
}

ApplicationSurroundings Surroundings() {
  ApplicationSurroundings s;
  s.division_known = [](absl::string_view division) { return division == "310151"; };
  s.check_portrait = [](absl::string_view jpeg) {
    return jpeg == "jpeg" ? absl::OkStatus() : absl::InvalidArgumentError("not a JPEG");
  };
  s.fee = [](const v1::Application& a, absl::Time) -> std::optional<std::int64_t> {
    if (a.business() == v1::TEMPORARY_CARD) return std::nullopt;
    return 2000;
  };
  return s;
}

using Alter = std::function<void(v1::Application&)>;

absl::Status Check(const Alter& alter) {
  v1::Application a = ValidApplication();
  alter(a);
  return CheckApplication(a, TestNow(), Surroundings());
}

TEST(ApplicationCheck, Valid_Passes) {
  EXPECT_TRUE(Check([](auto&) {}).ok());
  EXPECT_TRUE(Check([](auto& a) { AddGuardian(a); }).ok());
}

TEST(ApplicationCheck, EachBrokenField_IsFieldInvalidAndNamed) {
  const std::pair<const char*, Alter> cases[] = {
      {"accepting_point", [](auto& a) { a.clear_accepting_point(); }},
      {"business", [](auto& a) { a.clear_business(); }},
      {"business", [](auto& a) { a.set_business(static_cast<v1::Business>(99)); }},
      {"applicant", [](auto& a) { a.clear_applicant(); }},
      {"applicant.name", [](auto& a) { a.mutable_applicant()->clear_name(); }},
      {"applicant.name", [](auto& a) { a.mutable_applicant()->set_name("a\tb"); }},
      {"applicant.name", [](auto& a) { a.mutable_applicant()->set_name("\xc2\x85"); }},
      {"applicant.name", [](auto& a) { a.mutable_applicant()->set_name("\xff\xfe"); }},
      {"applicant.name", [](auto& a) { a.mutable_applicant()->set_name(Fill(65, 'n')); }},
      {"applicant.id_number", [](auto& a) { a.mutable_applicant()->clear_id_number(); }},
      {"applicant.sex", [](auto& a) { a.mutable_applicant()->set_sex("3"); }},
      {"applicant.ethnicity", [](auto& a) { a.mutable_applicant()->set_ethnicity("59"); }},
      {"applicant.birth_date",
       [](auto& a) { a.mutable_applicant()->set_birth_date("1949-12-32"); }},
      {"applicant.home_division", [](auto& a) { a.mutable_applicant()->clear_home_division(); }},
      {"applicant.home_address", [](auto& a) { a.mutable_applicant()->clear_home_address(); }},
      {"applicant.phone", [](auto& a) { a.clear_phone(); }},
      {"applicant.card_script", [](auto& a) { a.clear_card_script(); }},
      {"applicant.card_script",
       [](auto& a) { a.set_card_script(static_cast<v1::CardScript>(99)); }},
      {"basis", [](auto& a) { a.set_basis(static_cast<v1::Basis>(99)); }},
      {"evidence.kind", [](auto& a) { a.mutable_evidence()->clear_kind(); }},
      {"evidence.kind",
       [](auto& a) { a.mutable_evidence()->set_kind(static_cast<v1::EvidenceKind>(9)); }},
      {"evidence.reference", [](auto& a) { a.mutable_evidence()->clear_reference(); }},
      {"evidence.issuer_level",
       [](auto& a) { a.mutable_evidence()->set_issuer_level(static_cast<v1::IssuerLevel>(9)); }},
      {"evidence.shown_with",
       [](auto& a) { a.mutable_evidence()->set_shown_with(static_cast<v1::ShownWith>(9)); }},
      {"guardian.name", [](auto& a) { AddGuardian(a), a.mutable_guardian()->clear_name(); }},
      {"guardian.relation",
       [](auto& a) { AddGuardian(a), a.mutable_guardian()->clear_relation(); }},
      {"guardian.id_number",
       [](auto& a) { AddGuardian(a), a.mutable_guardian()->set_id_number("310151198503194712"); }},
      {"officer_checks", [](auto& a) { a.clear_officer_checks(); }},
      {"officer_checks.appearance",
       [](auto& a) { a.mutable_officer_checks()->clear_appearance(); }},
      {"officer_checks.fingerprint",
       [](auto& a) { a.mutable_officer_checks()->clear_fingerprint(); }},
      {"officer_checks.papers",
       [](auto& a) { a.mutable_officer_checks()->set_papers(static_cast<v1::Papers>(9)); }},
      {"fee_fen", [](auto& a) { a.set_fee_fen(-1); }},
      {"applied_at", [](auto& a) { a.add_unmapped_fields("applied_at"); }},
  };
  for (const auto& [field, alter] : cases) {
    const absl::Status status = Check(alter);
    EXPECT_EQ(Reason(status), "FIELD_INVALID") << field;
    EXPECT_THAT(std::string(status.message()), HasSubstr(field));
  }
}

TEST(ApplicationCheck, WhatTheRulesJudge_IsNotMalformed) {
  EXPECT_TRUE(Check([](auto& a) { a.clear_basis(); }).ok());
  EXPECT_TRUE(Check([](auto& a) { a.clear_evidence(); }).ok());
  EXPECT_TRUE(Check([](auto& a) { a.clear_in_person(); }).ok());
  EXPECT_TRUE(Check([](auto& a) { a.clear_old_card_presented(); }).ok());
  EXPECT_TRUE(Check([](auto& a) { a.set_accepting_point("no such point"); }).ok());
  EXPECT_TRUE(Check([](auto& a) { a.mutable_evidence()->clear_issuer_level(); }).ok());
}

TEST(ApplicationCheck, RareCharactersMiddleDotAndLowerCaseX_AreFine) {
  EXPECT_TRUE(Check([](auto& a) { a.mutable_applicant()->set_name("𠮷田·买买提"); }).ok());
  EXPECT_TRUE(
      Check([](auto& a) { a.mutable_applicant()->set_id_number("11010519491231002x"); }).ok());
  std::string longest;
  for (int i = 0; i < 64; ++i) longest += "𠮷";
  EXPECT_TRUE(Check([&](auto& a) { a.mutable_applicant()->set_name(longest); }).ok());
}

// Spoils the application for one reason; together in the order of judgement.
const std::pair<const char*, Alter> kSpoilers[] = {
    {"FIELD_INVALID", [](auto& a) { a.clear_phone(); }},
    {"ID_NUMBER_INVALID",
     [](auto& a) { a.mutable_applicant()->set_id_number("110105194912310021"); }},
    {"BIRTH_DATE_DIFFERS_FROM_ID",
     [](auto& a) { a.mutable_applicant()->set_birth_date("1949-12-30"); }},
    {"SEX_DIFFERS_FROM_ID", [](auto& a) { a.mutable_applicant()->set_sex("1"); }},
    {"DIVISION_UNKNOWN", [](auto& a) { a.mutable_applicant()->set_home_division("310100"); }},
    {"PORTRAIT_INVALID", [](auto& a) { a.set_portrait("png"); }},
    {"FINGERPRINT_INVALID", [](auto& a) { a.set_fingerprints(1, Fill(511, 'x')); }},
    {"FEE_MISMATCH", [](auto& a) { a.set_fee_fen(4000); }},
};

TEST(ApplicationCheck, EachReason_IsReportedAndTheFirstWins) {
  for (std::size_t i = 0; i < std::size(kSpoilers); ++i) {
    EXPECT_EQ(Reason(Check(kSpoilers[i].second)), kSpoilers[i].first);
    for (std::size_t j = i + 1; j < std::size(kSpoilers); ++j) {
      const auto both = [&](v1::Application& a) {
        kSpoilers[j].second(a);
        kSpoilers[i].second(a);
      };
      EXPECT_EQ(Reason(Check(both)), kSpoilers[i].first) << "beside " << kSpoilers[j].first;
    }
  }
}

TEST(ApplicationCheck, PortraitAndFingerprints_MustBeThere) {
  EXPECT_EQ(Reason(Check([](auto& a) { a.clear_portrait(); })), "PORTRAIT_INVALID");
  EXPECT_THAT(std::string(Check([](auto& a) { a.set_portrait("x"); }).message()),
              HasSubstr("not a JPEG"));
  EXPECT_EQ(Reason(Check([](auto& a) { a.clear_fingerprints(); })), "FINGERPRINT_INVALID");
  EXPECT_EQ(Reason(Check([](auto& a) { a.mutable_fingerprints()->RemoveLast(); })),
            "FINGERPRINT_INVALID");
  EXPECT_EQ(Reason(Check([](auto& a) { a.add_fingerprints(Fill(512, 'c')); })),
            "FINGERPRINT_INVALID");
}

TEST(ApplicationCheck, Fee_IsJudgedOnlyWhereTheBusinessIsOffered) {
  EXPECT_EQ(Reason(Check([](auto& a) { a.set_fee_fen(0); })), "FEE_MISMATCH");
  EXPECT_TRUE(Check([](auto& a) {
                a.set_business(v1::TEMPORARY_CARD);
                a.set_fee_fen(1);
              }).ok());
}

TEST(ApplicationCheck, Errors_HoldNothingPersonal) {
  for (const auto& [reason, alter] : kSpoilers) {
    const std::string text(Check(alter).message());
    for (const char* personal : {"试验人", "19491231", "1949-12", "13800000000", "示例"}) {
      EXPECT_EQ(text.find(personal), std::string::npos) << text;
    }
  }
}

}  // namespace
}  // namespace yizhan::contract
