// The part of Recovery that puts returned messages into their cases, between the
// messages of the peer that came before and after them.
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "province_nodes/recovery/recovery.h"
#include "province_nodes/store/proto_io.h"

namespace yizhan::node {
namespace {

// Cases of one call, so that a group stays short.
constexpr std::size_t kCasesAtOnce = 64;

}  // namespace

absl::StatusOr<bool> Recovery::IsFollowed(const SlotKey& slot) const {
  if (lane_->recovering.own_waiting == 0) return false;
  auto numbers =
      GetProto<store::CaseNumbers>(lane_->txn, lane_->keys.Numbers(slot.peer, slot.case_handle));
  if (!numbers.ok()) return numbers.status();
  const std::uint64_t sent = numbers->value_or(store::CaseNumbers()).sent_sequence();
  auto next = GetProto<store::OwnReturned>(
      lane_->txn, lane_->keys.OwnReturned({slot.peer, slot.case_handle, sent + 1}));
  if (!next.ok()) return next.status();
  return next->has_value() && (*next)->last_applied_sequence() >= slot.sequence;
}

absl::Status Recovery::TakeBack(contract::ProvinceCode peer, const contract::CaseHandle& handle) {
  for (;;) {
    auto numbers = GetProto<store::CaseNumbers>(lane_->txn, lane_->keys.Numbers(peer, handle));
    if (!numbers.ok()) return numbers.status();
    const store::CaseNumbers now = numbers->value_or(store::CaseNumbers());
    const SlotKey next{peer, handle, now.sent_sequence() + 1};
    auto own = GetProto<store::OwnReturned>(lane_->txn, lane_->keys.OwnReturned(next));
    if (!own.ok()) return own.status();
    if (!own->has_value()) {
      absl::StatusOr<bool> jumped = JumpGap(next, now);
      if (!jumped.ok()) return jumped.status();
      if (*jumped) continue;
      return SendDisplaced(peer, handle);
    }
    if ((*own)->last_applied_sequence() > now.filled_sequence()) return absl::OkStatus();
    lane_->txn.Delete(lane_->keys.OwnReturned(next));
    --lane_->recovering.own_waiting;
    --peers_[peer].own_waiting;
    YIZHAN_RETURN_IF_ERROR(outbox_->TakeBack(next, **own));
  }
}

// Messages that no peer keeps any more (older than kResendableAfterReceipt)
// leave their numbers used.
absl::StatusOr<bool> Recovery::JumpGap(const SlotKey& missing, store::CaseNumbers numbers) {
  const std::string all = lane_->keys.AllOwnReturned();
  const std::string of_case = all + missing.Encode().substr(0, 17);
  std::optional<std::pair<std::string, std::string>> first;
  YIZHAN_RETURN_IF_ERROR(lane_->txn.Scan(of_case, platform::PrefixEnd(of_case),
                                         [&](absl::string_view key, absl::string_view value) {
                                           first.emplace(std::string(key), std::string(value));
                                           return false;
                                         }));
  if (!first.has_value()) return false;
  absl::StatusOr<store::OwnReturned> own =
      ParseStored<store::OwnReturned>(first->second, "returned message");
  if (!own.ok()) return own.status();
  absl::StatusOr<v1::Header> header = ParseStored<v1::Header>(own->header(), "returned header");
  if (!header.ok()) return header.status();
  const SlotKey slot = SlotKey::Decode(first->first.substr(all.size()));
  if (slot.sequence <= missing.sequence) {
    lane_->txn.Delete(first->first);  // of a number that has its message
    --lane_->recovering.own_waiting;
    --peers_[slot.peer].own_waiting;
    return true;
  }
  numbers.set_sent_sequence(slot.sequence - 1);
  numbers.set_sent_header_digest(header->previous_header_digest());
  PutProto(lane_->txn, lane_->keys.Numbers(slot.peer, slot.case_handle), numbers);
  return true;
}

// After the last of the case's returned messages.
absl::Status Recovery::SendDisplaced(contract::ProvinceCode peer,
                                     const contract::CaseHandle& handle) {
  const std::string prefix =
      lane_->keys.AllDisplaced() + SlotKey{peer, handle, 0}.Encode().substr(0, 17);
  std::vector<std::pair<std::string, std::string>> displaced;
  YIZHAN_RETURN_IF_ERROR(lane_->txn.Scan(
      prefix, platform::PrefixEnd(prefix), [&](absl::string_view key, absl::string_view value) {
        displaced.emplace_back(std::string(key), std::string(value));
        return true;
      }));
  for (const auto& [key, value] : displaced) {
    absl::StatusOr<store::Displaced> message =
        ParseStored<store::Displaced>(value, "displaced message");
    if (!message.ok()) return message.status();
    lane_->txn.Delete(key);
    --lane_->recovering.own_waiting;
    --peers_[peer].own_waiting;
    const std::string slot = key.substr(lane_->keys.AllDisplaced().size());
    YIZHAN_RETURN_IF_ERROR(outbox_->SendDisplaced(SlotKey::Decode(slot), *message));
  }
  return absl::OkStatus();
}

// Cases of the peer in which something waits, in their order.
absl::StatusOr<std::vector<contract::CaseHandle>> Recovery::NextCases(
    contract::ProvinceCode peer, const std::string& after) const {
  std::set<std::string> handles;
  const std::string of_peer(1, static_cast<char>(peer.value()));
  for (const std::string& all :
       {lane_->keys.AllOwnReturned(), lane_->keys.AllDisplaced(), lane_->keys.HeldAll()}) {
    const std::string prefix = all + of_peer;
    const std::string begin = after.empty() ? prefix : platform::PrefixEnd(prefix + after);
    std::set<std::string> here;
    YIZHAN_RETURN_IF_ERROR(lane_->txn.Scan(begin, platform::PrefixEnd(prefix),
                                           [&](absl::string_view key, absl::string_view) {
                                             here.emplace(key.substr(prefix.size(), 16));
                                             return here.size() <= kCasesAtOnce;
                                           }));
    handles.merge(here);
  }
  std::vector<contract::CaseHandle> cases;
  for (const std::string& handle : handles) {
    if (cases.size() == kCasesAtOnce) break;
    cases.push_back(*contract::CaseHandle::From(handle));
  }
  return cases;
}

absl::StatusOr<bool> Recovery::MergeSome(contract::ProvinceCode peer, Peer& state) {
  absl::StatusOr<std::vector<contract::CaseHandle>> cases = NextCases(peer, state.merged_to);
  if (!cases.ok()) return cases.status();
  for (const contract::CaseHandle& handle : *cases) {
    YIZHAN_RETURN_IF_ERROR(inbox_->Release(peer, handle));
  }
  if (cases->size() == kCasesAtOnce) {
    state.merged_to = cases->back().str();
    return false;
  }
  state.merged_to.clear();
  state.stored.set_done(true);
  Save(peer, state);
  lane_->recovering.peers.erase(peer);
  outbox_->Resume(peer);
  lane_->TellRecovery(absl::StrCat("Cases with province ", peer.str(), " go on",
                                   lane_->recovering.peers.empty() ? "; it was the last" : ""));
  return true;
}

absl::StatusOr<bool> Recovery::Advance() {
  if (!active() || lane_->recovering.all) return false;
  bool any_done = false;
  for (auto& [peer, state] : peers_) {
    if (state.stored.done()) continue;
    if (!state.stored.answered()) {
      const bool ask_again =
          !state.stored.asked() && !state.on_its_way && lane_->now >= state.retry;
      if (ask_again) Ask(peer, state);
      continue;
    }
    absl::StatusOr<bool> done = MergeSome(peer, state);
    if (!done.ok()) return done.status();
    any_done |= *done;
  }
  return any_done;
}

}  // namespace yizhan::node
