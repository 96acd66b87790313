#include "province_nodes/app/system_worker.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "adapters/platform/log/log.h"

namespace yizhan::node {
namespace {

constexpr std::size_t kMaxTasks = 65536;
constexpr absl::Duration kFirstPause = absl::Seconds(1);
constexpr absl::Duration kLongestPause = absl::Minutes(5);
constexpr char kComponent[] = "node.systems";

systems::PersonRecord ToRecord(const v1::Person& person) {
  systems::PersonRecord record;
  record.id_number = person.id_number();
  record.name = person.name();
  record.sex = person.sex();
  record.ethnicity = person.ethnicity();
  record.birth_date = person.birth_date();
  record.home_division = person.home_division();
  record.home_address = person.home_address();
  return record;
}

v1::Person ToPerson(const systems::PersonRecord& record) {
  v1::Person person;
  person.set_id_number(record.id_number);
  person.set_name(record.name);
  person.set_sex(record.sex);
  person.set_ethnicity(record.ethnicity);
  person.set_birth_date(record.birth_date);
  person.set_home_division(record.home_division);
  person.set_home_address(record.home_address);
  return person;
}

systems::CardRecord ToCard(const SystemTask& task) {
  return {task.acceptance_number, task.card_serial, ToRecord(task.person)};
}

void LogRefused(const absl::Status& status) {
  if (status.ok()) return;
  platform::LogWarning(kComponent, "a case did not take a system's answer", {{"error", status}});
}

}  // namespace

SystemWorker::SystemWorker(Systems systems, NodeLoop* loop, const platform::Clock* clock)
    : systems_(systems), loop_(loop), clock_(clock) {}

SystemWorker::~SystemWorker() { Stop(); }

void SystemWorker::Start() {
  FindPending();
  thread_ = std::thread([this] { Work(); });
}

void SystemWorker::Stop() {
  {
    platform::MutexLock lock(&mutex_);
    stopped_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void SystemWorker::Add(const SystemTask& task) {
  platform::MutexLock lock(&mutex_);
  if (stopped_) return;
  if (known_.size() >= kMaxTasks) {
    forgot_some_ = true;
    return;
  }
  if (!known_.insert({task.kind, task.case_handle, task.of_sequence}).second) return;
  ready_.push_back({task, 0});
  changed_.NotifyAll();
}

void SystemWorker::FindPending() {
  std::vector<SystemTask> pending;
  const absl::Status status =
      loop_->Read([&pending](const platform::Transaction& txn, CaseService& cases) {
        absl::StatusOr<std::vector<SystemTask>> found = cases.PendingSystemTasks(txn);
        if (found.ok()) pending = *std::move(found);
        return found.status();
      });
  if (!status.ok()) {
    platform::LogWarning(kComponent, "pending tasks could not be read", {{"error", status}});
  }
  for (const SystemTask& task : pending) Add(task);
}

bool SystemWorker::Next(Attempt& attempt) {
  platform::MutexLock lock(&mutex_);
  while (!stopped_) {
    const absl::Duration now = clock_->Monotonic();
    while (!later_.empty() && later_.begin()->first <= now) {
      ready_.push_back(std::move(later_.begin()->second));
      later_.erase(later_.begin());
    }
    if (!ready_.empty()) {
      attempt = std::move(ready_.front());
      ready_.pop_front();
      return true;
    }
    if (forgot_some_ && later_.empty()) return true;  // the attempt stays empty
    changed_.WaitFor(&mutex_,
                     later_.empty() ? absl::InfiniteDuration() : later_.begin()->first - now);
  }
  return false;
}

void SystemWorker::Work() {
  Attempt attempt;
  while (Next(attempt)) {
    if (attempt.task.case_handle.is_zero()) {
      {
        platform::MutexLock lock(&mutex_);
        forgot_some_ = false;
      }
      FindPending();
      continue;
    }
    const bool done = Do(attempt.task);
    platform::MutexLock lock(&mutex_);
    if (done) {
      known_.erase({attempt.task.kind, attempt.task.case_handle, attempt.task.of_sequence});
    } else {
      const absl::Duration pause =
          std::min(kFirstPause * (std::int64_t{1} << std::min(attempt.tries, 10U)), kLongestPause);
      ++attempt.tries;
      later_.emplace(clock_->Monotonic() + pause, std::move(attempt));
    }
    attempt = Attempt();
  }
}

bool SystemWorker::Do(const SystemTask& task) {
  switch (task.kind) {
    case SystemTask::Kind::kRegisterLookup:
      return LookUp(task);
    case SystemTask::Kind::kRegisterRecordCard:
      return systems_.population != nullptr &&
             Report(task, systems_.population->RecordCard(ToCard(task)));
    case SystemTask::Kind::kCardCentreOrder:
      return systems_.card_centre != nullptr &&
             Report(task, systems_.card_centre->Order(ToCard(task)));
  }
  return true;
}

bool SystemWorker::LookUp(const SystemTask& task) {
  if (systems_.population == nullptr) return false;
  const absl::StatusOr<std::optional<systems::RegisterEntry>> entry =
      systems_.population->Lookup(task.person.id_number());
  if (!entry.ok()) {
    platform::LogWarning(kComponent, "the population register does not answer",
                         {{"error", entry.status()}});
    return false;
  }
  std::optional<RegisterRecord> record;
  if (entry->has_value()) {
    record = RegisterRecord{ToPerson((*entry)->person), (*entry)->has_history_photo,
                            (*entry)->credit_listed};
  }
  return loop_->Post([task, record, clock = clock_](NodeCore& core) {
    LogRefused(core.Run(
        [&](platform::Transaction& txn, CaseService& cases, CaseEffects& effects) {
          return cases.OnRegisterAnswer(txn, task, record, effects);
        },
        clock->Now()));
  });
}

bool SystemWorker::Report(const SystemTask& task,
                          const absl::StatusOr<systems::SystemResult>& result) {
  if (!result.ok()) {
    platform::LogWarning(kComponent, "a provincial system does not answer",
                         {{"error", result.status()}});
    return false;
  }
  v1::SystemOutcome outcome;
  outcome.set_of_sequence(task.of_sequence);
  outcome.set_of_header_digest(task.of_header_digest.str());
  outcome.set_applied(result->applied);
  outcome.set_system(result->system);
  outcome.set_reject_code(result->reject_code);
  outcome.set_detail(result->detail);
  return loop_->Post([task, outcome, clock = clock_](NodeCore& core) {
    LogRefused(core.Run(
        [&](platform::Transaction& txn, CaseService& cases, CaseEffects& effects) {
          return cases.OnSystemOutcome(txn, task, outcome, effects);
        },
        clock->Now()));
  });
}

}  // namespace yizhan::node
