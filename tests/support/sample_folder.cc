#include "tests/support/sample_folder.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/time/time.h"
#include "adapters/platform/image/portrait.h"
#include "adapters/platform/json/json_lines.h"

namespace yizhan::node {
namespace {

using platform::JsonValue;

// Maps the members of one application; what does not fit is named.
class Mapper {
 public:
  Mapper(const std::string& root, v1::Application* out) : root_(root), out_(out) {}

  std::string Text(const JsonValue& object, const char* name) {
    const auto value = object.FindString(name);
    if (!value) Unmapped(name);
    return std::string(value.value_or(""));
  }
  std::string OptionalText(const JsonValue& object, const char* name) {
    return object.Find(name) == nullptr ? "" : Text(object, name);
  }
  bool Bool(const JsonValue& object, const char* name) {
    const auto value = object.FindBool(name);
    if (!value) Unmapped(name);
    return value.value_or(false);
  }
  template <typename Enum>
  Enum Code(const JsonValue& object, const char* name, bool (*parse)(const std::string&, Enum*)) {
    Enum value = Enum{};
    const auto text = object.FindString(name);
    if (!text || !parse(std::string(*text), &value) || value == Enum{}) Unmapped(name);
    return value;
  }
  std::string File(absl::string_view name) const {
    if (name.empty() || name[0] == '/' || absl::StrContains(name, "..")) return "";
    std::ifstream in(root_ + "/" + std::string(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void Unmapped(const char* name) { out_->add_unmapped_fields(name); }

 private:
  const std::string& root_;
  v1::Application* const out_;
};

template <typename Enum, bool (*Parse)(google::protobuf::ConstStringParam, Enum*)>
bool ParseCode(const std::string& text, Enum* value) {
  return Parse(text, value);
}

void MapPerson(const JsonValue& object, Mapper& map, v1::Application& out) {
  v1::Person& person = *out.mutable_applicant();
  person.set_name(map.Text(object, "name"));
  person.set_id_number(map.Text(object, "id_number"));
  person.set_sex(map.Text(object, "sex"));
  person.set_ethnicity(map.Text(object, "ethnicity"));
  person.set_birth_date(map.Text(object, "birth_date"));
  person.set_home_division(map.Text(object, "home_division"));
  person.set_home_address(map.Text(object, "home_address"));
  out.set_phone(map.Text(object, "phone"));
  out.set_card_script(map.Code<v1::CardScript>(object, "card_script",
                                               ParseCode<v1::CardScript, v1::CardScript_Parse>));
}

void MapPapers(const JsonValue& object, Mapper& map, v1::Application& out) {
  if (object.Find("basis") != nullptr) {
    out.set_basis(map.Code<v1::Basis>(object, "basis", ParseCode<v1::Basis, v1::Basis_Parse>));
  }
  if (const JsonValue* evidence = object.Find("evidence")) {
    v1::Evidence& to = *out.mutable_evidence();
    to.set_kind(map.Code<v1::EvidenceKind>(*evidence, "kind",
                                           ParseCode<v1::EvidenceKind, v1::EvidenceKind_Parse>));
    to.set_reference(map.Text(*evidence, "reference"));
    if (evidence->Find("issuer_level") != nullptr) {
      to.set_issuer_level(map.Code<v1::IssuerLevel>(
          *evidence, "issuer_level", ParseCode<v1::IssuerLevel, v1::IssuerLevel_Parse>));
    }
    if (evidence->Find("shown_with") != nullptr) {
      to.set_shown_with(map.Code<v1::ShownWith>(*evidence, "shown_with",
                                                ParseCode<v1::ShownWith, v1::ShownWith_Parse>));
    }
  }
  if (const JsonValue* guardian = object.Find("guardian")) {
    out.mutable_guardian()->set_name(map.Text(*guardian, "name"));
    out.mutable_guardian()->set_id_number(map.Text(*guardian, "id_number"));
    out.mutable_guardian()->set_relation(map.Text(*guardian, "relation"));
  }
  static const JsonValue* const kNone = new JsonValue(JsonValue::Object());
  const JsonValue* checks = object.Find("officer_checks");
  if (checks == nullptr) checks = kNone;
  v1::OfficerChecks& to = *out.mutable_officer_checks();
  to.set_appearance(map.Code<v1::Appearance>(*checks, "appearance",
                                             ParseCode<v1::Appearance, v1::Appearance_Parse>));
  to.set_fingerprint(map.Code<v1::FingerprintCheck>(
      *checks, "fingerprint", ParseCode<v1::FingerprintCheck, v1::FingerprintCheck_Parse>));
  to.set_papers(map.Code<v1::Papers>(*checks, "papers", ParseCode<v1::Papers, v1::Papers_Parse>));
}

void MapLine(const JsonValue& object, const std::string& root, SampleLine& line) {
  v1::Application& out = line.application;
  Mapper map(root, &out);
  out.set_accepting_point(map.Text(object, "accepting_point"));
  absl::Time applied;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, map.Text(object, "applied_at"), &applied, &error)) {
    line.applied_us = absl::ToUnixMicros(applied);
  } else {
    map.Unmapped("applied_at");
  }
  out.set_business(
      map.Code<v1::Business>(object, "business", ParseCode<v1::Business, v1::Business_Parse>));
  out.set_in_person(map.Bool(object, "in_person"));
  if (const JsonValue* applicant = object.Find("applicant")) MapPerson(*applicant, map, out);
  MapPapers(object, map, out);
  out.set_old_card_presented(map.Bool(object, "old_card_presented"));
  line.old_card_surrendered = map.Bool(object, "old_card_surrendered");
  out.set_portrait(map.File(map.OptionalText(object, "portrait")));
  if (const JsonValue* prints = object.Find("fingerprints")) {
    for (const JsonValue& print : prints->items()) {
      out.add_fingerprints(map.File(print.AsString().value_or("")));
    }
  }
  const auto fee = object.FindInteger("fee_fen");
  if (!fee) map.Unmapped("fee_fen");
  out.set_fee_fen(fee.value_or(0));
  line.card_centre_failures =
      static_cast<int>(object.FindInteger("card_centre_failures").value_or(0));
  const std::string retake = map.File(object.FindString("portrait_retake").value_or(""));
  if (platform::CheckPortrait(retake).ok()) line.portrait_retake = retake;
}

}  // namespace

SampleFolder LoadSampleFolder(const std::string& root) {
  SampleFolder out;
  std::set<std::string> refs;
  (void)platform::ForEachLine(root + "/applications.jsonl", platform::kMaxJsonLineBytes,
                              [&](std::size_t, absl::string_view text) {
                                SampleLine line;
                                const auto object = JsonValue::Parse(text);
                                if (object.ok() && object->FindString("ref").has_value()) {
                                  line.readable = true;
                                  line.ref = std::string(*object->FindString("ref"));
                                  line.duplicate = !refs.insert(line.ref).second;
                                  MapLine(*object, root, line);
                                }
                                out.lines.push_back(std::move(line));
                                return absl::OkStatus();
                              });
  (void)platform::ForEachJsonLine(root + "/expected.jsonl", [&](std::size_t,
                                                                const JsonValue& object) {
    SampleOutcome outcome;
    outcome.final_state = std::string(object.FindString("final_state").value_or(""));
    outcome.reason = std::string(object.FindString("reason").value_or(""));
    outcome.fee_fen = object.FindInteger("fee_fen").value_or(0);
    outcome.refund_fen = object.FindInteger("refund_fen").value_or(0);
    outcome.validity_years = static_cast<int>(object.FindInteger("validity_years").value_or(-1));
    out.expected.push_back(std::move(outcome));
    return absl::OkStatus();
  });
  for (const auto& file : std::filesystem::directory_iterator(root + "/registers")) {
    (void)platform::ForEachJsonLine(
        file.path().string(), [&](std::size_t, const JsonValue& object) {
          out.county_findings[std::string(object.FindString("id_number").value_or(""))] =
              std::string(object.FindString("county_finding").value_or(""));
          return absl::OkStatus();
        });
  }
  return out;
}

}  // namespace yizhan::node
