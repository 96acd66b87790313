#include "province_nodes/recovery/recovery.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "protos/contract/directory.h"
#include "protos/contract/envelope.h"
#include "protos/contract/errors.h"
#include "province_nodes/store/proto_io.h"

namespace yizhan::node {
namespace {

constexpr absl::Duration kAskAgain = absl::Seconds(5);

}  // namespace

Recovery::Recovery(Lane* lane, Outbox* outbox, Inbox* inbox, ControlPost* post)
    : lane_(lane),
      outbox_(outbox),
      inbox_(inbox),
      post_(post),
      opener_(lane->algorithms, lane->unwrapper) {}

absl::Status Recovery::Load() {
  auto stored = GetProto<store::Recovery>(lane_->txn, lane_->keys.Recovery());
  if (!stored.ok()) return stored.status();
  stored_ = stored->value_or(store::Recovery());
  if (stored_.new_incarnation().empty()) return absl::OkStatus();
  bool readable = true;
  const std::string peers = lane_->keys.RecoveryPeers();
  YIZHAN_RETURN_IF_ERROR(lane_->txn.Scan(
      peers, platform::PrefixEnd(peers), [&](absl::string_view key, absl::string_view value) {
        Peer peer;
        readable = peer.stored.ParseFromArray(value.data(), static_cast<int>(value.size()));
        peers_[contract::ProvinceCode(static_cast<unsigned char>(key.back()))] = std::move(peer);
        return readable;
      }));
  if (!readable) return StoredValueDamaged("peer of the recovery");
  lane_->recovering.all = !stored_.peers_known();
  for (const auto& [peer, state] : peers_) {
    if (!state.stored.done()) lane_->recovering.peers.insert(peer);
  }
  for (const std::string& prefix : {lane_->keys.AllOwnReturned(), lane_->keys.AllDisplaced()}) {
    YIZHAN_RETURN_IF_ERROR(lane_->txn.Scan(
        prefix, platform::PrefixEnd(prefix), [&](absl::string_view key, absl::string_view) {
          ++lane_->recovering.own_waiting;
          ++peers_[SlotKey::Decode(key.substr(prefix.size())).peer].own_waiting;
          return true;
        }));
  }
  return absl::OkStatus();
}

void Recovery::SessionClosed() {
  for (auto& [peer, state] : peers_) state.on_its_way = false;
}

bool Recovery::active() const { return lane_->recovering.all || !lane_->recovering.peers.empty(); }

absl::Status Recovery::Begin() {
  const contract::Incarnation anew = contract::RandomFixed<contract::Incarnation>(*lane_->random);
  YIZHAN_RETURN_IF_ERROR(ChangeIncarnation(lane_->txn, anew));
  stored_ = store::Recovery();
  stored_.set_old_incarnation(lane_->incarnation.str());
  stored_.set_new_incarnation(anew.str());
  stored_.set_started_unix_us(absl::ToUnixMicros(lane_->now));
  PutProto(lane_->txn, lane_->keys.Recovery(), stored_);
  for (const auto& [peer, unused] : peers_) lane_->txn.Delete(lane_->keys.RecoveryPeer(peer));
  peers_.clear();
  lane_->incarnation = anew;
  lane_->recovering.all = true;
  lane_->recovering.peers.clear();
  // Beyond anything that was counted before: one a microsecond is never reached.
  lane_->issuer_number =
      std::max(lane_->issuer_number, static_cast<std::uint64_t>(absl::ToUnixMicros(lane_->now)));
  YIZHAN_RETURN_IF_ERROR(JumpCounters());
  lane_->TellRecovery("The store begins a new incarnation; every peer is asked what it holds");
  return outbox_->RecoveryBegan();
}

absl::Status Recovery::JumpCounters() {
  const auto beyond = static_cast<std::uint64_t>(stored_.started_unix_us());
  for (const contract::ProvinceCode peer : lane_->directory->Members()) {
    const std::string key = lane_->keys.PairCounter(peer);
    absl::StatusOr<std::optional<std::string>> counter = lane_->txn.Get(key);
    if (!counter.ok()) return counter.status();
    const std::uint64_t last = counter->has_value() ? DecodeU64(**counter) : 0;
    if (last < beyond) lane_->txn.Put(key, EncodeU64(beyond));
  }
  return absl::OkStatus();
}

// Everybody with whom a route was ever opened.
absl::Status Recovery::FindPeers() {
  // The directory may have grown since the backup.
  YIZHAN_RETURN_IF_ERROR(JumpCounters());
  for (const auto& [key, unused] : lane_->directory->routes()) {
    if (key.accepting == lane_->province) peers_[key.home];
    if (key.home == lane_->province) peers_[key.accepting];
  }
  peers_.erase(lane_->province);
  stored_.set_peers_known(true);
  PutProto(lane_->txn, lane_->keys.Recovery(), stored_);
  for (const auto& [peer, state] : peers_) {
    Save(peer, state);
    lane_->recovering.peers.insert(peer);
  }
  lane_->recovering.all = false;
  for (const contract::ProvinceCode member : lane_->directory->Members()) {
    if (!lane_->recovering.Blocks(member)) outbox_->Resume(member);
  }
  lane_->TellRecovery(absl::StrCat(peers_.size(), " provinces are asked"));
  return absl::OkStatus();
}

absl::Status Recovery::StreamsUp(bool other_broker) {
  if (!active()) return absl::OkStatus();
  if (!stored_.peers_known()) YIZHAN_RETURN_IF_ERROR(FindPeers());
  for (auto& [peer, state] : peers_) {
    if (state.stored.answered() || (state.stored.asked() && !other_broker)) continue;
    Ask(peer, state);
  }
  return absl::OkStatus();
}

void Recovery::Ask(contract::ProvinceCode peer, Peer& state) {
  v1::Control control = lane_->NewControl();
  v1::RecoveryRequest& request = *control.mutable_recovery_request();
  request.set_peer(peer.value());
  request.set_old_incarnation(stored_.old_incarnation());
  request.set_new_incarnation(stored_.new_incarnation());
  state.on_its_way = true;
  post_->Send(control, [this, peer](const absl::Status& answer) {
    Peer& asked = peers_[peer];
    asked.on_its_way = false;
    if (!answer.ok()) {
      // A cut link, a full queue: asked again in the next session, and by Advance.
      asked.retry = lane_->now + kAskAgain;
      return absl::OkStatus();
    }
    asked.stored.set_asked(true);
    Save(peer, asked);
    return absl::OkStatus();
  });
}

void Recovery::Save(contract::ProvinceCode peer, const Peer& state) {
  PutProto(lane_->txn, lane_->keys.RecoveryPeer(peer), state.stored);
}

// That this node had sent it is proven by its own signature, not by the peer's word.
absl::Status Recovery::CheckOwn(const v1::Returned& returned, const contract::ParsedControl& by,
                                store::OwnReturned& own) {
  const contract::Hasher& hasher = *lane_->algorithms.hasher;
  v1::Envelope envelope;
  envelope.set_header(returned.header());
  envelope.set_seal(returned.returned_seal());
  envelope.set_body(returned.returned_body());
  auto parsed = contract::ParseEnvelope(hasher, envelope);
  if (!parsed.ok()) return parsed.status();
  v1::Seal seal;
  const bool same = parsed->identity == by.identity && parsed->header_digest == by.header_digest &&
                    seal.ParseFromString(returned.seal());
  const auto key_id = contract::KeyId::From(returned.signature().key_id());
  const auto owner = key_id.has_value() ? lane_->directory->FindKey(*key_id) : std::nullopt;
  if (!same || !owner.has_value() || owner->province != lane_->province) {
    return contract::MakeError(v1::SIGNER_NOT_SOURCE, v1::SIDE_THEIRS,
                               "A returned message was not signed by this province",
                               "Ask the peer's operator where the message comes from.");
  }
  YIZHAN_RETURN_IF_ERROR(lane_->checker.Check(*owner, returned.signature(), contract::kEnvelopeType,
                                              {returned.header(), returned.seal()}));
  YIZHAN_RETURN_IF_ERROR(contract::CheckBodyDigest(hasher, envelope, *parsed));
  absl::StatusOr<v1::Plaintext> plaintext = opener_.Open(envelope, *parsed);
  if (!plaintext.ok()) return plaintext.status();
  own.set_header(returned.header());
  own.set_plaintext(plaintext->SerializeAsString());
  own.set_seal_number(seal.number());
  own.set_seal_digest(hasher.Hash(returned.seal()).str());
  own.set_expires_unix_us(seal.expires_unix_us());
  own.set_recipient_key_id(seal.recipient_key_id());
  own.set_last_applied_sequence(parsed->header.last_applied_sequence());
  return absl::OkStatus();
}

void Recovery::CheckReceipt(const v1::Returned& returned, const contract::ParsedControl& by,
                            store::OwnReturned& own) {
  if (!returned.has_receipt()) return;
  const auto receipt = contract::ParseControl(*lane_->algorithms.hasher, returned.receipt());
  if (receipt.ok() && contract::IsTerminal(receipt->control) &&
      receipt->control.issuer() == by.control.issuer() && receipt->identity == by.identity &&
      receipt->header_digest == by.header_digest &&
      contract::CheckControl(*lane_->directory, lane_->checker, returned.receipt(), *receipt)
          .ok()) {
    *own.mutable_receipt() = returned.receipt();
  }
}

absl::Status Recovery::OnReturned(const contract::ParsedControl& record) {
  const contract::ProvinceCode peer = record.identity.destination;
  const auto known = peers_.find(peer);
  const bool wanted = record.identity.source == lane_->province &&
                      record.identity.lane == v1::LANE_BUSINESS && known != peers_.end() &&
                      !known->second.stored.done();
  if (!wanted) return absl::OkStatus();
  const v1::Returned& returned = record.control.returned();
  store::OwnReturned own;
  *own.mutable_message() = returned.message();
  if (!returned.header().empty()) {
    if (absl::Status good = CheckOwn(returned, record, own); !good.ok()) {
      if (IsStorageError(good)) return good;
      ++lane_->statistics.signature_failures;
      lane_->ReportSecurity(contract::ReasonOf(good), peer,
                            absl::StrCat("A returned message was ignored: ", good.message()));
      return absl::OkStatus();
    }
  }
  CheckReceipt(returned, record, own);
  const SlotKey slot{peer, record.identity.case_handle, record.identity.sequence};
  auto numbers =
      GetProto<store::CaseNumbers>(lane_->txn, lane_->keys.Numbers(peer, slot.case_handle));
  if (!numbers.ok()) return numbers.status();
  if (numbers->has_value() && slot.sequence <= (*numbers)->sent_sequence()) {
    const std::uint64_t waiting = lane_->recovering.own_waiting;
    absl::StatusOr<bool> other = outbox_->OnReturnedKnown(slot, own);
    if (!other.ok()) return other.status();
    known->second.own_waiting += lane_->recovering.own_waiting - waiting;
    if (!*other) return absl::OkStatus();
  }
  auto before = lane_->txn.Get(lane_->keys.OwnReturned(slot));
  if (!before.ok()) return before.status();
  if (!before->has_value()) {
    ++lane_->recovering.own_waiting;
    ++known->second.own_waiting;
    known->second.stored.set_own_returned(known->second.stored.own_returned() + 1);
    Save(peer, known->second);
  }
  PutProto(lane_->txn, lane_->keys.OwnReturned(slot), own);
  return absl::OkStatus();
}

absl::Status Recovery::OnAnswer(const contract::ParsedControl& record) {
  const v1::RecoveryAnswer& answer = record.control.recovery_answer();
  const contract::ProvinceCode peer(record.control.issuer());
  const auto known = peers_.find(peer);
  const bool wanted = answer.complete() && answer.peer() == lane_->province.value() &&
                      answer.new_incarnation() == stored_.new_incarnation() &&
                      known != peers_.end() && !known->second.stored.answered();
  if (!wanted) return absl::OkStatus();
  known->second.stored.set_answered(true);
  Save(peer, known->second);
  lane_->TellRecovery(absl::StrCat("Province ", peer.str(), " has given back ",
                                   known->second.stored.own_returned(), " messages of this node"));
  return absl::OkStatus();
}

absl::StatusOr<bool> Recovery::Blocks(contract::ProvinceCode peer,
                                      const contract::CaseHandle& handle) const {
  if (lane_->recovering.Blocks(peer)) {
    auto numbers = lane_->txn.Get(lane_->keys.Numbers(peer, handle));
    if (!numbers.ok()) return numbers.status();
    if (numbers->has_value()) return true;
  }
  if (lane_->recovering.own_waiting == 0) return false;
  bool waiting = false;
  const std::string slot = SlotKey{peer, handle, 0}.Encode().substr(0, 17);
  for (const std::string& all : {lane_->keys.AllOwnReturned(), lane_->keys.AllDisplaced()}) {
    const std::string prefix = all + slot;
    YIZHAN_RETURN_IF_ERROR(lane_->txn.Scan(prefix, platform::PrefixEnd(prefix),
                                           [&](absl::string_view, absl::string_view) {
                                             waiting = true;
                                             return false;
                                           }));
  }
  return waiting;
}

v1::RecoveryStatus Recovery::Status() const {
  v1::RecoveryStatus status;
  status.set_recovering(active());
  status.set_started_unix_us(stored_.started_unix_us());
  status.set_received_again(inbox_->received_again());
  for (const auto& [peer, state] : peers_) {
    v1::RecoveryPeerStatus& line = *status.add_peers();
    line.set_peer(peer.value());
    line.set_asked(state.stored.asked());
    line.set_answered(state.stored.answered());
    line.set_done(state.stored.done());
    line.set_own_returned(state.stored.own_returned());
    line.set_own_waiting(state.own_waiting);
    status.set_peers_asked(status.peers_asked() + 1);
    if (state.stored.done()) status.set_peers_done(status.peers_done() + 1);
    status.set_own_returned(status.own_returned() + state.stored.own_returned());
  }
  return status;
}

}  // namespace yizhan::node
