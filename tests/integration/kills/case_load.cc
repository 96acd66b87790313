#include "tests/integration/kills/case_load.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tools/demo/outcome.h"

namespace yizhan::testing {
namespace {

using contract::ProvinceCode;

// A killed node is back within seconds; longer, and the case is looked at anew.
constexpr absl::Duration kPatience = absl::Seconds(20);

tools::DataFiles ShippedFiles(const std::string& source_dir) {
  tools::DataFiles files;
  files.policy = absl::StrCat(source_dir, "/deploy/data/policy.textproto");
  files.divisions = absl::StrCat(source_dir, "/deploy/data/divisions.csv");
  files.sample = absl::StrCat(source_dir, "/tools/demo/sample");
  files.points = absl::StrCat(files.sample, "/points.jsonl");
  files.register_dirs = {absl::StrCat(files.sample, "/registers")};
  return files;
}

ProvinceCode ProvinceOf(const std::string& code) {
  return ProvinceCode(static_cast<std::uint32_t>((code[0] - '0') * 10 + (code[1] - '0')));
}

}  // namespace

absl::StatusOr<std::unique_ptr<CaseLoad>> CaseLoad::Start(Options options) {
  auto load = absl::WrapUnique(new CaseLoad(std::move(options)));
  if (absl::Status loaded = load->LoadTemplates(); !loaded.ok()) return loaded;
  const std::vector<ProvinceCode> provinces = load->options_.lab->Provinces();
  const auto interrupted = [raw = load.get()] { return raw->give_up_.load(); };
  auto desk = tools::RpcDesk::Connect(*load->options_.lab, provinces, interrupted);
  if (!desk.ok()) return desk.status();
  load->desk_ = *std::move(desk);
  auto watchers = tools::CaseWatchers::Start(*load->options_.lab, provinces, &load->board_);
  if (!watchers.ok()) return watchers.status();
  load->watchers_ = *std::move(watchers);
  for (int i = 0; i < load->options_.in_flight; ++i) {
    load->threads_.emplace_back(
        [raw = load.get(), i] { raw->Lead(static_cast<std::uint64_t>(i)); });
  }
  return load;
}

CaseLoad::~CaseLoad() {
  give_up_ = true;
  Finish(absl::ZeroDuration());
  for (std::thread& thread : threads_) thread.join();
}

absl::Status CaseLoad::LoadTemplates() {
  const tools::DataFiles files = ShippedFiles(options_.source_dir);
  const auto input = tools::InputFolder::Open(files.sample, files);
  if (!input.ok()) return input.status();
  const auto expected = tools::LoadExpected(input->expected_file());
  if (!expected.ok()) return expected.status();
  for (std::size_t i = 0; i < input->lines().size(); ++i) {
    if ((*expected)[i].final_state != "HANDED_OVER") continue;
    Template made;
    made.line = tools::ParseApplicationLine(input->lines()[i]);
    made.accepting = ProvinceOf(made.line.application.accepting_point());
    made.home = ProvinceOf(made.line.application.applicant().home_division());
    const bool ours = options_.lab->Find(made.accepting) != nullptr &&
                      options_.lab->Find(made.home) != nullptr && made.accepting != made.home;
    const bool wanted = options_.only_with == 0 || made.accepting.value() == options_.only_with ||
                        made.home.value() == options_.only_with;
    if (!ours || !wanted) continue;
    input->AttachImages(made.line);
    made.retake_portrait = made.line.application.portrait();
    templates_.push_back(std::move(made));
  }
  if (templates_.empty())
    return absl::NotFoundError("the sample has no case between the provinces");
  return absl::OkStatus();
}

tools::CaseJob CaseLoad::NewCase(std::uint64_t dice) const {
  const Template& of = templates_[dice % templates_.size()];
  tools::CaseJob job;
  job.line = of.line;
  job.accepting = of.accepting;
  job.home = of.home;
  job.retake_portrait = of.retake_portrait;
  job.line.card_centre_failures = 0;
  switch (dice / 1000 % 6) {
    case 0:
      job.finding = tools::CountyFinding::kInformationError;
      break;
    case 1:
      job.finding = tools::CountyFinding::kRetakePortrait;
      break;
    case 2:
      job.line.card_centre_failures = 1;
      break;
    default:
      break;
  }
  return job;
}

LedCase CaseLoad::DriveToItsEnd(tools::CaseDriver& driver, tools::CaseJob job) {
  const bool refused = job.finding == tools::CountyFinding::kInformationError;
  while (!give_up_) {
    driver.Drive(job);
    if (job.ended) break;
  }
  LedCase led;
  led.handle = job.case_handle;
  led.accepting = job.accepting;
  led.home = job.home;
  led.wanted = refused ? "CASE_CLOSED_REFUSED" : "CASE_HANDED_OVER";
  led.ended = job.last;
  led.took = job.last - job.began;
  if (!job.problem.ok()) {
    led.problem = job.problem.ToString();
  } else if (!job.ended) {
    led.problem = "it was not ended in time";
  }
  return led;
}

void CaseLoad::Lead(std::uint64_t thread) {
  std::mt19937_64 random(options_.seed * 1000 + thread);
  tools::DriverOptions driving;
  driving.run_name = absl::StrCat("kills", options_.seed);
  driving.patience = kPatience;
  driving.interrupted = [this] { return give_up_.load(); };
  tools::CaseDriver driver(desk_.get(), &board_, driving);
  while (true) {
    const double part = static_cast<double>(random() % 2000) / 1000;
    if (!Pause(options_.mean_pause * part)) return;
    tools::CaseJob job = NewCase(random());
    job.index = next_case_++;
    LedCase led = DriveToItsEnd(driver, std::move(job));
    const platform::MutexLock lock(&mutex_);
    cases_.push_back(std::move(led));
    --leading_;
    changed_.NotifyAll();
  }
}

bool CaseLoad::Pause(absl::Duration pause) {
  const platform::MutexLock lock(&mutex_);
  changed_.WaitFor(&mutex_, pause,
                   [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return finishing_; });
  if (finishing_) return false;
  ++leading_;
  return true;
}

void CaseLoad::Finish(absl::Duration patience) {
  {
    const platform::MutexLock lock(&mutex_);
    finishing_ = true;
    changed_.NotifyAll();
    changed_.WaitFor(&mutex_, patience,
                     [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return leading_ == 0; });
  }
  give_up_ = true;
  for (std::thread& thread : std::exchange(threads_, {})) thread.join();
}

std::vector<LedCase> CaseLoad::Cases() const {
  const platform::MutexLock lock(&mutex_);
  return cases_;
}

}  // namespace yizhan::testing
