#include "broker/store/mailboxes.h"

#include <algorithm>
#include <utility>

namespace yizhan::broker {
namespace {

constexpr char kPlaces = 'm';
constexpr char kEnvelopes = 'y';
constexpr char kParked = 'p';
constexpr char kControls = 'c';
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

Mailboxes::Position Mailboxes::Append(const BoxKey& box, const stored::StoredPlace& place,
                                      std::string envelope) {
  stored::StoredBox& head = boxes_->Change(box);
  const std::uint64_t position = head.next_position();
  head.set_next_position(position + 1);
  Account(box, place, 1);
  records_->Write(BoxItemKey(box, kPlaces, position), place);
  records_->Put(BoxItemKey(box, kEnvelopes, position), std::move(envelope));
  return Position(position);
}

std::optional<stored::StoredPlace> Mailboxes::Read(const BoxKey& box, Position position) {
  stored::StoredPlace place;
  if (!records_->Read(BoxItemKey(box, kPlaces, position.value()), &place)) return std::nullopt;
  return place;
}

std::optional<std::string> Mailboxes::ReadEnvelope(const BoxKey& box, Position position) {
  return records_->Get(BoxItemKey(box, kEnvelopes, position.value()));
}

void Mailboxes::Update(const BoxKey& box, Position position, const stored::StoredPlace& place) {
  records_->Write(BoxItemKey(box, kPlaces, position.value()), place);
}

void Mailboxes::Replace(const BoxKey& box, Position position, const stored::StoredPlace& before,
                        const stored::StoredPlace& place, std::string envelope) {
  Account(box, before, -1);
  Account(box, place, 1);
  Update(box, position, place);
  records_->Put(BoxItemKey(box, kEnvelopes, position.value()), std::move(envelope));
}

void Mailboxes::Park(const BoxKey& box, Position position, stored::StoredPlace place,
                     absl::string_view cause) {
  if (place.parked()) return;
  place.set_parked(true);
  place.set_parked_cause(std::string(cause));
  stored::StoredBox& head = boxes_->Change(box);
  head.set_parked(head.parked() + 1);
  Update(box, position, place);
  records_->Put(BoxItemKey(box, kParked, position.value()), "");
}

void Mailboxes::Unpark(const BoxKey& box, Position position, stored::StoredPlace place) {
  if (!place.parked()) return;
  place.set_parked(false);
  place.clear_parked_cause();
  place.set_attempts(0);
  stored::StoredBox& head = boxes_->Change(box);
  head.set_parked(head.parked() - 1);
  Update(box, position, place);
  records_->Delete(BoxItemKey(box, kParked, position.value()));
}

void Mailboxes::Remove(const BoxKey& box, Position position, const stored::StoredPlace& place) {
  stored::StoredBox& head = boxes_->Change(box);
  if (place.parked()) {
    head.set_parked(head.parked() - 1);
    records_->Delete(BoxItemKey(box, kParked, position.value()));
  }
  // In the common order of delivery this keeps scans off the deleted keys.
  if (position.value() == head.first_position()) head.set_first_position(position.value() + 1);
  Account(box, place, -1);
  records_->Delete(BoxItemKey(box, kPlaces, position.value()));
  records_->Delete(BoxItemKey(box, kEnvelopes, position.value()));
}

void Mailboxes::Drop(const BoxKey& box) {
  for (const char table : {kPlaces, kEnvelopes, kParked, kControls}) {
    std::vector<std::string> keys;
    const std::string prefix = BoxPrefix(box, table);
    records_->Scan(prefix, prefix, [&](absl::string_view key, absl::string_view) {
      keys.emplace_back(key);
      return true;
    });
    for (std::string& key : keys) records_->Delete(std::move(key));
  }
  boxes_->Forget(box);
}

void Mailboxes::Scan(const BoxKey& box, Position from, const Visit& visit) {
  const stored::StoredBox* head = boxes_->Find(box);
  if (head == nullptr) return;
  const std::uint64_t begin = std::max(from.value(), head->first_position());
  if (begin >= head->next_position()) return;
  records_->Scan(BoxPrefix(box, kPlaces), BoxItemKey(box, kPlaces, begin),
                 [&](absl::string_view key, absl::string_view value) {
                   stored::StoredPlace place;
                   if (!place.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
                     records_->Fail(absl::DataLossError("a place in a mailbox does not parse"));
                     return false;
                   }
                   return visit(Position(NumberOf(key)), place);
                 });
}

std::vector<Mailboxes::Position> Mailboxes::Parked(const BoxKey& box) {
  std::vector<Position> out;
  const std::string prefix = BoxPrefix(box, kParked);
  records_->Scan(prefix, prefix, [&](absl::string_view key, absl::string_view) {
    out.emplace_back(NumberOf(key));
    return true;
  });
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
  records_->Scan(BoxPrefix(box, kControls), BoxItemKey(box, kControls, begin),
                 [&](absl::string_view key, absl::string_view value) {
                   v1::ControlRecord record;
                   if (!record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
                     records_->Fail(absl::DataLossError("a control record does not parse"));
                     return false;
                   }
                   return visit(Cursor(NumberOf(key)), std::move(record));
                 });
}

}  // namespace yizhan::broker
