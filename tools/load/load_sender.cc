#include "tools/load/load_sender.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "adapters/platform/clock/clock.h"
#include "yizhan/v1/error.pb.h"

namespace yizhan::tools {

absl::Status LoadSender::Open(contract::Random& random) {
  LoadSession::Events events;
  events.on_results = [this](const v1::SubmitResponse& response) { OnResults(response); };
  events.on_received = [this](const v1::ReceiveResponse& response) { OnReceived(response); };
  events.on_lost = [this](const absl::Status& status) {
    platform::MutexLock lock(&mutex_);
    lost_.Update(status);
  };
  auto session = LoadSession::Open(*party_, random, std::move(events));
  if (!session.ok()) return session.status();
  session_ = *std::move(session);
  session_->Start();
  return absl::OkStatus();
}

absl::Status LoadSender::Prepare(const std::vector<const LoadParty*>& recipients,
                                 contract::Random& random, absl::Time now) {
  MessageMaker maker(load_, party_, session_->issuer(), plan_.body_bytes, &random);
  for (std::uint64_t made = 0; made < plan_.count; made += plan_.batch) {
    const std::uint64_t more = std::min<std::uint64_t>(plan_.batch, plan_.count - made);
    auto frame = maker.MakeFrame(plan_.first + made, more, recipients, now);
    if (!frame.ok()) return frame.status();
    platform::MutexLock lock(&mutex_);
    waiting_.push_back(*std::move(frame));
  }
  return absl::OkStatus();
}

void LoadSender::Begin(absl::Duration start, absl::Duration now) {
  {
    platform::MutexLock lock(&mutex_);
    next_due_ = waiting_.empty() ? absl::InfiniteDuration() : start;
  }
  Tick(now);
}

absl::Duration LoadSender::Tick(absl::Duration now) {
  platform::MutexLock lock(&mutex_);
  while (next_due_ <= now) {
    const std::uint64_t from = plan_.first + begun_ * plan_.batch;
    const std::uint64_t end = std::min(from + plan_.batch, plan_.first + plan_.count);
    for (std::uint64_t number = from; number < end; ++number) book_->Due(number, next_due_);
    ++begun_;
    ++due_;
    next_due_ =
        end == plan_.first + plan_.count ? absl::InfiniteDuration() : next_due_ + plan_.every;
  }
  SendWhatMayGo(now);
  return next_due_;
}

void LoadSender::SendWhatMayGo(absl::Duration now) {
  const bool paced = plan_.every > absl::ZeroDuration();
  while (due_ > 0) {
    const auto messages = static_cast<std::uint64_t>(waiting_.front().batch().items_size());
    if (unanswered_ > 0 && unanswered_ + messages > credit_) return;
    if (!paced) {
      // Without a plan a message is due when credit lets it go.
      for (const v1::SubmitItem& item : waiting_.front().batch().items()) {
        book_->Due(item.tag(), now);
      }
    }
    unanswered_ += messages;
    session_->Submit(std::move(waiting_.front()));
    waiting_.pop_front();
    --due_;
  }
}

void LoadSender::OnResults(const v1::SubmitResponse& response) {
  const absl::Duration now = platform::SystemClock().Monotonic();
  for (const v1::SubmitResult& result : response.results()) {
    if (result.has_receipt()) {
      book_->Accepted(result.tag(), now);
    } else {
      book_->Refused(
          result.tag(),
          absl::StrCat(v1::ErrorReason_Name(result.error().reason()), ": ", result.error().what()),
          now);
    }
  }
  platform::MutexLock lock(&mutex_);
  for (const v1::DestinationCredit& credit : response.credits()) {
    if (credit.destination() == 0) credit_ = credit.messages();
  }
  unanswered_ -= static_cast<std::uint64_t>(response.results_size());
  SendWhatMayGo(now);
}

void LoadSender::OnReceived(const v1::ReceiveResponse& response) {
  if (response.controls().empty()) return;
  const absl::Duration now = platform::SystemClock().Monotonic();
  for (const v1::ControlItem& item : response.controls()) {
    v1::Control control;
    if (!control.ParseFromString(item.control().record()) || !control.has_delivery()) continue;
    const auto number = NumberOfCase(load_, control.delivery().message().case_handle());
    if (number && *number < book_->count()) book_->Receipted(*number, now);
  }
  v1::ReceiveRequest stored;
  stored.set_control_cursor(response.controls(response.controls_size() - 1).cursor());
  session_->Receive(std::move(stored));
}

absl::Status LoadSender::lost() const {
  platform::MutexLock lock(&mutex_);
  return lost_;
}

}  // namespace yizhan::tools
