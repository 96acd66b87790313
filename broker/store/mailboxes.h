// Mailboxes: places in order of acceptance, each with its envelope, in the store
// alone. Of a waiting message nothing is kept in memory, but the positions of
// those that changed since they were accepted.
#ifndef YIZHAN_BROKER_STORE_MAILBOXES_H_
#define YIZHAN_BROKER_STORE_MAILBOXES_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "broker/store/boxes.h"
#include "broker/store/keys.h"
#include "broker/store/records.h"
#include "broker/store/stored.pb.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/envelope.pb.h"

namespace yizhan::broker {

// One thread; what the pointers name must outlive this object.
//
// Invariants:
//  1. A place and its envelope come and go in one row; only the header stays, for
//     the retention time.
//  2. StoredBox.use is the sum of the places, by source.
class Mailboxes {
 public:
  using Position = contract::MailboxPosition;

  Mailboxes(Records* records, Boxes* boxes) : records_(records), boxes_(boxes) {}
  // After the boxes.
  void Load();

  Position Append(const BoxKey& box, const stored::StoredPlace& place,
                  const v1::Envelope& envelope);
  std::optional<stored::StoredPlace> Read(const BoxKey& box, Position position);
  // Everything but bytes and parked may differ from what is stored.
  void Update(const BoxKey& box, Position position, const stored::StoredPlace& place);
  // Another sealing of the same message; `place` carries its new size.
  void Replace(const BoxKey& box, Position position, const stored::StoredPlace& before,
               const stored::StoredPlace& place, const v1::Envelope& envelope);
  void Park(const BoxKey& box, Position position, stored::StoredPlace place,
            absl::string_view cause);
  void Unpark(const BoxKey& box, Position position, stored::StoredPlace place);
  void Remove(const BoxKey& box, Position position, const stored::StoredPlace& place);
  // Everything of the box, its control queue too.
  void Drop(const BoxKey& box);

  // Places from `from` on, until `visit` returns false. `visit` must not write.
  using Visit = std::function<bool(Position, const stored::StoredPlace&)>;
  void Scan(const BoxKey& box, Position from, const Visit& visit);
  // The same with their sealed parts; the header is one more read.
  using VisitMessage = std::function<bool(Position, stored::StoredMessage&)>;
  void ScanMessages(const BoxKey& box, Position from, const VisitMessage& visit);
  std::optional<stored::StoredMessage> ReadMessage(const BoxKey& box, Position position);
  // Moves the envelope out of `message`; false where its header is lost.
  bool TakeEnvelope(stored::StoredMessage& message, v1::Envelope* envelope);
  std::vector<Position> Parked(const BoxKey& box);
  stored::StoredUse UseOf(const BoxKey& box, contract::ProvinceCode source) const;
  // Time of the oldest place; nothing for an empty mailbox.
  std::optional<absl::Time> Oldest(const BoxKey& box);

 private:
  void Account(const BoxKey& box, const stored::StoredPlace& place, int sign);
  void Put(const BoxKey& box, Position position, const stored::StoredPlace& place,
           const v1::Envelope& envelope);
  bool IsChanged(const BoxKey& box, std::uint64_t position) const;
  void Unchange(const BoxKey& box, std::uint64_t position);

  Records* const records_;
  Boxes* const boxes_;
  std::map<BoxKey, absl::btree_set<std::uint64_t>> changed_;  // those with a row 'p'
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
  // Puts the terminal record of that message, as it is when it goes out.
  void PutTerminal(const BoxKey& box, const contract::Identity& identity);
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
