// Mailboxes: places in order of acceptance, each with its envelope, in the store
// alone. Nothing of a waiting message is kept in memory.
#ifndef YIZHAN_BROKER_STORE_MAILBOXES_H_
#define YIZHAN_BROKER_STORE_MAILBOXES_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "broker/store/boxes.h"
#include "broker/store/keys.h"
#include "broker/store/records.h"
#include "broker/store/stored.pb.h"
#include "protos/contract/ids.h"

namespace yizhan::broker {

// One thread; what the pointers name must outlive this object.
//
// Invariants:
//  1. A place and its envelope come and go in one group.
//  2. StoredBox.use is the sum of the places, by source.
class Mailboxes {
 public:
  using Position = contract::MailboxPosition;

  Mailboxes(Records* records, Boxes* boxes) : records_(records), boxes_(boxes) {}

  Position Append(const BoxKey& box, const stored::StoredPlace& place, std::string envelope);
  std::optional<stored::StoredPlace> Read(const BoxKey& box, Position position);
  std::optional<std::string> ReadEnvelope(const BoxKey& box, Position position);
  // Everything but bytes and parked may differ from what is stored.
  void Update(const BoxKey& box, Position position, const stored::StoredPlace& place);
  // Another sealing of the same message; `place` carries its new size.
  void Replace(const BoxKey& box, Position position, const stored::StoredPlace& before,
               const stored::StoredPlace& place, std::string envelope);
  void Park(const BoxKey& box, Position position, stored::StoredPlace place,
            absl::string_view cause);
  void Unpark(const BoxKey& box, Position position, stored::StoredPlace place);
  void Remove(const BoxKey& box, Position position, const stored::StoredPlace& place);
  // Everything of the box, its control queue too.
  void Drop(const BoxKey& box);

  // Places from `from` on, until `visit` returns false. `visit` must not write.
  using Visit = std::function<bool(Position, const stored::StoredPlace&)>;
  void Scan(const BoxKey& box, Position from, const Visit& visit);
  std::vector<Position> Parked(const BoxKey& box);
  stored::StoredUse UseOf(const BoxKey& box, contract::ProvinceCode source) const;
  // Time of the oldest place; nothing for an empty mailbox.
  std::optional<absl::Time> Oldest(const BoxKey& box);

 private:
  void Account(const BoxKey& box, const stored::StoredPlace& place, int sign);

  Records* const records_;
  Boxes* const boxes_;
};

// Control records for one province, in order, until it has stored them.
class ControlQueues {
 public:
  using Cursor = contract::ControlCursor;

  ControlQueues(Records* records, Boxes* boxes) : records_(records), boxes_(boxes) {}

  // Gives out the next cursor; the caller puts the record under KeyOf it.
  Cursor Reserve(const BoxKey& box);
  std::string KeyOf(const BoxKey& box, Cursor cursor) const;
  Cursor Last(const BoxKey& box) const;
  std::uint64_t Waiting(const BoxKey& box) const;
  // Deletes all up to `cursor`.
  void Acknowledge(const BoxKey& box, Cursor cursor);
  bool IsWaiting(const BoxKey& box, Cursor cursor) const;
  using Visit = std::function<bool(Cursor, v1::ControlRecord&&)>;
  void Scan(const BoxKey& box, Cursor after, const Visit& visit);

 private:
  Records* const records_;
  Boxes* const boxes_;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_STORE_MAILBOXES_H_
