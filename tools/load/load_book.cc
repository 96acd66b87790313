#include "tools/load/load_book.h"

#include <algorithm>

namespace yizhan::tools {

Quantiles QuantilesOf(std::vector<float> milliseconds) {
  Quantiles out;
  out.count = milliseconds.size();
  if (milliseconds.empty()) return out;
  std::sort(milliseconds.begin(), milliseconds.end());
  const auto at = [&](double share) {
    const auto index = static_cast<std::size_t>(share * static_cast<double>(milliseconds.size()));
    return static_cast<double>(milliseconds[std::min(index, milliseconds.size() - 1)]);
  };
  out.p50_ms = at(0.5);
  out.p99_ms = at(0.99);
  out.max_ms = static_cast<double>(milliseconds.back());
  return out;
}

LoadBook::LoadBook(std::size_t count, std::uint64_t busy) : busy_(busy), messages_(count) {}

void LoadBook::Count(std::uint64_t number, absl::Duration at, std::uint64_t& ended,
                     absl::Duration& when) {
  if (number < busy_ && ++ended == busy_) when = at;
}

void LoadBook::Due(std::uint64_t number, absl::Duration at) { messages_[number].due = at; }

void LoadBook::Accepted(std::uint64_t number, absl::Duration at) {
  Message& message = messages_[number];
  message.accepted_ms = static_cast<float>(absl::ToDoubleMilliseconds(at - message.due));
  ++accepted_;
  platform::MutexLock lock(&mutex_);
  Count(number, at, busy_accepted_, all_accepted_at_);
}

void LoadBook::Refused(std::uint64_t number, const std::string& why, absl::Duration at) {
  platform::MutexLock lock(&mutex_);
  if (refused_++ == 0) first_refusal_ = why;
  Count(number, at, busy_accepted_, all_accepted_at_);
  Count(number, at, busy_receipted_, all_receipted_at_);
}

void LoadBook::Delivered(std::uint64_t number) {
  ++(messages_[number].delivered.exchange(true) ? delivered_again_ : delivered_);
}

void LoadBook::Receipted(std::uint64_t number, absl::Duration at) {
  Message& message = messages_[number];
  if (message.receipted_ms >= 0) return;  // a control record came again
  message.receipted_ms = static_cast<float>(absl::ToDoubleMilliseconds(at - message.due));
  ++receipted_;
  platform::MutexLock lock(&mutex_);
  Count(number, at, busy_receipted_, all_receipted_at_);
}

absl::Duration LoadBook::all_accepted_at() const {
  platform::MutexLock lock(&mutex_);
  return all_accepted_at_;
}

absl::Duration LoadBook::all_receipted_at() const {
  platform::MutexLock lock(&mutex_);
  return all_receipted_at_;
}

std::string LoadBook::first_refusal() const {
  platform::MutexLock lock(&mutex_);
  return first_refusal_;
}

Quantiles LoadBook::AcceptedAfter(std::uint64_t first, std::uint64_t end) const {
  std::vector<float> times;
  for (std::uint64_t i = first; i < end; ++i) {
    if (messages_[i].accepted_ms >= 0) times.push_back(messages_[i].accepted_ms);
  }
  return QuantilesOf(std::move(times));
}

Quantiles LoadBook::ReceiptedAfter(std::uint64_t first, std::uint64_t end) const {
  std::vector<float> times;
  for (std::uint64_t i = first; i < end; ++i) {
    if (messages_[i].receipted_ms >= 0) times.push_back(messages_[i].receipted_ms);
  }
  return QuantilesOf(std::move(times));
}

}  // namespace yizhan::tools
