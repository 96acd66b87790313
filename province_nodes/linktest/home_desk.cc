#include "province_nodes/linktest/home_desk.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "province_nodes/linktest/test_person.h"

namespace yizhan::node {

std::string HomeDesk::OfficeText(contract::ProvinceCode home, const contract::Digest& biometrics) {
  return absl::StrCat("TEST ", home.value(), " ", biometrics.hex());
}

const Caller& HomeDesk::Anybody() {
  static const Caller* const caller =
      new Caller{"connectivity test",
                 {v1::CALLER_POINT, v1::CALLER_COUNTY, v1::CALLER_CENTRE, v1::CALLER_COLLECTION,
                  v1::CALLER_SYSTEM},
                 {"*"},
                 {"*"}};
  return *caller;
}

v1::Officer HomeDesk::Officer(contract::ProvinceCode province) {
  v1::Officer officer;
  officer.set_number("LINKTEST");
  officer.set_unit(absl::StrCat("connectivity test of province ", province.value()));
  return officer;
}

absl::Status HomeDesk::Answer(NodeCore& core, const SystemTask& task, absl::Time now) const {
  if (task.kind != SystemTask::Kind::kRegisterLookup) {
    v1::SystemOutcome outcome;
    outcome.set_of_sequence(task.of_sequence);
    outcome.set_of_header_digest(task.of_header_digest.str());
    outcome.set_applied(true);
    outcome.set_system("connectivity-test");
    return core.Run(
        [&](platform::Transaction& txn, CaseService& cases, CaseEffects& effects) {
          return cases.OnSystemOutcome(txn, task, outcome, effects);
        },
        now);
  }
  std::optional<RegisterRecord> record;
  const v1::Person known = TestPerson(province_);
  if (task.person.id_number() == known.id_number()) {
    record = RegisterRecord{known, /*has_history_photo=*/true, /*credit_listed=*/false};
  }
  return core.Run(
      [&](platform::Transaction& txn, CaseService& cases, CaseEffects& effects) {
        return cases.OnRegisterAnswer(txn, task, record, effects);
      },
      now);
}

absl::Status HomeDesk::Review(NodeCore& core, const LaneJournal& journal, const v1::CaseView& view,
                              absl::Time now) {
  if (view.role() != v1::CASE_ROLE_HOME || view.state() != v1::CASE_UNDER_REVIEW) {
    return absl::OkStatus();
  }
  const std::optional<contract::CaseHandle> handle = contract::CaseHandle::From(view.case_handle());
  const LaneJournal::Received* acceptance =
      handle ? journal.FindReceived(*handle, v1::ACCEPTANCE) : nullptr;
  if (acceptance == nullptr || !reviewed_.insert(view.case_handle()).second) {
    return absl::OkStatus();
  }
  const v1::Acceptance& form = acceptance->message.payload.acceptance();
  v1::RecordReviewRequest request;
  request.mutable_context()->set_request_id(absl::StrCat("review ", handle->hex()));
  *request.mutable_context()->mutable_officer() = Officer(province_);
  request.mutable_context()->set_case_time_unix_us(absl::ToUnixMicros(now));
  request.mutable_case_()->set_case_handle(view.case_handle());
  request.mutable_case_()->set_role(v1::CASE_ROLE_HOME);
  request.set_outcome(v1::REVIEW_SIGNED);
  request.set_issuing_office(
      OfficeText(province_, BiometricsDigest(*hasher_, form.portrait(), form.fingerprints())));
  return core.Run(
      [&](platform::Transaction& txn, CaseService& cases, CaseEffects& effects) {
        return cases.RecordReview(txn, Anybody(), request, effects).status();
      },
      now);
}

}  // namespace yizhan::node
