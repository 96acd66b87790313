#include "tools/demo/application_line.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/json/json.h"

namespace yizhan::tools {
namespace {

using platform::JsonValue;

// Reads members of one object. What does not fit is noted by its full name.
class MemberReader {
 public:
  // All must outlive this object. `object` may be null: every member is missing.
  MemberReader(const JsonValue* object, std::string prefix, v1::Application& noted_in)
      : object_(object), prefix_(std::move(prefix)), noted_in_(noted_in) {}

  // Missing and null are the same: systems write either.
  const JsonValue* Find(absl::string_view name) const {
    const JsonValue* member = object_ == nullptr ? nullptr : object_->Find(name);
    return member == nullptr || member->is_null() ? nullptr : member;
  }
  void Note(absl::string_view name) const {
    noted_in_.add_unmapped_fields(absl::StrCat(prefix_, name));
  }

  std::string Text(absl::string_view name) const {
    const JsonValue* member = Find(name);
    const auto text = member == nullptr ? std::nullopt : member->AsString();
    if (!text.has_value()) Note(name);
    return std::string(text.value_or(""));
  }
  std::optional<std::string> OptionalText(absl::string_view name) const {
    if (Find(name) == nullptr) return std::nullopt;
    return Text(name);
  }
  bool Bool(absl::string_view name) const {
    const JsonValue* member = Find(name);
    const auto value = member == nullptr ? std::nullopt : member->AsBool();
    if (!value.has_value()) Note(name);
    return value.value_or(false);
  }
  std::int64_t Integer(absl::string_view name) const {
    const JsonValue* member = Find(name);
    const auto value = member == nullptr ? std::nullopt : member->AsInteger();
    if (!value.has_value()) Note(name);
    return value.value_or(0);
  }
  // The code of a name; the zero value names nothing.
  template <typename Enum>
  Enum Code(absl::string_view name, bool (*parse)(const std::string&, Enum*),
            bool mandatory) const {
    const JsonValue* member = Find(name);
    if (member == nullptr && !mandatory) return Enum();
    const auto text = member == nullptr ? std::nullopt : member->AsString();
    Enum value = Enum();
    if (!text.has_value() || !parse(std::string(*text), &value) || value == Enum()) {
      Note(name);
      return Enum();
    }
    return value;
  }
  // Null where it is missing, or of a wrong type (noted).
  const JsonValue* Object(absl::string_view name) const {
    const JsonValue* member = Find(name);
    if (member != nullptr && !member->is_object()) {
      Note(name);
      return nullptr;
    }
    return member;
  }

 private:
  const JsonValue* const object_;
  const std::string prefix_;
  v1::Application& noted_in_;
};

// Protobuf's parsers take another string type in newer releases.
template <typename Enum, bool (*kParse)(google::protobuf::ConstStringParam, Enum*)>
bool Parse(const std::string& text, Enum* value) {
  return kParse(text, value);
}

void MapApplicant(const MemberReader& top, v1::Application& application) {
  const JsonValue* object = top.Object("applicant");
  if (object == nullptr) {
    if (top.Find("applicant") == nullptr) top.Note("applicant");
    return;
  }
  const MemberReader reader(object, "applicant.", application);
  v1::Person& person = *application.mutable_applicant();
  person.set_name(reader.Text("name"));
  person.set_id_number(reader.Text("id_number"));
  person.set_sex(reader.Text("sex"));
  person.set_ethnicity(reader.Text("ethnicity"));
  person.set_birth_date(reader.Text("birth_date"));
  person.set_home_division(reader.Text("home_division"));
  person.set_home_address(reader.Text("home_address"));
  application.set_phone(reader.Text("phone"));
  application.set_card_script(reader.Code<v1::CardScript>(
      "card_script", Parse<v1::CardScript, v1::CardScript_Parse>, true));
}

void MapEvidence(const MemberReader& top, v1::Application& application) {
  const JsonValue* object = top.Object("evidence");
  if (object == nullptr) return;
  const MemberReader reader(object, "evidence.", application);
  v1::Evidence& evidence = *application.mutable_evidence();
  evidence.set_kind(
      reader.Code<v1::EvidenceKind>("kind", Parse<v1::EvidenceKind, v1::EvidenceKind_Parse>, true));
  evidence.set_reference(reader.Text("reference"));
  // Which of the two is needed depends on the kind; the rules judge it.
  evidence.set_issuer_level(reader.Code<v1::IssuerLevel>(
      "issuer_level", Parse<v1::IssuerLevel, v1::IssuerLevel_Parse>, false));
  evidence.set_shown_with(
      reader.Code<v1::ShownWith>("shown_with", Parse<v1::ShownWith, v1::ShownWith_Parse>, false));
}

void MapGuardian(const MemberReader& top, v1::Application& application) {
  const JsonValue* object = top.Object("guardian");
  if (object == nullptr) return;
  const MemberReader reader(object, "guardian.", application);
  v1::Guardian& guardian = *application.mutable_guardian();
  guardian.set_name(reader.Text("name"));
  guardian.set_id_number(reader.Text("id_number"));
  guardian.set_relation(reader.Text("relation"));
}

void MapOfficerChecks(const MemberReader& top, v1::Application& application) {
  const JsonValue* object = top.Object("officer_checks");
  if (object == nullptr) {
    if (top.Find("officer_checks") == nullptr) top.Note("officer_checks");
    return;
  }
  const MemberReader reader(object, "officer_checks.", application);
  v1::OfficerChecks& checks = *application.mutable_officer_checks();
  checks.set_appearance(
      reader.Code<v1::Appearance>("appearance", Parse<v1::Appearance, v1::Appearance_Parse>, true));
  checks.set_fingerprint(reader.Code<v1::FingerprintCheck>(
      "fingerprint", Parse<v1::FingerprintCheck, v1::FingerprintCheck_Parse>, true));
  checks.set_papers(reader.Code<v1::Papers>("papers", Parse<v1::Papers, v1::Papers_Parse>, true));
}

void MapFingerprints(const MemberReader& top, ApplicationLine& line) {
  const JsonValue* array = top.Find("fingerprints");
  if (array == nullptr || !array->is_array()) {
    top.Note("fingerprints");
    return;
  }
  for (const JsonValue& item : array->items()) {
    const auto path = item.AsString();
    if (!path.has_value()) {
      top.Note("fingerprints");
      return;
    }
    line.fingerprints.emplace_back(*path);
  }
}

void MapFailures(const MemberReader& top, ApplicationLine& line) {
  if (top.Find("card_centre_failures") == nullptr) return;
  line.card_centre_failures = top.Integer("card_centre_failures");
  if (line.card_centre_failures >= 0) return;
  top.Note("card_centre_failures");
  line.card_centre_failures = 0;
}

}  // namespace

std::optional<absl::Time> ParseRfc3339(absl::string_view text) {
  // Only the shape is checked here; absl checks the calendar.
  constexpr absl::string_view kShape = "dddd-dd-ddTdd:dd:dd";
  if (text.size() < kShape.size() + 1) return std::nullopt;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const bool fits = kShape[i] == 'd'   ? absl::ascii_isdigit(text[i])
                      : kShape[i] == 'T' ? text[i] == 'T' || text[i] == 't'
                                         : text[i] == kShape[i];
    if (!fits) return std::nullopt;
  }
  absl::string_view rest = text.substr(kShape.size());
  if (rest[0] == '.') {
    std::size_t digits = 1;
    while (digits < rest.size() && absl::ascii_isdigit(rest[digits])) ++digits;
    if (digits == 1) return std::nullopt;
    rest.remove_prefix(digits);
  }
  const bool zulu = rest == "Z" || rest == "z";
  const bool offset = rest.size() == 6 && (rest[0] == '+' || rest[0] == '-') &&
                      absl::ascii_isdigit(rest[1]) && absl::ascii_isdigit(rest[2]) &&
                      rest[3] == ':' && absl::ascii_isdigit(rest[4]) &&
                      absl::ascii_isdigit(rest[5]);
  if (!zulu && !offset) return std::nullopt;
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) return std::nullopt;
  return time;
}

ApplicationLine ParseApplicationLine(absl::string_view text) {
  ApplicationLine line;
  const absl::StatusOr<JsonValue> json = JsonValue::Parse(text);
  if (!json.ok() || !json->is_object()) return line;
  const auto ref = json->FindString("ref");
  if (!ref.has_value()) return line;
  line.readable = true;
  line.ref = std::string(*ref);

  v1::Application& application = line.application;
  const MemberReader top(&*json, "", application);
  application.set_accepting_point(top.Text("accepting_point"));
  const JsonValue* applied_at = top.Find("applied_at");
  if (applied_at != nullptr && applied_at->AsString().has_value()) {
    line.applied_at = ParseRfc3339(*applied_at->AsString());
  }
  if (!line.applied_at.has_value()) top.Note("applied_at");
  application.set_business(
      top.Code<v1::Business>("business", Parse<v1::Business, v1::Business_Parse>, true));
  application.set_in_person(top.Bool("in_person"));
  MapApplicant(top, application);
  application.set_basis(top.Code<v1::Basis>("basis", Parse<v1::Basis, v1::Basis_Parse>, false));
  MapEvidence(top, application);
  MapGuardian(top, application);
  MapOfficerChecks(top, application);
  application.set_old_card_presented(top.Bool("old_card_presented"));
  line.old_card_surrendered = top.Bool("old_card_surrendered");
  application.set_fee_fen(top.Integer("fee_fen"));
  line.portrait = top.OptionalText("portrait");
  line.portrait_retake = top.OptionalText("portrait_retake");
  MapFingerprints(top, line);
  MapFailures(top, line);
  return line;
}

}  // namespace yizhan::tools
