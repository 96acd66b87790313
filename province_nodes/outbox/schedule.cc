#include "province_nodes/outbox/schedule.h"

#include <algorithm>
#include <vector>

#include "protos/contract/limits.h"

namespace yizhan::node {
namespace {

// Over all destinations, so that a broker that answers slowly costs no memory.
constexpr std::size_t kMaxInFlight = 4096;

}  // namespace

void Schedule::Put(const SlotKey& slot, Stage stage, absl::Time due, absl::Time created) {
  Entry& entry = entries_[slot];
  entry.created = created;
  if (entry.stage != stage) entry.tries = 0;
  entry.stage = stage;
  SetDue(slot, due);
  if (stage == Stage::kAccepted) WakeSuccessor(slot);
}

void Schedule::SetDue(const SlotKey& slot, absl::Time due) {
  const auto it = entries_.find(slot);
  if (it == entries_.end()) return;
  auto& queue = due_[slot.peer];
  queue.erase({it->second.due, slot});
  it->second.due = due;
  it->second.blocked = false;
  it->second.gated = false;
  if (due != absl::InfiniteFuture()) queue.insert({due, slot});
}

void Schedule::Remove(const SlotKey& slot) {
  const auto it = entries_.find(slot);
  if (it == entries_.end()) return;
  due_[slot.peer].erase({it->second.due, slot});
  entries_.erase(it);
  WakeSuccessor(slot);
}

std::uint32_t Schedule::CountTry(const SlotKey& slot) {
  const auto it = entries_.find(slot);
  return it == entries_.end() ? 0 : it->second.tries++;
}

void Schedule::WakeSuccessor(const SlotKey& slot) {
  SlotKey next = slot;
  ++next.sequence;
  const auto it = entries_.find(next);
  if (it != entries_.end() && it->second.blocked) SetDue(next, absl::InfinitePast());
}

bool Schedule::IsBlocked(const SlotKey& slot) const {
  if (entries_.at(slot).stage != Stage::kUnaccepted) return false;
  SlotKey before = slot;
  --before.sequence;
  const auto it = entries_.find(before);
  return it != entries_.end() && it->second.stage != Stage::kAccepted;
}

bool Schedule::IsGated(const SlotKey& slot, const Entry& entry) const {
  return gate_ != nullptr && entry.stage == Stage::kUnaccepted && !entry.urged &&
         gate_->Blocks(slot.peer);
}

void Schedule::Resume(contract::ProvinceCode destination, absl::Time now) {
  SlotKey from;
  from.peer = destination;
  for (auto it = entries_.lower_bound(from); it != entries_.end() && it->first.peer == destination;
       ++it) {
    it->second.urged = false;
    if (it->second.gated) SetDue(it->first, now);
  }
}

void Schedule::Urge(const SlotKey& slot, absl::Time now) {
  const auto it = entries_.find(slot);
  if (it == entries_.end()) return;
  it->second.urged = true;
  SetDue(slot, now);
}

bool Schedule::HasCredit(contract::ProvinceCode destination) const {
  std::uint64_t messages = contract::kDefaultCreditMessages;
  std::uint64_t bytes = contract::kDefaultCreditBytes;
  auto credit = credits_.find(destination);
  if (credit == credits_.end()) credit = credits_.find(contract::ProvinceCode());
  if (credit != credits_.end()) {
    messages = credit->second.messages();
    bytes = credit->second.bytes();
  }
  const auto load = loads_.find(destination);
  if (load == loads_.end() || load->second.messages == 0) return messages > 0;
  // The size of the next one is not known yet: leave room for the largest.
  return load->second.messages < messages &&
         load->second.bytes + contract::kMaxBodyBytes + contract::kMaxHeaderAndSealBytes <= bytes;
}

std::optional<SlotKey> Schedule::TakeDue(absl::Time now) {
  if (flights_.size() >= kMaxInFlight) return std::nullopt;
  std::vector<contract::ProvinceCode> turns;
  turns.reserve(due_.size());
  for (const auto& [destination, queue] : due_) {
    if (!queue.empty() && queue.begin()->first <= now) turns.push_back(destination);
  }
  std::rotate(turns.begin(), std::upper_bound(turns.begin(), turns.end(), last_served_),
              turns.end());
  for (const contract::ProvinceCode destination : turns) {
    if (!HasCredit(destination)) continue;
    if (std::optional<SlotKey> slot = TakeDueOf(destination, now)) {
      last_served_ = destination;
      return slot;
    }
  }
  return std::nullopt;
}

std::optional<SlotKey> Schedule::TakeDueOf(contract::ProvinceCode destination, absl::Time now) {
  auto& queue = due_[destination];
  while (!queue.empty() && queue.begin()->first <= now) {
    const SlotKey slot = queue.begin()->second;
    Entry& entry = entries_.at(slot);
    queue.erase(queue.begin());
    entry.due = absl::InfiniteFuture();
    entry.gated = IsGated(slot, entry);
    if (entry.gated) continue;
    if (entry.tag == 0 && !IsBlocked(slot)) return slot;
    entry.blocked = true;
  }
  return std::nullopt;
}

std::uint64_t Schedule::BeginFlight(const SlotKey& slot, std::uint64_t bytes) {
  const std::uint64_t tag = next_tag_++;
  entries_.at(slot).tag = tag;
  flights_[tag] = {slot, bytes};
  Load& load = loads_[slot.peer];
  ++load.messages;
  load.bytes += bytes;
  return tag;
}

std::optional<SlotKey> Schedule::EndFlight(std::uint64_t tag) {
  const auto it = flights_.find(tag);
  if (it == flights_.end()) return std::nullopt;
  const Flight flight = it->second;
  flights_.erase(it);
  Load& load = loads_[flight.slot.peer];
  --load.messages;
  load.bytes -= flight.bytes;
  const auto entry = entries_.find(flight.slot);
  if (entry != entries_.end() && entry->second.tag == tag) {
    entry->second.tag = 0;
    if (entry->second.blocked) SetDue(flight.slot, absl::InfinitePast());
  }
  return flight.slot;
}

void Schedule::EndAllFlights(absl::Time now) {
  while (!flights_.empty()) {
    if (const auto slot = EndFlight(flights_.begin()->first)) SetDue(*slot, now);
  }
}

void Schedule::OfferAccepted(absl::Time now) {
  for (const auto& [slot, entry] : entries_) {
    if (entry.stage == Stage::kAccepted) SetDue(slot, now);
  }
}

void Schedule::Wake(contract::ProvinceCode destination, absl::Time now) {
  SlotKey from;
  from.peer = destination;
  for (auto it = entries_.lower_bound(from); it != entries_.end() && it->first.peer == destination;
       ++it) {
    const Entry& entry = it->second;
    const bool waits = entry.due != absl::InfiniteFuture() && entry.due > now;
    if (entry.stage == Stage::kUnaccepted && waits) SetDue(it->first, now);
  }
}

void Schedule::SetCredit(const v1::DestinationCredit& credit) {
  credits_[contract::ProvinceCode(credit.destination())] = credit;
}

std::map<contract::ProvinceCode, NodeStatistics::Waiting> Schedule::Waiting(absl::Time now) const {
  std::map<contract::ProvinceCode, NodeStatistics::Waiting> out;
  for (const auto& [slot, entry] : entries_) {
    if (entry.stage == Stage::kTombstone) continue;
    NodeStatistics::Waiting& waiting = out[slot.peer];
    ++waiting.messages;
    if (entry.stage == Stage::kUnaccepted) ++waiting.unaccepted;
    waiting.oldest_age = std::max(waiting.oldest_age, now - entry.created);
  }
  return out;
}

}  // namespace yizhan::node
