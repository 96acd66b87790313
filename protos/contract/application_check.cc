// The check of a whole application, in the fixed order of resident.h.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "protos/contract/errors.h"
#include "protos/contract/fields.h"
#include "protos/contract/resident.h"
#include "protos/contract/utf8.h"

namespace yizhan::contract {
namespace {

constexpr std::size_t kFingerprints = 2;
constexpr std::size_t kFingerprintBytes = 512;
constexpr std::size_t kMaxNameCharacters = 64;
constexpr std::size_t kMaxTextCharacters = 256;

absl::Status Refused(v1::ErrorReason reason, absl::string_view what, absl::string_view next_step) {
  return MakeError(reason, v1::SIDE_MINE, what, next_step);
}

// Present, readable, of a bounded length.
bool IsText(absl::string_view text, std::size_t max_characters) {
  return !text.empty() && IsPlainText(text, max_characters);
}

template <typename Enum>
bool IsKnownOrMissing(Enum value, bool (*is_valid)(int)) {
  return is_valid(static_cast<int>(value));
}

const char* BrokenPersonField(const v1::Application& a) {
  const v1::Person& p = a.applicant();
  const FieldRule rules[] = {
      {a.has_applicant(), "applicant"},
      {IsText(p.name(), kMaxNameCharacters), "applicant.name"},
      {!p.id_number().empty(), "applicant.id_number"},
      {IsSexCode(p.sex()), "applicant.sex"},
      {IsEthnicityCode(p.ethnicity()), "applicant.ethnicity"},
      {ParseDate(p.birth_date()).has_value(), "applicant.birth_date"},
      {!p.home_division().empty(), "applicant.home_division"},
      {IsText(p.home_address(), kMaxTextCharacters), "applicant.home_address"},
      {IsText(a.phone(), kMaxNameCharacters), "applicant.phone"},
      {IsKnown<v1::CardScript>(a.card_script(), v1::CardScript_IsValid), "applicant.card_script"},
  };
  return FirstBroken(rules);
}

// Parts that may be missing, but where they are there must be well formed.
const char* BrokenOptionalField(const v1::Application& a) {
  const v1::Evidence& e = a.evidence();
  const v1::Guardian& g = a.guardian();
  const bool no_evidence = !a.has_evidence();
  const bool no_guardian = !a.has_guardian();
  const FieldRule rules[] = {
      {IsKnownOrMissing(a.basis(), v1::Basis_IsValid), "basis"},
      {no_evidence || IsKnown<v1::EvidenceKind>(e.kind(), v1::EvidenceKind_IsValid),
       "evidence.kind"},
      {no_evidence || IsText(e.reference(), kMaxTextCharacters), "evidence.reference"},
      {IsKnownOrMissing(e.issuer_level(), v1::IssuerLevel_IsValid), "evidence.issuer_level"},
      {IsKnownOrMissing(e.shown_with(), v1::ShownWith_IsValid), "evidence.shown_with"},
      {no_guardian || IsText(g.name(), kMaxNameCharacters), "guardian.name"},
      {no_guardian || IsText(g.relation(), kMaxNameCharacters), "guardian.relation"},
      {no_guardian || IdNumber::Parse(g.id_number()).has_value(), "guardian.id_number"},
  };
  return FirstBroken(rules);
}

const char* BrokenField(const v1::Application& a) {
  const v1::OfficerChecks& checks = a.officer_checks();
  const FieldRule rules[] = {
      {IsText(a.accepting_point(), kMaxNameCharacters), "accepting_point"},
      {IsKnown<v1::Business>(a.business(), v1::Business_IsValid), "business"},
      {IsKnown<v1::Appearance>(checks.appearance(), v1::Appearance_IsValid),
       "officer_checks.appearance"},
      {IsKnown<v1::FingerprintCheck>(checks.fingerprint(), v1::FingerprintCheck_IsValid),
       "officer_checks.fingerprint"},
      {IsKnown<v1::Papers>(checks.papers(), v1::Papers_IsValid), "officer_checks.papers"},
      {a.fee_fen() >= 0, "fee_fen"},
  };
  if (const char* broken = FirstBroken(rules); broken != nullptr) return broken;
  if (const char* broken = BrokenPersonField(a); broken != nullptr) return broken;
  return BrokenOptionalField(a);
}

absl::Status CheckFields(const v1::Application& a) {
  if (!a.unmapped_fields().empty()) {
    return Refused(v1::FIELD_INVALID,
                   absl::StrCat("missing, of a wrong type or of an unknown code: ",
                                absl::StrJoin(a.unmapped_fields(), ", ")),
                   "Correct these fields in the system that sends the application.");
  }
  const char* broken = BrokenField(a);
  if (broken == nullptr) return absl::OkStatus();
  return Refused(v1::FIELD_INVALID,
                 absl::StrCat("field ", broken, " is missing, malformed or of an unknown code"),
                 "Correct the field in the system that sends the application.");
}

absl::Status CheckPerson(const v1::Person& person) {
  const std::optional<IdNumber> id = IdNumber::Parse(person.id_number());
  if (!id.has_value()) {
    return Refused(v1::ID_NUMBER_INVALID,
                   "applicant.id_number: length, digits, date or check character do not fit",
                   "Read the number again from the applicant's card.");
  }
  if (ParseDate(person.birth_date()) != id->birth_date()) {
    return Refused(v1::BIRTH_DATE_DIFFERS_FROM_ID,
                   "applicant.birth_date is not the date within applicant.id_number",
                   "Compare both with the applicant's papers.");
  }
  if (person.sex() != id->sex()) {
    return Refused(v1::SEX_DIFFERS_FROM_ID,
                   "applicant.sex is not the one within applicant.id_number",
                   "Compare both with the applicant's papers.");
  }
  return absl::OkStatus();
}

absl::Status CheckPortrait(const v1::Application& a, const ApplicationSurroundings& surroundings) {
  if (a.portrait().empty()) {
    return Refused(v1::PORTRAIT_INVALID, "portrait is missing", "Take the portrait.");
  }
  const absl::Status status = surroundings.check_portrait(a.portrait());
  if (status.ok()) return status;
  return Refused(v1::PORTRAIT_INVALID, absl::StrCat("portrait: ", status.message()),
                 "Take the portrait again as GA 461 wants it: JPEG, 358 x 441, 24-bit RGB, 350 "
                 "dpi.");
}

}  // namespace

absl::Status CheckFingerprints(absl::Span<const std::string> templates) {
  std::string what;
  if (templates.size() != kFingerprints) {
    what = absl::StrCat("fingerprints: ", templates.size(), " templates; exactly ", kFingerprints,
                        " are needed");
  }
  for (std::size_t i = 0; i < templates.size() && what.empty(); ++i) {
    if (templates[i].size() != kFingerprintBytes) {
      what = absl::StrCat("fingerprints[", i, "] has ", templates[i].size(),
                          " bytes; a template "
                          "has ",
                          kFingerprintBytes);
    }
  }
  if (what.empty()) return absl::OkStatus();
  return Refused(v1::FINGERPRINT_INVALID, what, "Take the fingerprints again.");
}

absl::Status CheckApplication(const v1::Application& application, absl::Time case_time,
                              const ApplicationSurroundings& surroundings) {
  if (absl::Status s = CheckFields(application); !s.ok()) return s;
  if (absl::Status s = CheckPerson(application.applicant()); !s.ok()) return s;
  if (!surroundings.division_known(application.applicant().home_division())) {
    return Refused(v1::DIVISION_UNKNOWN,
                   "applicant.home_division is not a county of the divisions table",
                   "Give the six digits of the home county as GB/T 2260 has them today.");
  }
  if (absl::Status s = CheckPortrait(application, surroundings); !s.ok()) return s;
  const std::vector<std::string> templates(application.fingerprints().begin(),
                                           application.fingerprints().end());
  if (absl::Status s = CheckFingerprints(templates); !s.ok()) return s;
  const std::optional<std::int64_t> fee = surroundings.fee(application, case_time);
  if (fee.has_value() && *fee != application.fee_fen()) {
    return Refused(v1::FEE_MISMATCH,
                   absl::StrCat("fee_fen is ", application.fee_fen(), "; the fee of ",
                                v1::Business_Name(application.business()), " is ", *fee,
                                " at this point and time"),
                   "Take the fee that the rules name.");
  }
  return absl::OkStatus();
}

}  // namespace yizhan::contract
