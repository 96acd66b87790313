#include "tools/load/load_run.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "adapters/platform/clock/clock.h"
#include "adapters/platform/crypto/suite.h"
#include "protos/contract/errors.h"
#include "tools/load/load_party.h"
#include "tools/load/load_recipient.h"
#include "tools/load/load_sender.h"

namespace yizhan::tools {
namespace {

// The broker's page is renewed every second.
constexpr absl::Duration kFiguresSettle = absl::Milliseconds(1500);
constexpr absl::Duration kLook = absl::Milliseconds(20);
constexpr double kQuietPerSecond = 1;
constexpr std::uint64_t kQuietMessages = 5;

absl::Duration Now() { return platform::SystemClock().Monotonic(); }

class LoadRun {
 public:
  LoadRun(const Lab& lab, const LoadPlan& plan)
      : lab_(lab),
        plan_(plan),
        load_(static_cast<std::uint64_t>(absl::ToUnixMicros(absl::Now()))) {}

  absl::StatusOr<LoadReport> Run() {
    for (const auto& step : {&LoadRun::OpenParties, &LoadRun::OpenSessions, &LoadRun::Prepare,
                             &LoadRun::Drive, &LoadRun::Measure}) {
      if (absl::Status s = (this->*step)(); !s.ok()) return s;
    }
    return report_;
  }

 private:
  absl::Status OpenParties();
  absl::Status OpenSessions();
  absl::Status Prepare();
  absl::Status Drive();
  absl::Status Measure();
  absl::Status CheckAlive() const;
  void AddSender(const LoadParty* party, std::uint64_t count, std::size_t batch, double per_second);
  std::uint64_t Wanted() const { return busy_ + plan_.quiet.size() * kQuietMessages; }
  absl::Duration TickAll(absl::Duration now);
  bool Done() const;
  std::uint64_t Progress() const;
  void Say(absl::string_view text) const {
    if (plan_.on_progress) plan_.on_progress(text);
  }

  const Lab& lab_;
  const LoadPlan& plan_;
  const LoadId load_;
  platform::SystemRandom random_;
  std::deque<LoadParty> parties_;
  std::vector<const LoadParty*> to_;
  std::uint64_t busy_ = 0;     // messages of busy senders
  std::uint64_t planned_ = 0;  // messages given out to senders so far
  std::unique_ptr<LoadBook> book_;
  std::deque<LoadSender> senders_;
  std::deque<LoadRecipient> recipients_;
  BrokerFigures before_;
  absl::Duration start_;
  LoadReport report_;
};

absl::Status LoadRun::OpenParties() {
  for (const auto* provinces : {&plan_.senders, &plan_.quiet, &plan_.recipients}) {
    for (const contract::ProvinceCode province : *provinces) {
      auto party = OpenLoadParty(lab_, province);
      if (!party.ok()) return party.status();
      parties_.push_back(*std::move(party));
      if (provinces == &plan_.recipients) to_.push_back(&parties_.back());
    }
  }
  return absl::OkStatus();
}

void LoadRun::AddSender(const LoadParty* party, std::uint64_t count, std::size_t batch,
                        double per_second) {
  SenderPlan plan;
  plan.first = planned_;
  plan.count = count;
  plan.batch = batch;
  plan.body_bytes = plan_.body_bytes;
  if (per_second > 0) plan.every = absl::Seconds(static_cast<double>(batch) / per_second);
  planned_ += count;
  senders_.emplace_back(load_, party, plan, book_.get());
  report_.sender_signatures += (count + batch - 1) / batch;
}

absl::Status LoadRun::OpenSessions() {
  const std::uint64_t each = std::max<std::uint64_t>(1, plan_.messages / plan_.senders.size());
  busy_ = each * plan_.senders.size();
  book_ = std::make_unique<LoadBook>(Wanted(), busy_);
  std::size_t at = 0;
  for (std::size_t i = 0; i < plan_.senders.size(); ++i) {
    AddSender(&parties_[at++], each, plan_.batch,
              plan_.per_second / static_cast<double>(plan_.senders.size()));
  }
  for (std::size_t i = 0; i < plan_.quiet.size(); ++i) {
    AddSender(&parties_[at++], kQuietMessages, 1, kQuietPerSecond);
  }
  for (const LoadParty* party : to_) recipients_.emplace_back(load_, party, book_.get());
  for (LoadSender& sender : senders_) {
    if (absl::Status s = sender.Open(random_); !s.ok()) return s;
  }
  for (LoadRecipient& recipient : recipients_) {
    if (absl::Status s = recipient.Open(random_); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status LoadRun::Prepare() {
  Say(absl::StrCat("sealing and signing ", Wanted(), " messages"));
  const absl::Time now = absl::Now();
  std::vector<absl::Status> made(senders_.size());
  std::vector<std::thread> threads;
  const std::size_t workers = std::max(1U, std::thread::hardware_concurrency());
  for (std::size_t w = 0; w < workers; ++w) {
    threads.emplace_back([&, w] {
      for (std::size_t i = w; i < senders_.size(); i += workers) {
        platform::SystemRandom random;
        made[i] = senders_[i].Prepare(to_, random, now);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : made) {
    if (!status.ok()) return status;
  }
  auto before = ReadBrokerFigures(lab_);
  if (!before.ok()) return before.status();
  before_ = *std::move(before);
  return absl::OkStatus();
}

absl::Duration LoadRun::TickAll(absl::Duration now) {
  absl::Duration next = now + kLook;
  for (LoadSender& sender : senders_) next = std::min(next, sender.Tick(now));
  return next;
}

bool LoadRun::Done() const {
  const std::uint64_t ended = book_->accepted() + book_->refused();
  return ended >= Wanted() && (!plan_.receive || book_->receipted() + book_->refused() >= Wanted());
}

std::uint64_t LoadRun::Progress() const {
  return book_->accepted() + book_->refused() + book_->delivered() + book_->receipted();
}

absl::Status LoadRun::CheckAlive() const {
  for (const LoadSender& sender : senders_) {
    if (absl::Status s = sender.lost(); !s.ok()) return s;
  }
  for (const LoadRecipient& recipient : recipients_) {
    if (absl::Status s = recipient.lost(); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status LoadRun::Drive() {
  bool receiving = plan_.receive && !plan_.hold_recipients;
  if (receiving) {
    for (LoadRecipient& recipient : recipients_) recipient.Begin(plan_.credit_messages);
  }
  platform::Mutex mutex;
  platform::CondVar never;
  start_ = Now();
  // The frames of different senders are spread over the interval.
  for (std::size_t i = 0; i < senders_.size(); ++i) {
    const absl::Duration shift = senders_[i].plan().every * static_cast<std::int64_t>(i) /
                                 static_cast<std::int64_t>(senders_.size());
    senders_[i].Begin(start_ + shift, start_);
  }
  std::uint64_t progress = 0;
  absl::Duration moved = start_;
  while (!Done()) {
    const absl::Duration now = Now();
    if (absl::Status s = CheckAlive(); !s.ok()) return s;
    if (plan_.receive && !receiving && book_->all_accepted_at() <= now) {
      receiving = true;
      for (LoadRecipient& recipient : recipients_) recipient.Begin(plan_.credit_messages);
    }
    if (const std::uint64_t here = Progress(); here != progress) {
      progress = here;
      moved = now;
    } else if (now - moved > plan_.patience) {
      return absl::DeadlineExceededError(
          absl::StrCat("nothing moved for ", absl::FormatDuration(plan_.patience), ": ",
                       book_->accepted(), " of ", Wanted(), " accepted, ", book_->delivered(),
                       " delivered, ", book_->receipted(), " receipted"));
    }
    Say(absl::StrCat(book_->accepted(), " of ", Wanted(), " accepted, ", book_->receipted(),
                     " receipted"));
    const absl::Duration next = TickAll(now);
    platform::MutexLock lock(&mutex);
    never.WaitFor(&mutex, next - Now());
  }
  report_.accepting = book_->all_accepted_at() - start_;
  report_.delivering = book_->all_receipted_at() - start_;
  return absl::OkStatus();
}

absl::Status LoadRun::Measure() {
  platform::Mutex mutex;
  platform::CondVar never;
  {
    platform::MutexLock lock(&mutex);
    never.WaitFor(&mutex, kFiguresSettle);
  }
  auto after = ReadBrokerFigures(lab_);
  if (!after.ok()) return after.status();
  for (const auto& [name, value] : *after) report_.broker[name] = value - before_[name];
  report_.plan = plan_;
  report_.accepted = book_->accepted();
  report_.refused = book_->refused();
  report_.delivered = book_->delivered();
  report_.delivered_again = book_->delivered_again();
  report_.receipted = book_->receipted();
  report_.first_refusal = book_->first_refusal();
  report_.accepted_after = book_->AcceptedAfter(0, busy_);
  report_.receipted_after = book_->ReceiptedAfter(0, busy_);
  report_.quiet_accepted_after = book_->AcceptedAfter(busy_, Wanted());
  for (const LoadRecipient& recipient : recipients_) {
    report_.recipient_signatures += recipient.signatures();
  }
  return absl::OkStatus();
}

}  // namespace

double LoadReport::AcceptedPerSecond() const {
  return static_cast<double>(accepted) / absl::ToDoubleSeconds(accepting);
}

double LoadReport::DeliveredPerSecond() const {
  return static_cast<double>(receipted) / absl::ToDoubleSeconds(delivering);
}

bool LoadReport::Complete() const {
  return refused == 0 && delivered_again == 0 &&
         (!plan.receive || (delivered == accepted && receipted == accepted));
}

absl::StatusOr<LoadReport> RunLoad(const Lab& lab, const LoadPlan& plan) {
  return LoadRun(lab, plan).Run();
}

}  // namespace yizhan::tools
