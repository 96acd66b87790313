#include "province_nodes/linktest/test_person.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "protos/contract/resident.h"
#include "protos/contract/rules.h"
#include "province_nodes/linktest/test_portrait.h"

namespace yizhan::node {
namespace {

// Check character of GB 11643 (ISO 7064 MOD 11-2) over 17 digits.
char CheckCharacter(absl::string_view digits17) {
  static constexpr int kWeights[17] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
  static constexpr char kCharacters[] = "10X98765432";
  int sum = 0;
  for (int i = 0; i < 17; ++i) sum += (digits17[i] - '0') * kWeights[i];
  return kCharacters[sum % 11];
}

}  // namespace

std::string TestDivision(contract::ProvinceCode home) { return absl::StrCat(home.value(), "0102"); }

std::string TestPoint(contract::ProvinceCode accepting) {
  return absl::StrCat(accepting.value(), "0102001");
}

v1::Person TestPerson(contract::ProvinceCode home) {
  v1::Person person;
  const std::string digits = absl::StrCat(TestDivision(home), "19900101", "999");
  person.set_name("驿站·测试");
  person.set_id_number(absl::StrCat(digits, std::string(1, CheckCharacter(digits))));
  person.set_sex("1");
  person.set_ethnicity("01");
  person.set_birth_date("1990-01-01");
  person.set_home_division(TestDivision(home));
  person.set_home_address("联调测试路1号");
  return person;
}

std::vector<std::string> TestFingerprints(const contract::Hasher& hasher,
                                          const contract::RunId& run) {
  std::vector<std::string> templates(2);
  for (std::size_t i = 0; i < templates.size(); ++i) {
    while (templates[i].size() < 512) {
      const std::string salt = absl::StrCat("fingerprint ", i, " ", templates[i].size());
      const absl::string_view parts[] = {run.view(), salt};
      templates[i] += hasher.Hash(parts).str();
    }
  }
  return templates;
}

absl::StatusOr<v1::Application> TestApplication(const contract::Hasher& hasher,
                                                const v1::Policy& policy,
                                                contract::ProvinceCode accepting,
                                                contract::ProvinceCode home,
                                                const contract::RunId& run, absl::Time now) {
  const contract::RuleQuestion question{accepting, home, contract::ShanghaiDay(now)};
  v1::Application application;
  for (v1::Business business : {v1::EXPIRY_RENEWAL, v1::DAMAGE_RENEWAL, v1::LOSS_REPLACEMENT}) {
    if (!contract::IsOffered(policy, question, business)) continue;
    if (const auto fee = contract::FeeFen(policy, question, business); fee.has_value()) {
      application.set_business(business);
      application.set_fee_fen(*fee);
      break;
    }
  }
  if (application.business() == v1::BUSINESS_UNSPECIFIED) {
    return contract::MakeError(v1::BUSINESS_NOT_OFFERED, v1::SIDE_MINE,
                               "this province's policy offers no renewal for the peer's residents",
                               "check fees and businesses in policy.textproto");
  }
  application.set_accepting_point(TestPoint(accepting));
  application.set_in_person(true);
  *application.mutable_applicant() = TestPerson(home);
  application.set_phone("13800000000");
  application.set_card_script(v1::HAN);
  application.set_basis(v1::EMPLOYMENT);
  application.mutable_evidence()->set_kind(v1::RESIDENCE_PERMIT);
  application.mutable_evidence()->set_reference("TEST");
  application.mutable_evidence()->set_issuer_level(v1::CITY);
  application.mutable_officer_checks()->set_appearance(v1::MATCHES);
  application.mutable_officer_checks()->set_fingerprint(v1::CONFIRMED);
  application.mutable_officer_checks()->set_papers(v1::GENUINE);
  application.set_old_card_presented(true);
  application.set_portrait(TestPortrait());
  for (std::string& one : TestFingerprints(hasher, run)) {
    application.add_fingerprints(std::move(one));
  }
  return application;
}

contract::Digest BiometricsDigest(
    const contract::Hasher& hasher, const std::string& portrait,
    const google::protobuf::RepeatedPtrField<std::string>& templates) {
  std::vector<absl::string_view> parts = {portrait};
  for (const std::string& one : templates) parts.push_back(one);
  return hasher.Hash(parts);
}

}  // namespace yizhan::node
