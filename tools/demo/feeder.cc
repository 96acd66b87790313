#include "tools/demo/feeder.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "protos/contract/errors.h"
#include "tools/yizhan/text.h"

namespace yizhan::tools {
namespace {

using contract::ProvinceCode;

// The first two digits of a point or division; invalid where there are none.
ProvinceCode ProvinceOf(const std::string& code) {
  std::uint32_t value = 0;
  const bool digits =
      code.size() >= 2 && absl::ascii_isdigit(code[0]) && absl::ascii_isdigit(code[1]);
  return digits && absl::SimpleAtoi(code.substr(0, 2), &value) ? ProvinceCode(value)
                                                               : ProvinceCode();
}

class Feeding {
 public:
  Feeding(const InputFolder& input, const LocalDecision& local, Desk* desk, CaseBoard* board,
          const FeedOptions& options)
      : input_(input),
        local_(local),
        board_(board),
        options_(options),
        driver_(desk, board, {.run_name = options.run_name, .interrupted = options.interrupted}) {}

  absl::StatusOr<FeedResult> Run();

 private:
  absl::Status Prepare();
  void Classify(std::size_t index);
  void Lead(CaseJob& job);
  // Leads all of `jobs`, in_flight at a time.
  void DriveAll(const std::vector<CaseJob*>& jobs, absl::string_view what);
  std::vector<CaseJob*> Waiting();
  void WaitOut();
  bool IsOver() const { return options_.interrupted() || absl::Now() - began_ > options_.overall; }
  void Collect(FeedResult& result);

  const InputFolder& input_;
  const LocalDecision& local_;
  CaseBoard* const board_;
  const FeedOptions& options_;
  CaseDriver driver_;
  absl::Time began_;
  std::map<ProvinceCode, std::map<std::string, CountyFinding>> findings_;
  std::set<std::string> refs_;
  std::vector<std::optional<LineResult>> decided_;  // by line; nothing where a job has it
  std::vector<std::unique_ptr<CaseJob>> jobs_;
};

absl::Status Feeding::Prepare() {
  for (const ProvinceCode province : options_.running) {
    auto findings = LoadFindings(input_.data().RegisterOf(province));
    if (!findings.ok()) return findings.status();
    findings_[province] = *std::move(findings);
  }
  decided_.resize(input_.lines().size());
  for (std::size_t i = 0; i < input_.lines().size(); ++i) Classify(i);
  return absl::OkStatus();
}

void Feeding::Classify(std::size_t index) {
  ApplicationLine line = ParseApplicationLine(input_.lines()[index]);
  if (!line.readable) {
    decided_[index] = LineResult{.outcome = InvalidOutcome(std::nullopt, v1::LINE_UNREADABLE)};
    return;
  }
  if (!refs_.insert(line.ref).second) {
    decided_[index] = LineResult{.outcome = InvalidOutcome(line.ref, v1::DUPLICATE_REF)};
    return;
  }
  auto job = std::make_unique<CaseJob>();
  job->index = index;
  job->accepting = ProvinceOf(line.application.accepting_point());
  job->home = ProvinceOf(line.application.applicant().home_division());
  if (!options_.running.contains(job->accepting)) {
    input_.AttachImages(line);
    decided_[index] =
        LineResult{.outcome = local_.Decide(line), .accepting = job->accepting, .home = job->home};
    return;
  }
  job->home_stopped = !options_.running.contains(job->home);
  if (const auto findings = findings_.find(job->home); findings != findings_.end()) {
    const auto finding =
        findings->second.find(absl::AsciiStrToUpper(line.application.applicant().id_number()));
    if (finding != findings->second.end()) job->finding = finding->second;
  }
  job->line = std::move(line);
  jobs_.push_back(std::move(job));
}

// Images are in memory only while their case is led: folders may be large.
void Feeding::Lead(CaseJob& job) {
  v1::Application& application = job.line.application;
  if (job.case_handle.empty()) input_.AttachImages(job.line);
  if (job.line.portrait_retake.has_value()) {
    job.retake_portrait = input_.ReadImage(*job.line.portrait_retake).value_or("");
  }
  driver_.Drive(job);
  application.clear_portrait();
  application.clear_fingerprints();
  job.retake_portrait.clear();
}

void Feeding::DriveAll(const std::vector<CaseJob*>& jobs, absl::string_view what) {
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> done{0};
  const auto work = [&] {
    while (!IsOver()) {
      const std::size_t i = next.fetch_add(1);
      if (i >= jobs.size()) return;
      Lead(*jobs[i]);
      done.fetch_add(1);
    }
  };
  std::vector<std::thread> workers;
  const std::size_t count = std::min<std::size_t>(options_.in_flight, jobs.size());
  for (std::size_t i = 0; i < count; ++i) workers.emplace_back(work);
  while (done.load() < jobs.size() && !IsOver()) {
    options_.on_progress(absl::StrCat(what, " ", done.load(), "/", jobs.size()));
    absl::SleepFor(absl::Milliseconds(100));
  }
  for (std::thread& worker : workers) worker.join();
}

std::vector<CaseJob*> Feeding::Waiting() {
  std::vector<CaseJob*> waiting;
  for (const auto& job : jobs_) {
    if (!job->ended) waiting.push_back(job.get());
  }
  return waiting;
}

// Cases that wait are driven again whenever anything changed, until it has been
// quiet for so long that nobody will act any more.
void Feeding::WaitOut() {
  absl::Time last_change = absl::Now();
  std::uint64_t seen = board_->total_changes();
  while (!IsOver()) {
    const std::vector<CaseJob*> waiting = Waiting();
    if (waiting.empty()) return;
    const bool only_stopped = std::all_of(waiting.begin(), waiting.end(),
                                          [](const CaseJob* job) { return job->home_stopped; });
    const absl::Duration bound = only_stopped ? options_.quiet : options_.stall;
    for (CaseJob* job : waiting) driver_.Refresh(*job);
    if (board_->total_changes() != seen) {
      seen = board_->total_changes();
      last_change = absl::Now();
      DriveAll(waiting, "going on with waiting cases");
      continue;
    }
    if (absl::Now() - last_change > bound) return;
    options_.on_progress(absl::StrCat(
        waiting.size(), " cases wait; quiet for ",
        absl::FormatDuration(absl::Trunc(absl::Now() - last_change, absl::Seconds(1)))));
    absl::SleepFor(absl::Milliseconds(500));
  }
}

void Feeding::Collect(FeedResult& result) {
  result.lines.resize(decided_.size());
  for (std::size_t i = 0; i < decided_.size(); ++i) {
    if (decided_[i].has_value()) result.lines[i] = *decided_[i];
  }
  for (const auto& job : jobs_) {
    LineResult& line = result.lines[job->index];
    line.accepting = job->accepting;
    line.home = job->home;
    line.case_handle = job->case_handle;
    line.problem = job->problem;
    line.took = job->last - job->began;
    if (job->outcome.has_value()) {
      line.outcome = *job->outcome;
    } else {
      line.outcome.ref = job->line.ref;
      line.outcome.final_state = "UNKNOWN";
      if (line.problem.ok()) {
        line.problem =
            contract::MakeError(v1::INTERNAL_FAULT, v1::SIDE_MINE,
                                absl::StrCat("line ", job->index + 1, ": not handed in."),
                                "The run was ended before; run it again.");
      }
      line.outcome.reason = ReasonText(contract::ReasonOf(line.problem));
    }
    const bool waits = !job->ended && !job->home_stopped;
    if (line.problem.ok() && waits) {
      line.problem =
          contract::MakeError(v1::INTERNAL_FAULT, v1::SIDE_NETWORK,
                              absl::StrCat("line ", job->index + 1, ": the case waits in ",
                                           line.outcome.final_state, " and nobody acts."),
                              "See the logs of its two nodes and of the broker.");
    }
  }
}

absl::StatusOr<FeedResult> Feeding::Run() {
  if (absl::Status status = Prepare(); !status.ok()) return status;
  began_ = absl::Now();
  std::vector<CaseJob*> all;
  for (const auto& job : jobs_) all.push_back(job.get());
  DriveAll(all, "cases");
  WaitOut();
  FeedResult result;
  result.took = absl::Now() - began_;
  Collect(result);
  return result;
}

}  // namespace

absl::StatusOr<FeedResult> Feed(const InputFolder& input, const LocalDecision& local, Desk* desk,
                                CaseBoard* board, const FeedOptions& options) {
  return Feeding(input, local, desk, board, options).Run();
}

}  // namespace yizhan::tools
