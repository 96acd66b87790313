#include "province_nodes/policy/eligibility.h"

#include "protos/contract/resident.h"

namespace yizhan::node {
namespace {

bool LacksGuardian(const v1::Policy& policy, const contract::RuleQuestion& where,
                   const v1::Application& application) {
  if (application.has_guardian()) return false;
  const auto birth = contract::ParseDate(application.applicant().birth_date());
  return birth.has_value() &&
         contract::AgeOn(*birth, where.day) < contract::GuardianUnderAge(policy, where);
}

}  // namespace

bool IsRenewal(v1::Business business) {
  return business == v1::EXPIRY_RENEWAL || business == v1::DAMAGE_RENEWAL;
}

v1::ErrorReason DecideAtPoint(const v1::Policy& policy, const PointFacts& facts,
                              const v1::Application& application) {
  const contract::RuleQuestion& where = facts.where;
  const v1::OfficerChecks& checks = application.officer_checks();
  if (!facts.point_designated) return v1::POINT_NOT_DESIGNATED;
  if (!facts.link_open) return v1::LINK_NOT_OPEN;
  if (!contract::IsOffered(policy, where, application.business())) return v1::BUSINESS_NOT_OFFERED;
  if (!application.in_person()) return v1::NOT_IN_PERSON;
  if (application.basis() == v1::BASIS_UNSPECIFIED) return v1::NO_LAWFUL_BASIS;
  if (!application.has_evidence() ||
      !contract::IsEvidenceEnough(policy, where, application.evidence())) {
    return v1::EVIDENCE_INSUFFICIENT;
  }
  if (LacksGuardian(policy, where, application)) return v1::GUARDIAN_REQUIRED;
  if (IsRenewal(application.business()) && !application.old_card_presented()) {
    return v1::OLD_CARD_REQUIRED;
  }
  if (checks.papers() != v1::GENUINE) return v1::PAPERS_NOT_GENUINE;
  if (contract::IsScriptExcluded(policy, where, application.applicant().home_division(),
                                 application.card_script())) {
    return v1::CARD_SCRIPT_EXCLUDED;
  }
  if (checks.appearance() == v1::CHANGED && checks.fingerprint() != v1::CONFIRMED) {
    return v1::APPEARANCE_UNCONFIRMED;
  }
  return v1::ERROR_REASON_UNSPECIFIED;
}

v1::EligibilityAnswer DecideByRegister(const v1::Person& claimed,
                                       const std::optional<RegisterFacts>& found) {
  v1::EligibilityAnswer answer;
  if (!found.has_value()) {
    answer.set_reason(v1::REGISTER_MISMATCH);
    answer.add_differing_fields("id_number");
    return answer;
  }
  const v1::Person& known = found->person;
  const auto compare = [&](const char* field, const std::string& a, const std::string& b) {
    if (a != b) answer.add_differing_fields(field);
  };
  compare("name", claimed.name(), known.name());
  compare("sex", claimed.sex(), known.sex());
  compare("ethnicity", claimed.ethnicity(), known.ethnicity());
  compare("birth_date", claimed.birth_date(), known.birth_date());
  compare("home_division", claimed.home_division(), known.home_division());
  compare("home_address", claimed.home_address(), known.home_address());
  answer.set_matches(answer.differing_fields().empty());
  answer.set_has_history_photo(found->has_history_photo);
  answer.set_credit_listed(found->credit_listed);
  if (!answer.matches()) {
    answer.set_reason(v1::REGISTER_MISMATCH);
  } else if (!found->has_history_photo) {
    answer.set_reason(v1::NO_HISTORY_PHOTO);
  } else if (found->credit_listed) {
    answer.set_reason(v1::CREDIT_LISTED);
  }
  return answer;
}

}  // namespace yizhan::node
