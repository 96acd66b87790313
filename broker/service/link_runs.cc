#include "broker/service/link_runs.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/service/link_arming.h"
#include "broker/service/link_report.h"
#include "broker/service/link_verdict.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "protos/contract/link_suite.h"

namespace yizhan::broker {
namespace {

using contract::MakeError;
using contract::ProvinceCode;
using contract::RunId;

absl::Status Conflict(const v1::LinkRun& run) {
  return MakeError(v1::LINK_RUN_CONFLICT, v1::SIDE_MINE,
                   absl::StrCat("a connectivity test of provinces ", run.initiator(), " and ",
                                run.counterpart(), " is already open"),
                   absl::StrCat("wait until it has ended; its window ends at ",
                                absl::FormatTime(absl::FromUnixMicros(run.window_until_unix_us()),
                                                 absl::UTCTimeZone())));
}

absl::Status NotArmed(ProvinceCode caller, ProvinceCode peer) {
  return MakeError(
      v1::LINK_NOT_ARMED, v1::SIDE_THEIRS,
      absl::StrCat("province ", peer.value(), " has not armed a connectivity test with province ",
                   caller.value()),
      absl::StrCat("ask the engineer of province ", peer.value(),
                   " to run: yizhan link arm --peer ", caller.value(),
                   " --window 2h; then start the test again"));
}

absl::Status Malformed(absl::string_view what) {
  return MakeError(v1::REQUEST_MALFORMED, v1::SIDE_MINE, what,
                   "correct the request; linktest.proto says what belongs in it");
}

}  // namespace

LinkRuns::LinkRuns(Deps deps)
    : deps_(std::move(deps)), store_(deps_.transaction, deps_.key_prefix) {}

absl::StatusOr<v1::ArmResponse> LinkRuns::Arm(ProvinceCode caller, const v1::ArmRequest& request,
                                              absl::Time now) {
  absl::StatusOr<v1::ArmingStatement> statement =
      VerifyArming(deps_.host->directory(), *deps_.checker, caller, request.arming(), now);
  if (!statement.ok()) return statement.status();
  store_.PutArming(caller, ProvinceCode(statement->peer()), request.arming());
  v1::ArmResponse response;
  response.set_until_unix_us(statement->until_unix_us());
  return response;
}

absl::StatusOr<v1::ArmingStatement> LinkRuns::CheckStart(ProvinceCode caller, ProvinceCode peer,
                                                         absl::Time now) {
  absl::StatusOr<std::optional<v1::LinkRun>> open = store_.OpenRunOf(caller, peer);
  if (!open.ok()) return open.status();
  if (open->has_value()) return Conflict(**open);
  for (const contract::RouteKey& key :
       {contract::RouteKey{caller, peer}, contract::RouteKey{peer, caller}}) {
    const v1::RouteState state = deps_.host->directory().Route(key, now).state;
    if (state != v1::ROUTE_CUT && state != v1::ROUTE_SUSPENDED) continue;
    return MakeError(state == v1::ROUTE_CUT ? v1::LINK_CUT : v1::STATE_NOT_ALLOWED, v1::SIDE_THEIRS,
                     absl::StrCat("route ", key.accepting.value(), "->", key.home.value(), " is ",
                                  v1::RouteState_Name(state), ", which a report does not lift"),
                     "both provinces must first sign a change that lifts it");
  }
  absl::StatusOr<std::optional<v1::SignedArming>> arming = store_.Arming(peer, caller);
  if (!arming.ok()) return arming.status();
  if (!arming->has_value()) return NotArmed(caller, peer);
  absl::StatusOr<v1::ArmingStatement> statement =
      VerifyArming(deps_.host->directory(), *deps_.checker, peer, **arming, now);
  if (!statement.ok()) return NotArmed(caller, peer);  // over, or its key left the directory
  return statement;
}

absl::StatusOr<v1::StartRunResponse> LinkRuns::StartRun(ProvinceCode caller,
                                                        const v1::StartRunRequest& request,
                                                        absl::Time now) {
  absl::StatusOr<v1::ArmingStatement> consent =
      VerifyArming(deps_.host->directory(), *deps_.checker, caller, request.consent(), now);
  if (!consent.ok()) return consent.status();
  if (consent->peer() != request.peer() || request.build().size() > kMaxPartyTextBytes) {
    return Malformed("the initiator's consent names another peer, or its build text is too long");
  }
  const ProvinceCode peer(request.peer());
  absl::StatusOr<v1::ArmingStatement> armed = CheckStart(caller, peer, now);
  if (!armed.ok()) return armed.status();
  absl::StatusOr<std::optional<v1::SignedArming>> arming = store_.Arming(peer, caller);
  if (!arming.ok()) return arming.status();

  v1::StartRunResponse response;
  v1::LinkRun& run = *response.mutable_run();
  const RunId id = contract::RandomFixed<RunId>(*deps_.random);
  run.set_run_id(id.str());
  run.set_initiator(caller.value());
  run.set_counterpart(peer.value());
  run.set_state(v1::RUN_OPEN);
  run.set_started_unix_us(absl::ToUnixMicros(now));
  run.set_window_until_unix_us(std::min(consent->until_unix_us(), armed->until_unix_us()));
  run.set_fast(request.fast());
  run.set_expected_verdicts(contract::kExpectedVerdicts);
  store_.PutConsent(id, caller, request.consent());
  store_.PutConsent(id, peer, **arming);
  v1::PostVerdictsRequest party;
  party.set_build(request.build());
  store_.PutParty(id, caller, party);
  Save(run, now);
  return response;
}

absl::StatusOr<v1::LinkRun> LinkRuns::RunOf(ProvinceCode caller, absl::string_view run_id) const {
  const std::optional<RunId> id = RunId::From(run_id);
  if (!id) return Malformed("run_id is not 16 bytes");
  absl::StatusOr<std::optional<v1::LinkRun>> run = store_.Run(*id);
  if (!run.ok()) return run.status();
  // A run of others reads as absent: who tests with whom is not everybody's.
  if (!run->has_value() ||
      ((*run)->initiator() != caller.value() && (*run)->counterpart() != caller.value())) {
    return MakeError(v1::TEST_RUN_UNKNOWN, v1::SIDE_MINE,
                     absl::StrCat("the broker has no connectivity test ", id->hex(),
                                  " of province ", caller.value()),
                     "list the open runs of this province, or start a new test");
  }
  return **run;
}

absl::StatusOr<v1::GetRunResponse> LinkRuns::GetRun(ProvinceCode caller,
                                                    const v1::GetRunRequest& request) const {
  absl::StatusOr<v1::LinkRun> run = RunOf(caller, request.run_id());
  if (!run.ok()) return run.status();
  v1::GetRunResponse response;
  *response.mutable_run() = *std::move(run);
  return response;
}

absl::StatusOr<v1::ListRunsResponse> LinkRuns::ListRuns(ProvinceCode caller) const {
  absl::StatusOr<std::vector<v1::LinkRun>> runs = store_.OpenRuns();
  if (!runs.ok()) return runs.status();
  v1::ListRunsResponse response;
  for (v1::LinkRun& run : *runs) {
    if (run.initiator() != caller.value() && run.counterpart() != caller.value()) continue;
    *response.add_runs() = std::move(run);
  }
  return response;
}

absl::Status LinkRuns::CheckPass(const v1::LinkRun& run, const v1::CaseVerdict& verdict,
                                 const v1::CaseEvidence& evidence, absl::Time now) {
  absl::StatusOr<std::map<std::string, v1::CaseEvidence>> others =
      store_.Evidence(*RunId::From(run.run_id()));
  if (!others.ok()) return others.status();
  for (const auto& [name, other] : *others) {
    for (const std::string& digest : other.header_digests()) {
      const auto& mine = evidence.header_digests();
      if (std::find(mine.begin(), mine.end(), digest) != mine.end()) {
        return ReportRefused(absl::StrCat("the verdict of ", NameOfVerdict(verdict),
                                          " rests on a message that already proves ", name));
      }
    }
  }
  const HeaderTrace trace = [this](const contract::Digest& header) {
    return deps_.host->Trace(header);
  };
  return CheckPassAgainstLog(run, verdict, evidence, deps_.host->directory(), trace, now);
}

absl::Status LinkRuns::TakeVerdict(ProvinceCode caller, v1::LinkRun& run,
                                   const v1::CaseVerdict& posted,
                                   const v1::PostVerdictsRequest& request, absl::Time now) {
  absl::StatusOr<VerdictClaim> claim =
      ReadClaim(*deps_.hasher, run, caller, posted, request.evidence());
  if (!claim.ok()) return claim.status();
  const bool passed = posted.verdict() == v1::VERDICT_PASS;
  if (passed) {
    if (absl::Status shown = CheckPass(run, posted, claim->evidence, now); !shown.ok()) {
      return shown;
    }
  }
  store_.PutEvidence(*RunId::From(run.run_id()), posted, *claim->serialized);
  v1::CaseVerdict* verdict = run.add_verdicts();
  *verdict = posted;
  verdict->set_attested_by_one_side(passed && !claim->known->broker_can_show);
  return absl::OkStatus();
}

absl::StatusOr<v1::PostVerdictsResponse> LinkRuns::PostVerdicts(
    ProvinceCode caller, const v1::PostVerdictsRequest& request, absl::Time now) {
  absl::StatusOr<v1::LinkRun> run = RunOf(caller, request.run_id());
  if (!run.ok()) return run.status();
  if (absl::Status party = CheckPartyRecord(request); !party.ok()) return party;
  if (request.verdicts_size() > static_cast<int>(contract::kExpectedVerdicts)) {
    return Malformed("more verdicts than the suite has");
  }
  bool news = false;
  for (const v1::CaseVerdict& verdict : request.verdicts()) {
    const v1::CaseVerdict* before = FindVerdict(*run, verdict);
    if (before != nullptr && SameVerdict(*before, verdict)) continue;  // posted again
    if (before != nullptr) {
      return ReportRefused(absl::StrCat("verdict ", NameOfVerdict(verdict),
                                        " was already posted with other content"));
    }
    if (run->state() != v1::RUN_OPEN || now >= absl::FromUnixMicros(run->window_until_unix_us())) {
      return MakeError(v1::STATE_NOT_ALLOWED, v1::SIDE_MINE,
                       "the connectivity test takes no more verdicts: it has ended",
                       "start a new test");
    }
    if (absl::Status taken = TakeVerdict(caller, *run, verdict, request, now); !taken.ok()) {
      return taken;
    }
    news = true;
  }
  if (news) {
    v1::PostVerdictsRequest party = request;
    party.clear_verdicts();
    party.clear_evidence();
    store_.PutParty(*RunId::From(run->run_id()), caller, party);
    if (absl::Status done = CompleteIfAllThere(*run, now); !done.ok()) return done;
    Save(*run, now);
  }
  v1::PostVerdictsResponse response;
  *response.mutable_run() = *std::move(run);
  return response;
}

absl::Status LinkRuns::CompleteIfAllThere(v1::LinkRun& run, absl::Time now) {
  if (static_cast<std::uint32_t>(run.verdicts_size()) < run.expected_verdicts()) {
    return absl::OkStatus();
  }
  const RunId id = *RunId::From(run.run_id());
  auto of_initiator = store_.Party(id, ProvinceCode(run.initiator()));
  if (!of_initiator.ok()) return of_initiator.status();
  auto of_counterpart = store_.Party(id, ProvinceCode(run.counterpart()));
  if (!of_counterpart.ok()) return of_counterpart.status();
  const v1::PostVerdictsRequest nothing;
  ReportParts parts{&run, of_initiator->has_value() ? &**of_initiator : &nothing,
                    of_counterpart->has_value() ? &**of_counterpart : &nothing};
  run.set_failure(WhyNoReport(parts, deps_.host->directory().lab()));
  if (!run.failure().empty()) {
    run.set_state(v1::RUN_FAILED);
    return absl::OkStatus();
  }
  run.set_report_entry(BuildReportEntry(parts, deps_.host->directory(), now).SerializeAsString());
  run.set_state(v1::RUN_SIGNING);
  return absl::OkStatus();
}

absl::StatusOr<v1::SignReportResponse> LinkRuns::SignReport(ProvinceCode caller,
                                                            const v1::SignReportRequest& request,
                                                            Moment now) {
  absl::StatusOr<v1::LinkRun> run = RunOf(caller, request.run_id());
  if (!run.ok()) return run.status();
  v1::SignReportResponse response;
  const auto& by = run->signed_by();
  if (std::find(by.begin(), by.end(), caller.value()) != by.end()) {
    *response.mutable_run() = *std::move(run);  // signed before: the answer was lost
    return response;
  }
  if (run->state() != v1::RUN_SIGNING) {
    return MakeError(v1::STATE_NOT_ALLOWED, v1::SIDE_MINE,
                     "the connectivity test has no report that waits for signatures",
                     "post the missing verdicts, or start a new test");
  }
  if (absl::Status signer =
          CheckMemberSignature(deps_.host->directory(), *deps_.checker, caller, request.signature(),
                               contract::kDirectoryEntryType, run->report_entry(), now.wall);
      !signer.ok()) {
    return signer;
  }
  store_.PutReportSignature(*RunId::From(run->run_id()), caller, request.signature());
  run->add_signed_by(caller.value());
  if (run->signed_by_size() == 2) {
    if (absl::Status certified = Certify(*run, now); !certified.ok()) return certified;
  }
  Save(*run, now.wall);
  *response.mutable_run() = *std::move(run);
  return response;
}

absl::Status LinkRuns::Certify(v1::LinkRun& run, Moment now) {
  const RunId id = *RunId::From(run.run_id());
  v1::SignedEntry entry;
  entry.set_entry(run.report_entry());
  for (std::uint32_t province : {run.initiator(), run.counterpart()}) {
    absl::StatusOr<std::optional<v1::Signature>> signature =
        store_.ReportSignature(id, ProvinceCode(province));
    if (!signature.ok()) return signature.status();
    v1::EntrySignature* by = entry.add_signatures();
    by->set_role(v1::SIGNER_MEMBER);
    by->set_province(province);
    if (signature->has_value()) *by->mutable_signature() = **signature;
  }
  const absl::string_view parts[] = {entry.entry()};
  absl::StatusOr<v1::Signature> own =
      contract::SignOne(*deps_.signer, *deps_.hasher, contract::kDirectoryEntryType, parts);
  if (!own.ok()) return own.status();
  v1::EntrySignature* by = entry.add_signatures();
  by->set_role(v1::SIGNER_BROKER);
  *by->mutable_signature() = *std::move(own);
  absl::Status appended = deps_.host->AppendReport(entry, now);
  if (contract::ReasonOf(appended) == v1::DIRECTORY_ENTRY_REFUSED) {
    // The directory moved on since the report was made: the run is spent.
    run.set_state(v1::RUN_FAILED);
    run.set_failure(
        absl::StrCat("the directory refuses the report: ", std::string(appended.message())));
    return absl::OkStatus();
  }
  if (!appended.ok()) return appended;
  run.set_state(v1::RUN_CERTIFIED);
  return absl::OkStatus();
}

void LinkRuns::Save(const v1::LinkRun& run, absl::Time now) {
  store_.PutRun(run, now);
  if (!IsOpen(run)) deps_.host->CloseRun(*RunId::From(run.run_id()));
  deps_.host->PushRun(ProvinceCode(run.initiator()), run);
  deps_.host->PushRun(ProvinceCode(run.counterpart()), run);
}

}  // namespace yizhan::broker
