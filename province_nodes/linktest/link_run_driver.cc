#include "province_nodes/linktest/link_run_driver.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "protos/contract/signing.h"
#include "province_nodes/linktest/report_check.h"

namespace yizhan::node {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr absl::Duration kFastPatience = absl::Seconds(20);
constexpr absl::Duration kQuestionEvery = absl::Seconds(2);
constexpr absl::Duration kRetryAfter = absl::Milliseconds(300);
// Receipts of this node may reach the broker's log after its verdict.
constexpr int kRefusedPosts = 4;
constexpr absl::Duration kReplayPatience = absl::Seconds(30);

auto Progress(const v1::LinkRun& run) {
  return std::make_tuple(run.state(), run.verdicts_size(), run.signed_by_size());
}

absl::string_view TextOf(const absl::Status& status) {
  return absl::string_view(status.message().data(), status.message().size());
}

// The session or the broker may come back; anything else will not change.
bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

}  // namespace

LinkRunDriver::LinkRunDriver(const LinkTestDeps& deps, v1::LinkRun run, Changed changed)
    : deps_(deps),
      changed_(std::move(changed)),
      bounds_{run.fast() ? kFastPatience : kPatience},
      run_(std::move(run)) {}

void LinkRunDriver::Tell(const v1::LinkRun& run) {
  events_.Post([this, run] { Update(run); });
}

void LinkRunDriver::Stop() { events_.Close(); }

void LinkRunDriver::Update(const v1::LinkRun& run) {
  if (Progress(run) <= Progress(run_)) return;  // news overtake each other
  run_ = run;
  changed_(run_);
}

bool LinkRunDriver::Over() const {
  return run_.state() != v1::RUN_OPEN && run_.state() != v1::RUN_SIGNING;
}

absl::Duration LinkRunDriver::WindowLeft() const {
  // A little longer, so that the broker is the one who ends the run.
  return absl::FromUnixMicros(run_.window_until_unix_us()) - deps_.clock->Now() + absl::Seconds(10);
}

void LinkRunDriver::AskForNews() {
  if (deps_.clock->Monotonic() < next_question_) return;
  v1::GetRunRequest request;
  request.set_run_id(run_.run_id());
  absl::StatusOr<v1::GetRunResponse> answer = deps_.service->GetRun(request);
  if (answer.ok()) Update(answer->run());
  next_question_ = deps_.clock->Monotonic() + kQuestionEvery;
}

bool LinkRunDriver::PumpUntil(const std::function<bool()>& done, absl::Duration timeout) {
  const absl::Duration end = deps_.clock->Monotonic() + timeout;
  while (!events_.closed()) {
    if (done()) return true;
    if (deps_.clock->Monotonic() >= end) return false;
    AskForNews();
    if (done()) return true;
    if (lane_ != nullptr && lane_->status().ok()) {
      lane_->PumpUntil(done, std::min(kQuestionEvery, end - deps_.clock->Monotonic()));
    } else {
      for (LaneEvents::Task& task : events_.Take(kRetryAfter)) task();
    }
  }
  return false;
}

absl::Status LinkRunDriver::Drive() {
  next_question_ = deps_.clock->Monotonic() + kQuestionEvery;
  changed_(run_);
  if (run_.state() == v1::RUN_OPEN) {
    absl::StatusOr<std::unique_ptr<RunLane>> lane = RunLane::Create(deps_, run_, &events_);
    lane_status_ = lane.status();
    if (lane.ok()) lane_ = *std::move(lane);
    RunSuite();
    PumpUntil([this] { return run_.state() != v1::RUN_OPEN; }, WindowLeft());
  }
  absl::Status end;
  if (run_.state() == v1::RUN_SIGNING) {
    end = SignReport();
    if (end.ok()) PumpUntil([this] { return Over(); }, WindowLeft());
  }
  if (run_.state() == v1::RUN_CERTIFIED) {
    const contract::RunId id = *contract::RunId::From(run_.run_id());
    PumpUntil([&] { return deps_.report_replayed(id); }, kReplayPatience);
  }
  lane_.reset();
  if (end.ok() && !Over()) {
    end = contract::MakeError(v1::SHUTTING_DOWN, v1::SIDE_MINE,
                              "this node stopped before the connectivity test had ended",
                              "the run goes on when the node is back within its window");
  }
  return end;
}

void LinkRunDriver::RunSuite() {
  const auto connected = [this] {
    return lane_->core().session().open() &&
           lane_->core().directory().FindMember(lane_->peer()) != nullptr;
  };
  const bool ready = lane_ != nullptr && lane_->PumpUntil(connected, bounds_.patience);
  std::string blocked_by;
  for (const std::unique_ptr<LinkTestCase>& one : MakeLinkTestSuite()) {
    if (events_.closed() || run_.state() != v1::RUN_OPEN) return;
    if (Posted(one->describe().id)) continue;  // before this node restarted
    const absl::Time started = deps_.clock->Now();
    const CaseOutcome outcome = RunCase(*one, ready, blocked_by);
    if (one->describe().id == "M01" && outcome.failed()) blocked_by = "M01";
    Post(*one, outcome, started);
  }
}

CaseOutcome LinkRunDriver::RunCase(const LinkTestCase& one, bool connected,
                                   const std::string& blocked_by) {
  const contract::ProvinceCode peer(run_.initiator() == deps_.province.value() ? run_.counterpart()
                                                                               : run_.initiator());
  CaseOutcome outcome(one.describe().id, deps_.province, peer);
  if (lane_ == nullptr) {
    outcome.Fail(FailedSide::kMine,
                 absl::StrCat("the test lane could not be made: ", TextOf(lane_status_)),
                 "see the node's log");
  } else if (!connected) {
    outcome.Fail(
        FailedSide::kNetwork,
        absl::StrCat("no test session with the broker: ", lane_->core().session().last_error()),
        "check the line to the broker, then run the test again");
  } else if (!blocked_by.empty() && one.describe().id != "L04") {
    outcome.Block(absl::StrCat(blocked_by, " did not pass"),
                  absl::StrCat("remove the cause of ", blocked_by, ", then run the test again"));
  } else {
    one.Run(*lane_, bounds_, outcome);
  }
  return outcome;
}

bool LinkRunDriver::Posted(absl::string_view case_id) const {
  return std::any_of(run_.verdicts().begin(), run_.verdicts().end(),
                     [&](const v1::CaseVerdict& verdict) {
                       return verdict.case_id() == std::string(case_id) &&
                              verdict.from() == deps_.province.value();
                     });
}

absl::Status LinkRunDriver::PostOnce(const v1::CaseVerdict& verdict, const std::string& evidence) {
  v1::PostVerdictsRequest request;
  request.set_run_id(run_.run_id());
  *request.add_verdicts() = verdict;
  request.add_evidence(evidence);
  request.set_build(deps_.build);
  request.set_doubles(deps_.doubles);
  if (lane_ != nullptr) {
    request.set_clock_offset_us(absl::ToInt64Microseconds(lane_->core().session().clock_offset()));
  }
  for (const std::string& fingerprint : deps_.fingerprints) request.add_fingerprints(fingerprint);
  request.set_policy_schema(deps_.policy->schema());
  absl::StatusOr<v1::PostVerdictsResponse> posted = deps_.service->PostVerdicts(request);
  if (!posted.ok()) return posted.status();
  own_.push_back(verdict);
  Update(posted->run());
  return absl::OkStatus();
}

void LinkRunDriver::Post(const LinkTestCase& one, const CaseOutcome& outcome, absl::Time started) {
  std::string evidence;
  v1::CaseVerdict verdict = outcome.Verdict(*deps_.algorithms.hasher, one.describe().judge, started,
                                            deps_.clock->Now(), &evidence);
  const auto never = [] { return false; };
  for (int refused = 0; !events_.closed() && WindowLeft() > absl::ZeroDuration();) {
    const absl::Status posted = PostOnce(verdict, evidence);
    if (posted.ok()) return;
    const bool pass_refused =
        contract::ReasonOf(posted) == v1::REPORT_REFUSED && verdict.verdict() == v1::VERDICT_PASS;
    if (pass_refused && ++refused == kRefusedPosts) {
      verdict.set_verdict(v1::VERDICT_FAIL);
      verdict.set_side("broker");
      verdict.set_cause(absl::StrCat("the broker's log does not show it: ", TextOf(posted)));
      verdict.set_next_step("ask the broker's operator to trace the messages");
    } else if (!pass_refused && !MayPass(posted)) {
      deps_.log(absl::StrCat("connectivity test: the verdict of ", verdict.case_id(),
                             " was not taken: ", TextOf(posted)));
      return;
    }
    PumpUntil(never, kRetryAfter);
  }
}

absl::Status LinkRunDriver::SignReport() {
  absl::Status checked = absl::UnavailableError("");
  if (lane_ == nullptr ||
      static_cast<std::size_t>(std::count_if(run_.verdicts().begin(), run_.verdicts().end(),
                                             [&](const v1::CaseVerdict& verdict) {
                                               return verdict.from() == deps_.province.value();
                                             })) != own_.size()) {
    return contract::MakeError(v1::REPORT_REFUSED, v1::SIDE_MINE,
                               "this node restarted during the run and no longer knows its own "
                               "verdicts, so it does not sign the report",
                               "let the run's window end, then run the test again");
  }
  // The lane's directory may lag behind the broker's.
  PumpUntil(
      [&] {
        checked = CheckReport(deps_, lane_->core().directory(), run_, own_, deps_.clock->Now());
        return checked.ok() || Over();
      },
      bounds_.patience);
  if (Over()) return absl::OkStatus();
  if (!checked.ok()) {
    deps_.log(std::string(TextOf(checked)));
    return checked;
  }
  return SendSignature();
}

absl::Status LinkRunDriver::SendSignature() {
  v1::SignReportRequest request;
  request.set_run_id(run_.run_id());
  const absl::string_view parts[] = {run_.report_entry()};
  absl::StatusOr<v1::Signature> signature = contract::SignOne(
      *deps_.signer, *deps_.algorithms.hasher, contract::kDirectoryEntryType, parts);
  if (!signature.ok()) return signature.status();
  *request.mutable_signature() = *std::move(signature);
  while (!Over() && !events_.closed() && WindowLeft() > absl::ZeroDuration()) {
    absl::StatusOr<v1::SignReportResponse> answer = deps_.service->SignReport(request);
    if (answer.ok()) {
      Update(answer->run());
      return absl::OkStatus();
    }
    if (!MayPass(answer.status())) return answer.status();
    PumpUntil([] { return false; }, kRetryAfter);
  }
  return absl::OkStatus();
}

}  // namespace yizhan::node
