// Which message of one mailbox goes out next: leases, credit, redelivery.
#ifndef YIZHAN_BROKER_DELIVERY_DISPATCHER_H_
#define YIZHAN_BROKER_DELIVERY_DISPATCHER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "broker/store/mailboxes.h"
#include "broker/store/moment.h"
#include "yizhan/v1/exchange.pb.h"

namespace yizhan::broker {

// What the recipient is ready to take.
struct Credit {
  std::int64_t messages = 0;
  std::int64_t bytes = 0;
};

// One thread; `mailboxes` must outlive this object.
//
// Invariants:
//  1. Memory is bounded by what is leased, due again or reported as held: the
//     backlog itself stays in the store.
//  2. Places go out in order of position; a message that is due again goes
//     before later ones of its (source, case).
//  3. Only a lease that ran out counts as an attempt.
class Dispatcher {
 public:
  using Position = contract::MailboxPosition;
  struct Options {
    absl::Duration lease;
    std::uint32_t park_after_attempts;
  };
  // True for a place that must wait, e.g. for a cut link.
  using MustWait = std::function<bool(const stored::StoredPlace&)>;

  Dispatcher(BoxKey box, Mailboxes* mailboxes, Options options)
      : box_(std::move(box)), mailboxes_(mailboxes), options_(options) {}

  // Leases what credit, one batch and one bounded look at the backlog allow.
  std::vector<v1::Delivery> Take(Credit& credit, Moment now, const MustWait& must_wait);
  // Did the last Take stop before the end of the backlog for another reason
  // than credit?
  bool has_more() const { return has_more_; }

  // Leases that ran out: counted, due again, or parked; returns the parked ones.
  std::vector<Position> ExpireLeases(Moment now);
  // The stream is gone: everything without receipt goes out again.
  void ReleaseAll();
  // The backlog is looked at again from its beginning.
  void LookAgain() { next_ = Position(1); }
  // The place is gone, or waits for another sealing.
  void OnGone(Position position);
  // The place may go out (again): resealed, or replayed by an operator.
  void OnReady(Position position);
  // The recipient waits for a predecessor: the lease ends without an attempt.
  // False if the place was not leased.
  bool OnHeld(Position position, Moment now);

  std::size_t leased() const { return leased_.size(); }

 private:
  using CaseOfSource = std::pair<std::uint32_t, std::string>;
  struct Lease {
    absl::Duration until;
    CaseOfSource owner;
  };
  struct Held {
    absl::Duration until;
    CaseOfSource owner;
  };
  void TakeDue(Credit& credit, Moment now, const MustWait& must_wait,
               std::vector<v1::Delivery>& out);
  void TakeNew(Credit& credit, Moment now, const MustWait& must_wait,
               std::vector<v1::Delivery>& out);
  bool Give(Position position, stored::StoredMessage& message, Credit& credit, Moment now,
            std::vector<v1::Delivery>& out);
  bool IsFull(const Credit& credit, const std::vector<v1::Delivery>& out) const;
  void Unlease(Position position);
  void Unhold(Position position);
  void WakeHeld(const CaseOfSource& owner);

  const BoxKey box_;
  Mailboxes* const mailboxes_;
  const Options options_;
  Position next_{1};  // of the backlog not looked at yet
  bool has_more_ = false;
  std::size_t batch_bytes_ = 0;
  std::map<Position, Lease> leased_;
  std::set<std::pair<absl::Duration, Position>> leases_by_time_;
  std::set<Position> due_;
  std::map<Position, Held> held_;
  std::set<std::pair<absl::Duration, Position>> held_by_time_;
  std::set<std::pair<CaseOfSource, Position>> held_by_case_;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_DELIVERY_DISPATCHER_H_
