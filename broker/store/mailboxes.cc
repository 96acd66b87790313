#include "broker/store/mailboxes.h"

#include <algorithm>
#include <utility>

namespace yizhan::broker {
namespace {

constexpr char kMessages = 'm';
constexpr char kChanged = 'p';
constexpr char kControls = 'c';
constexpr char kHeaders = 'g';
constexpr char kTerminals = 't';
// Begins the value of a control item that lies elsewhere: no message of protobuf
// begins with it.
constexpr char kReference = 1;
constexpr std::size_t kNumberAt = 4 + contract::RunId::kSize;

std::uint64_t NumberOf(absl::string_view key) { return ReadBigEndian(key.substr(kNumberAt)); }

}  // namespace

void Mailboxes::Account(const BoxKey& box, const stored::StoredPlace& place, int sign) {
  stored::StoredUse& use = (*boxes_->Change(box).mutable_use())[place.message().source()];
  if (sign > 0) {
    use.set_messages(use.messages() + 1);
    use.set_bytes(use.bytes() + place.bytes());
  } else {
    use.set_messages(use.messages() - 1);
    use.set_bytes(use.bytes() - place.bytes());
  }
}

bool Mailboxes::IsChanged(const BoxKey& box, std::uint64_t position) const {
  const auto found = changed_.find(box);
  return found != changed_.end() && found->second.contains(position);
}

void Mailboxes::Unchange(const BoxKey& box, std::uint64_t position) {
  const auto found = changed_.find(box);
  if (found == changed_.end() || found->second.erase(position) == 0) return;
  if (found->second.empty()) changed_.erase(found);
  records_->Delete(BoxItemKey(box, kChanged, position));
}

void Mailboxes::Load() {
  for (const auto& [box, head] : boxes_->all()) {
    const std::string prefix = BoxPrefix(box, kChanged);
    records_->Scan(prefix, prefix, [&, &box = box](absl::string_view key, absl::string_view) {
      changed_[box].insert(NumberOf(key));
      return true;
    });
  }
}

void Mailboxes::Put(const BoxKey& box, Position position, const stored::StoredPlace& place,
                    const v1::Envelope& envelope) {
  stored::StoredMessage message;
  *message.mutable_place() = place;
  message.set_seal(envelope.seal());
  message.set_body(envelope.body());
  *message.mutable_signature() = envelope.signature();
  records_->Write(BoxItemKey(box, kMessages, position.value()), message);
}

Mailboxes::Position Mailboxes::Append(const BoxKey& box, const stored::StoredPlace& place,
                                      const v1::Envelope& envelope) {
  stored::StoredBox& head = boxes_->Change(box);
  const Position position(head.next_position());
  head.set_next_position(position.value() + 1);
  Account(box, place, 1);
  Put(box, position, place, envelope);
  const auto identity = contract::IdentityOf(place.message());
  if (identity.ok()) records_->Put(IdentityKey(*identity, kHeaders), envelope.header());
  return position;
}

std::optional<stored::StoredPlace> Mailboxes::Read(const BoxKey& box, Position position) {
  if (IsChanged(box, position.value())) {
    stored::StoredPlace place;
    if (!records_->Read(BoxItemKey(box, kChanged, position.value()), &place)) return std::nullopt;
    return place;
  }
  std::optional<stored::StoredMessage> message = ReadMessage(box, position);
  if (!message) return std::nullopt;
  return std::move(*message->mutable_place());
}

std::optional<stored::StoredMessage> Mailboxes::ReadMessage(const BoxKey& box, Position position) {
  stored::StoredMessage message;
  if (!records_->Read(BoxItemKey(box, kMessages, position.value()), &message)) return std::nullopt;
  if (IsChanged(box, position.value())) {
    records_->Read(BoxItemKey(box, kChanged, position.value()), message.mutable_place());
  }
  return message;
}

bool Mailboxes::TakeEnvelope(stored::StoredMessage& message, v1::Envelope* envelope) {
  const auto identity = contract::IdentityOf(message.place().message());
  if (!identity.ok()) return false;
  std::optional<std::string> header = records_->Get(IdentityKey(*identity, kHeaders));
  if (!header) return false;
  envelope->set_header(*std::move(header));
  envelope->set_seal(std::move(*message.mutable_seal()));
  envelope->set_body(std::move(*message.mutable_body()));
  *envelope->mutable_signature() = std::move(*message.mutable_signature());
  return true;
}

void Mailboxes::Update(const BoxKey& box, Position position, const stored::StoredPlace& place) {
  changed_[box].insert(position.value());
  records_->Write(BoxItemKey(box, kChanged, position.value()), place);
}

void Mailboxes::Replace(const BoxKey& box, Position position, const stored::StoredPlace& before,
                        const stored::StoredPlace& place, const v1::Envelope& envelope) {
  Account(box, before, -1);
  Account(box, place, 1);
  Unchange(box, position.value());
  Put(box, position, place, envelope);
}

void Mailboxes::Park(const BoxKey& box, Position position, stored::StoredPlace place,
                     absl::string_view cause) {
  if (place.parked()) return;
  place.set_parked(true);
  place.set_parked_cause(std::string(cause));
  stored::StoredBox& head = boxes_->Change(box);
  head.set_parked(head.parked() + 1);
  Update(box, position, place);
}

void Mailboxes::Unpark(const BoxKey& box, Position position, stored::StoredPlace place) {
  if (!place.parked()) return;
  place.set_parked(false);
  place.clear_parked_cause();
  place.set_attempts(0);
  stored::StoredBox& head = boxes_->Change(box);
  head.set_parked(head.parked() - 1);
  Update(box, position, place);
}

void Mailboxes::Remove(const BoxKey& box, Position position, const stored::StoredPlace& place) {
  stored::StoredBox& head = boxes_->Change(box);
  if (place.parked()) head.set_parked(head.parked() - 1);
  // In the common order of delivery this keeps scans off the deleted keys.
  if (position.value() == head.first_position()) head.set_first_position(position.value() + 1);
  Account(box, place, -1);
  Unchange(box, position.value());
  records_->Delete(BoxItemKey(box, kMessages, position.value()));
}

void Mailboxes::Drop(const BoxKey& box) {
  for (const char table : {kMessages, kChanged, kControls}) {
    std::vector<std::string> keys;
    const std::string prefix = BoxPrefix(box, table);
    records_->Scan(prefix, prefix, [&](absl::string_view key, absl::string_view) {
      keys.emplace_back(key);
      return true;
    });
    for (std::string& key : keys) records_->Delete(std::move(key));
  }
  changed_.erase(box);
  boxes_->Forget(box);
}

void Mailboxes::ScanMessages(const BoxKey& box, Position from, const VisitMessage& visit) {
  const stored::StoredBox* head = boxes_->Find(box);
  if (head == nullptr) return;
  const std::uint64_t begin = std::max(from.value(), head->first_position());
  if (begin >= head->next_position()) return;
  records_->Scan(BoxPrefix(box, kMessages), BoxItemKey(box, kMessages, begin),
                 [&](absl::string_view key, absl::string_view value) {
                   stored::StoredMessage message;
                   const std::uint64_t number = NumberOf(key);
                   if (!message.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
                     records_->Fail(absl::DataLossError("a message in a mailbox does not parse"));
                     return false;
                   }
                   if (IsChanged(box, number)) {
                     records_->Read(BoxItemKey(box, kChanged, number), message.mutable_place());
                   }
                   return visit(Position(number), message);
                 });
}

void Mailboxes::Scan(const BoxKey& box, Position from, const Visit& visit) {
  ScanMessages(box, from, [&](Position position, const stored::StoredMessage& message) {
    return visit(position, message.place());
  });
}

std::vector<Mailboxes::Position> Mailboxes::Parked(const BoxKey& box) {
  std::vector<Position> out;
  const auto changed = changed_.find(box);
  if (changed == changed_.end()) return out;
  for (const std::uint64_t position : changed->second) {
    const auto place = Read(box, Position(position));
    if (place && place->parked()) out.emplace_back(position);
  }
  return out;
}

stored::StoredUse Mailboxes::UseOf(const BoxKey& box, contract::ProvinceCode source) const {
  const stored::StoredBox* head = boxes_->Find(box);
  if (head == nullptr) return {};
  const auto use = head->use().find(source.value());
  return use == head->use().end() ? stored::StoredUse() : use->second;
}

std::optional<absl::Time> Mailboxes::Oldest(const BoxKey& box) {
  const stored::StoredBox* head = boxes_->Find(box);
  if (head == nullptr || TotalUse(*head).messages() == 0) return std::nullopt;
  std::optional<absl::Time> oldest;
  std::uint64_t first = head->first_position();
  Scan(box, Position(first), [&](Position position, const stored::StoredPlace& place) {
    oldest = absl::FromUnixMicros(place.accepted_unix_us());
    first = position.value();
    return false;
  });
  if (first != head->first_position()) boxes_->Change(box).set_first_position(first);
  return oldest;
}

ControlQueues::Cursor ControlQueues::Reserve(const BoxKey& box) {
  stored::StoredBox& head = boxes_->Change(box);
  const std::uint64_t cursor = head.next_cursor();
  head.set_next_cursor(cursor + 1);
  return Cursor(cursor);
}

void ControlQueues::PutTerminal(const BoxKey& box, const contract::Identity& identity) {
  const Cursor cursor = Reserve(box);
  std::string reference(1, kReference);
  reference += identity.Encode();
  records_->Put(KeyOf(box, cursor), std::move(reference));
}

std::string ControlQueues::KeyOf(const BoxKey& box, Cursor cursor) const {
  return BoxItemKey(box, kControls, cursor.value());
}

ControlQueues::Cursor ControlQueues::Last(const BoxKey& box) const {
  const stored::StoredBox* head = boxes_->Find(box);
  return Cursor(head == nullptr ? 0 : head->next_cursor() - 1);
}

std::uint64_t ControlQueues::Waiting(const BoxKey& box) const {
  const stored::StoredBox* head = boxes_->Find(box);
  return head == nullptr ? 0 : head->next_cursor() - head->first_cursor();
}

bool ControlQueues::IsWaiting(const BoxKey& box, Cursor cursor) const {
  const stored::StoredBox* head = boxes_->Find(box);
  return head != nullptr && cursor.value() >= head->first_cursor() &&
         cursor.value() < head->next_cursor();
}

void ControlQueues::Acknowledge(const BoxKey& box, Cursor cursor) {
  const std::uint64_t until = std::min(cursor, Last(box)).value() + 1;
  const stored::StoredBox* head = boxes_->Find(box);
  if (head == nullptr || until <= head->first_cursor()) return;
  stored::StoredBox& changed = boxes_->Change(box);
  for (std::uint64_t at = changed.first_cursor(); at < until; ++at) {
    records_->Delete(BoxItemKey(box, kControls, at));
  }
  changed.set_first_cursor(until);
}

void ControlQueues::Scan(const BoxKey& box, Cursor after, const Visit& visit) {
  const stored::StoredBox* head = boxes_->Find(box);
  if (head == nullptr || after >= Last(box)) return;
  const std::uint64_t begin = std::max(after.value() + 1, head->first_cursor());
  records_->Scan(
      BoxPrefix(box, kControls), BoxItemKey(box, kControls, begin),
      [&](absl::string_view key, absl::string_view value) {
        v1::ControlRecord record;
        if (!value.empty() && value.front() == kReference) {
          const auto identity = DecodeIdentity(value.substr(1));
          if (!identity) {
            records_->Fail(absl::DataLossError("a control reference does not parse"));
            return false;
          }
          // Gone after the retention time; its sender stayed away as long.
          if (!records_->Read(IdentityKey(*identity, kTerminals), &record)) return true;
        } else if (!record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          records_->Fail(absl::DataLossError("a control record does not parse"));
          return false;
        }
        return visit(Cursor(NumberOf(key)), std::move(record));
      });
}

}  // namespace yizhan::broker
