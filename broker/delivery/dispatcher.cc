#include "broker/delivery/dispatcher.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "protos/contract/limits.h"

namespace yizhan::broker {
namespace {

// Places looked at in one call, so that a backlog that must wait does not stop
// the core.
constexpr int kMaxLook = 4096;

bool CanGo(const stored::StoredPlace& place, absl::Time now) {
  return !place.parked() && !place.waits_for_seal() &&
         (place.recovery() || absl::FromUnixMicros(place.expires_unix_us()) > now);
}

}  // namespace

bool Dispatcher::IsFull(const Credit& credit, const std::vector<v1::Delivery>& out) const {
  return credit.messages <= 0 || credit.bytes <= 0 || out.size() >= contract::kMaxBatchMessages ||
         batch_bytes_ + contract::kMaxBodyBytes > contract::kMaxBatchBytes;
}

bool Dispatcher::Give(Position position, stored::StoredMessage& message, Credit& credit, Moment now,
                      std::vector<v1::Delivery>& out) {
  const stored::StoredPlace& place = message.place();
  v1::Delivery delivery;
  if (!mailboxes_->TakeEnvelope(message, delivery.mutable_envelope())) return false;
  delivery.set_position(position.value());
  delivery.set_attempt(place.attempts() + 1);
  if (place.recovery()) {
    delivery.set_recovery(true);
    *delivery.mutable_earlier_receipt() = place.earlier_receipt();
  }
  out.push_back(std::move(delivery));
  credit.messages -= 1;
  credit.bytes -= static_cast<std::int64_t>(place.bytes());
  batch_bytes_ += place.bytes();
  const absl::Duration until = now.monotonic + options_.lease;
  leased_[position] = {until, {place.message().source(), place.message().case_handle()}};
  leases_by_time_.insert({until, position});
  return true;
}

void Dispatcher::TakeDue(Credit& credit, Moment now, const MustWait& must_wait,
                         std::vector<v1::Delivery>& out) {
  while (!held_by_time_.empty() && held_by_time_.begin()->first <= now.monotonic) {
    const Position position = held_by_time_.begin()->second;
    Unhold(position);
    due_.insert(position);
  }
  while (!due_.empty()) {
    if (IsFull(credit, out)) {
      has_more_ = true;
      return;
    }
    const Position position = *due_.begin();
    due_.erase(due_.begin());
    std::optional<stored::StoredMessage> message = mailboxes_->ReadMessage(box_, position);
    // What must wait is found again by LookAgain when the directory changes.
    if (message && CanGo(message->place(), now.wall) && !must_wait(message->place())) {
      Give(position, *message, credit, now, out);
    }
  }
}

void Dispatcher::TakeNew(Credit& credit, Moment now, const MustWait& must_wait,
                         std::vector<v1::Delivery>& out) {
  int looked = 0;
  mailboxes_->ScanMessages(box_, next_, [&](Position position, stored::StoredMessage& message) {
    if (IsFull(credit, out) || ++looked > kMaxLook) {
      has_more_ = true;
      return false;
    }
    next_ = position.next();
    if (leased_.contains(position) || held_.contains(position)) return true;
    if (CanGo(message.place(), now.wall) && !must_wait(message.place())) {
      Give(position, message, credit, now, out);
    }
    return true;
  });
}

std::vector<v1::Delivery> Dispatcher::Take(Credit& credit, Moment now, const MustWait& must_wait) {
  std::vector<v1::Delivery> out;
  has_more_ = false;
  batch_bytes_ = 0;
  TakeDue(credit, now, must_wait, out);
  if (due_.empty()) TakeNew(credit, now, must_wait, out);
  if (credit.messages <= 0 || credit.bytes <= 0) has_more_ = false;
  return out;
}

std::vector<Dispatcher::Position> Dispatcher::ExpireLeases(Moment now) {
  std::vector<Position> parked;
  while (!leases_by_time_.empty() && leases_by_time_.begin()->first <= now.monotonic) {
    const Position position = leases_by_time_.begin()->second;
    const CaseOfSource owner = leased_.at(position).owner;
    Unlease(position);
    std::optional<stored::StoredPlace> place = mailboxes_->Read(box_, position);
    if (!place) continue;
    place->set_attempts(place->attempts() + 1);
    if (place->attempts() >= options_.park_after_attempts) {
      mailboxes_->Park(box_, position, *place,
                       absl::StrCat("delivered ", place->attempts(), " times without a receipt"));
      parked.push_back(position);
    } else {
      mailboxes_->Update(box_, position, *place);
      due_.insert(position);
    }
    // Later ones of the case go after it again, without an attempt counted.
    std::vector<Position> later;
    for (auto at = leased_.upper_bound(position); at != leased_.end(); ++at) {
      if (at->second.owner == owner && at->second.until > now.monotonic) later.push_back(at->first);
    }
    for (const Position p : later) {
      Unlease(p);
      due_.insert(p);
    }
  }
  return parked;
}

void Dispatcher::ReleaseAll() {
  leased_.clear();
  leases_by_time_.clear();
  due_.clear();
  held_.clear();
  held_by_time_.clear();
  held_by_case_.clear();
  LookAgain();
}

void Dispatcher::OnGone(Position position) {
  const auto lease = leased_.find(position);
  if (lease != leased_.end()) {
    const CaseOfSource owner = lease->second.owner;
    Unlease(position);
    WakeHeld(owner);
  }
  due_.erase(position);
  Unhold(position);
}

void Dispatcher::OnReady(Position position) {
  if (position < next_ && !leased_.contains(position)) {
    Unhold(position);
    due_.insert(position);
  }
}

bool Dispatcher::OnHeld(Position position, Moment now) {
  const auto lease = leased_.find(position);
  if (lease == leased_.end()) return false;
  const Held held{now.monotonic + options_.lease, lease->second.owner};
  Unlease(position);
  held_[position] = held;
  held_by_time_.insert({held.until, position});
  held_by_case_.insert({held.owner, position});
  return true;
}

void Dispatcher::Unlease(Position position) {
  const auto lease = leased_.find(position);
  if (lease == leased_.end()) return;
  leases_by_time_.erase({lease->second.until, position});
  leased_.erase(lease);
}

void Dispatcher::Unhold(Position position) {
  const auto held = held_.find(position);
  if (held == held_.end()) return;
  held_by_time_.erase({held->second.until, position});
  held_by_case_.erase({held->second.owner, position});
  held_.erase(held);
}

void Dispatcher::WakeHeld(const CaseOfSource& owner) {
  // The predecessor that they waited for may be the one that just ended.
  auto at = held_by_case_.lower_bound({owner, Position()});
  while (at != held_by_case_.end() && at->first == owner) {
    const Position position = at->second;
    ++at;
    Unhold(position);
    due_.insert(position);
  }
}

}  // namespace yizhan::broker
