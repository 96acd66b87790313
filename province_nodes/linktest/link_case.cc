#include "province_nodes/linktest/link_case.h"

#include <utility>

namespace yizhan::node {
namespace {

constexpr std::size_t kMaxTextBytes = 500;

const char* SideText(FailedSide side) {
  switch (side) {
    case FailedSide::kMine:
      return "mine";
    case FailedSide::kTheirs:
      return "theirs";
    case FailedSide::kBroker:
      return "broker";
    case FailedSide::kNetwork:
      return "network";
  }
  return "mine";
}

std::string Bounded(absl::string_view text) { return std::string(text.substr(0, kMaxTextBytes)); }

}  // namespace

CaseOutcome::CaseOutcome(absl::string_view case_id, contract::ProvinceCode from,
                         contract::ProvinceCode to) {
  verdict_.set_case_id(std::string(case_id));
  verdict_.set_from(from.value());
  verdict_.set_to(to.value());
  verdict_.set_verdict(v1::VERDICT_PASS);
  evidence_.set_case_id(std::string(case_id));
  evidence_.set_from(from.value());
  evidence_.set_to(to.value());
}

void CaseOutcome::Fail(FailedSide side, absl::string_view cause, absl::string_view next_step) {
  if (failed()) return;
  verdict_.set_verdict(v1::VERDICT_FAIL);
  verdict_.set_side(SideText(side));
  verdict_.set_cause(Bounded(cause));
  verdict_.set_next_step(Bounded(next_step));
}

void CaseOutcome::Block(absl::string_view cause, absl::string_view next_step) {
  verdict_.set_verdict(v1::VERDICT_BLOCKED);
  verdict_.set_cause(Bounded(cause));
  verdict_.set_next_step(Bounded(next_step));
}

v1::CaseVerdict CaseOutcome::Verdict(const contract::Hasher& hasher, v1::Judge judge,
                                     absl::Time started, absl::Time ended,
                                     std::string* evidence) const {
  *evidence = evidence_.SerializeAsString();
  v1::CaseVerdict verdict = verdict_;
  verdict.set_judge(judge);
  verdict.set_started_unix_us(absl::ToUnixMicros(started));
  verdict.set_ended_unix_us(absl::ToUnixMicros(ended));
  verdict.set_evidence_digest(hasher.Hash(*evidence).str());
  return verdict;
}

std::vector<std::unique_ptr<LinkTestCase>> MakeLinkTestSuite() {
  std::vector<std::unique_ptr<LinkTestCase>> suite;
  suite.push_back(MakeCaseM01());
  suite.push_back(MakeCaseM03());
  suite.push_back(MakeCaseS01());
  suite.push_back(MakeCaseR01());
  suite.push_back(MakeCaseL04());
  return suite;
}

}  // namespace yizhan::node
