#include "broker/service/link_verdict.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/service/link_run_store.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"

namespace yizhan::broker {
namespace {

constexpr int kMaxFingerprints = 64;

absl::Status CheckForm(const contract::LinkCase& known, const v1::CaseVerdict& verdict,
                       contract::ProvinceCode caller) {
  const std::string name = NameOfVerdict(verdict);
  const std::uint32_t judge = known.judge == v1::JUDGE_HOME ? verdict.to() : verdict.from();
  if (verdict.judge() != known.judge || judge != caller.value()) {
    return ReportRefused(
        absl::StrCat("province ", judge, " judges ", name, ", not ", caller.value()));
  }
  const bool passed = verdict.verdict() == v1::VERDICT_PASS;
  if (!passed && verdict.verdict() != v1::VERDICT_FAIL &&
      verdict.verdict() != v1::VERDICT_BLOCKED) {
    return ReportRefused(absl::StrCat(name, " is mandatory: PASS, FAIL or BLOCKED"));
  }
  if (!passed && verdict.cause().empty()) {
    return ReportRefused(absl::StrCat(name, " did not pass and names no cause"));
  }
  if (verdict.ByteSizeLong() > contract::kMaxControlRecordBytes) {
    return ReportRefused(absl::StrCat("the texts of verdict ", name, " are too long"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReportRefused(absl::string_view what) {
  return contract::MakeError(v1::REPORT_REFUSED, v1::SIDE_MINE, what,
                             "run the case again and post what really happened");
}

absl::StatusOr<VerdictClaim> ReadClaim(
    const contract::Hasher& hasher, const v1::LinkRun& run, contract::ProvinceCode caller,
    const v1::CaseVerdict& verdict,
    const google::protobuf::RepeatedPtrField<std::string>& evidence) {
  const std::string name = NameOfVerdict(verdict);
  VerdictClaim claim;
  claim.known = contract::FindLinkCase(verdict.case_id());
  const bool of_pair = (verdict.from() == run.initiator() && verdict.to() == run.counterpart()) ||
                       (verdict.from() == run.counterpart() && verdict.to() == run.initiator());
  if (claim.known == nullptr || !of_pair) {
    return ReportRefused(absl::StrCat("verdict ", name, " is not of this run's suite and pair"));
  }
  if (absl::Status form = CheckForm(*claim.known, verdict, caller); !form.ok()) return form;
  for (const std::string& one : evidence) {
    if (one.size() <= contract::kMaxEvidenceBytes &&
        hasher.Hash(one).view() == absl::string_view(verdict.evidence_digest())) {
      claim.serialized = &one;
    }
  }
  const bool fits =
      claim.serialized != nullptr && claim.evidence.ParseFromString(*claim.serialized) &&
      claim.evidence.case_id() == verdict.case_id() && claim.evidence.from() == verdict.from() &&
      claim.evidence.to() == verdict.to() &&
      claim.evidence.header_digests_size() <= contract::kMaxEvidenceDigests &&
      claim.evidence.notes_size() <= contract::kMaxEvidenceNotes;
  if (!fits) {
    return ReportRefused(
        absl::StrCat("verdict ", name, " lacks evidence of its own with the digest it names"));
  }
  return claim;
}

absl::Status CheckPartyRecord(const v1::PostVerdictsRequest& request) {
  if (request.build().size() > kMaxPartyTextBytes ||
      request.policy_schema().size() > kMaxPartyTextBytes ||
      request.fingerprints_size() > kMaxFingerprints) {
    return contract::MakeError(
        v1::REQUEST_MALFORMED, v1::SIDE_MINE,
        "build, policy_schema or fingerprints of the posted verdicts are too long", "shorten them");
  }
  const absl::Duration offset = absl::Microseconds(request.clock_offset_us());
  if (offset > contract::kMaxClockSkew || offset < -contract::kMaxClockSkew) {
    return contract::MakeError(
        v1::CLOCK_SKEW, v1::SIDE_MINE,
        absl::StrCat("the province's clock is ", absl::FormatDuration(offset), " off the broker's"),
        "set the clock of the node by NTP, then run the test again");
  }
  return absl::OkStatus();
}

// Equal but for what the broker itself sets.
bool SameVerdict(v1::CaseVerdict a, v1::CaseVerdict b) {
  a.set_attested_by_one_side(false);
  b.set_attested_by_one_side(false);
  return a.SerializeAsString() == b.SerializeAsString();
}

const v1::CaseVerdict* FindVerdict(const v1::LinkRun& run, const v1::CaseVerdict& like) {
  for (const v1::CaseVerdict& one : run.verdicts()) {
    if (NameOfVerdict(one) == NameOfVerdict(like)) return &one;
  }
  return nullptr;
}

}  // namespace yizhan::broker
