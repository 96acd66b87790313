#include "province_nodes/inbox/inbox.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/control.h"
#include "protos/contract/directory.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "protos/contract/signing.h"
#include "province_nodes/store/proto_io.h"

namespace yizhan::node {
namespace {

// Deliveries that wait in memory for directory entries; more are left to come again.
constexpr std::size_t kMaxWaiting = 1024;

}  // namespace

Inbox::Inbox(Lane* lane, LaneHost* host)
    : lane_(lane), host_(host), opener_(lane->algorithms, lane->unwrapper) {}

absl::Status Inbox::Load() {
  const std::string prefix = lane_->keys.HeldAll();
  return lane_->txn.Scan(prefix, platform::PrefixEnd(prefix),
                         [&](absl::string_view key, absl::string_view) {
                           ++held_[SlotKey::Decode(key.substr(prefix.size())).peer];
                           return true;
                         });
}

std::uint64_t Inbox::HeldOf(contract::ProvinceCode source) const {
  const auto held = held_.find(source);
  return held == held_.end() ? 0 : held->second;
}

std::uint64_t Inbox::held() const {
  std::uint64_t all = 0;
  for (const auto& [source, count] : held_) all += count;
  return all;
}

absl::StatusOr<std::optional<Inbox::Record>> Inbox::Find(const SlotKey& slot) const {
  return GetProto<Record>(lane_->txn, lane_->keys.InboxRecord(slot));
}

absl::StatusOr<store::CaseNumbers> Inbox::Numbers(const SlotKey& slot) const {
  auto numbers =
      GetProto<store::CaseNumbers>(lane_->txn, lane_->keys.Numbers(slot.peer, slot.case_handle));
  if (!numbers.ok()) return numbers.status();
  return numbers->value_or(store::CaseNumbers());
}

absl::StatusOr<Inbox::Arrival> Inbox::Parse(const v1::Envelope& envelope) const {
  absl::StatusOr<contract::ParsedEnvelope> parsed =
      contract::ParseEnvelope(*lane_->algorithms.hasher, envelope);
  if (!parsed.ok()) return parsed.status();
  const contract::Identity& identity = parsed->identity;
  const bool mine = identity.destination == lane_->province && identity.lane == lane_->lane &&
                    identity.run == lane_->run &&
                    (!lane_->test() || identity.source == lane_->test_peer);
  if (!mine) {
    return contract::MakeError(
        v1::HEADER_MALFORMED, v1::SIDE_BROKER,
        absl::StrCat("A message from ", identity.source.str(), " to ", identity.destination.str(),
                     " (", v1::Lane_Name(identity.lane), ") was delivered to province ",
                     lane_->province.str()),
        "Ask the broker's operator why it was routed here.");
  }
  const SlotKey slot{identity.source, identity.case_handle, identity.sequence};
  return Arrival{&envelope, *std::move(parsed), slot};
}

absl::Status Inbox::OnDelivery(const v1::Delivery& delivery) {
  absl::StatusOr<Arrival> arrival = Parse(delivery.envelope());
  if (!arrival.ok()) {
    // Without a trustworthy header nobody can be answered; the broker parks it.
    lane_->ReportSecurity(contract::ReasonOf(arrival.status()), {},
                          std::string(arrival.status().message()));
    return absl::OkStatus();
  }
  if (delivery.recovery()) {
    arrival->earlier_receipt = CheckEarlier(*arrival, delivery.earlier_receipt());
  }
  if (delivery.has_acceptance()) arrival->acceptance = &delivery.acceptance();
  absl::StatusOr<std::optional<Record>> record = Find(arrival->slot);
  if (!record.ok()) return record.status();
  if (record->has_value() && (*record)->header_digest() == arrival->parsed.header_digest.view()) {
    return OnKnown(*arrival, **record);
  }
  const absl::Status verified = Verify(*arrival);
  if (!verified.ok()) {
    if (lane_->directory_behind() && waiting_.size() < kMaxWaiting) {
      waiting_.push_back(delivery);
      return absl::OkStatus();
    }
    return OnUnverified(*arrival, verified);
  }
  if (record->has_value()) return OnConflict(*arrival);
  absl::StatusOr<store::CaseNumbers> numbers = Numbers(arrival->slot);
  if (!numbers.ok()) return numbers.status();
  if (arrival->slot.sequence <= numbers->filled_sequence()) {
    // Its number was used, and the record of it has passed its time.
    if (arrival->again()) {
      receipts_.push_back(arrival->earlier_receipt);
      return absl::OkStatus();
    }
    lane_->ReportSecurity(v1::MESSAGE_EXPIRED, arrival->slot.peer,
                          "A message came again after the dedup memory of it had ended");
    return absl::OkStatus();
  }
  const bool recovering = lane_->recovering.Blocks(arrival->slot.peer);
  if (recovering || arrival->slot.sequence > numbers->filled_sequence() + 1) {
    return Hold(*arrival, *numbers);
  }
  if (lane_->directory_behind() && waiting_.size() < kMaxWaiting &&
      !CheckBeforeApplying(*arrival, *numbers).ok()) {
    waiting_.push_back(delivery);
    return absl::OkStatus();
  }
  return ApplyNext(*arrival, *std::move(numbers));
}

absl::Status Inbox::CheckSigner(const Arrival& arrival) {
  const v1::Envelope& envelope = *arrival.envelope;
  const std::optional<contract::KeyId> key_id =
      contract::KeyId::From(envelope.signature().key_id());
  std::optional<contract::KeyOwner> owner =
      key_id.has_value() ? lane_->directory->FindSigner(*key_id, lane_->now) : std::nullopt;
  if (!owner.has_value() && key_id.has_value()) owner = SignerWhenAccepted(arrival, *key_id);
  if (!owner.has_value()) {
    return contract::MakeError(v1::SIGNER_UNKNOWN, v1::SIDE_THEIRS,
                               "The directory has no such signing key that is active, or was when "
                               "the broker accepted the message",
                               "Register the key, or sign with one that is registered.");
  }
  if (owner->province != arrival.slot.peer) {
    return contract::MakeError(v1::SIGNER_NOT_SOURCE, v1::SIDE_THEIRS,
                               absl::StrCat("The key belongs to province ", owner->province.str(),
                                            ", the message names ", arrival.slot.peer.str()),
                               "Nobody may speak for another province.");
  }
  return lane_->checker.Check(*owner, envelope.signature(), contract::kEnvelopeType,
                              {envelope.header(), envelope.seal()});
}

std::optional<contract::KeyOwner> Inbox::SignerWhenAccepted(const Arrival& arrival,
                                                            const contract::KeyId& key) {
  if (arrival.acceptance == nullptr) return std::nullopt;
  const absl::StatusOr<contract::ParsedControl> accepted =
      contract::ParseControl(*lane_->algorithms.hasher, *arrival.acceptance);
  const bool of_this =
      accepted.ok() && accepted->control.has_acceptance() &&
      accepted->identity == arrival.parsed.identity &&
      accepted->header_digest == arrival.parsed.header_digest &&
      contract::CheckControl(*lane_->directory, lane_->checker, *arrival.acceptance, *accepted)
          .ok();
  if (!of_this) return std::nullopt;
  return lane_->directory->FindSignerThen(key,
                                          absl::FromUnixMicros(accepted->control.issued_unix_us()));
}

absl::Status Inbox::Verify(const Arrival& arrival) {
  YIZHAN_RETURN_IF_ERROR(CheckSigner(arrival));
  YIZHAN_RETURN_IF_ERROR(
      contract::CheckBodyDigest(*lane_->algorithms.hasher, *arrival.envelope, arrival.parsed));
  return arrival.again() ? absl::OkStatus() : contract::CheckTimes(arrival.parsed, lane_->now);
}

v1::ControlRecord Inbox::CheckEarlier(const Arrival& arrival, const v1::ControlRecord& record) {
  const auto parsed = contract::ParseControl(*lane_->algorithms.hasher, record);
  const bool own = parsed.ok() && contract::IsTerminal(parsed->control) &&
                   parsed->control.issuer() == lane_->province.value() &&
                   parsed->identity == arrival.parsed.identity &&
                   parsed->header_digest == arrival.parsed.header_digest &&
                   contract::CheckControl(*lane_->directory, lane_->checker, record, *parsed).ok();
  return own ? record : v1::ControlRecord();
}

absl::Status Inbox::OnUnverified(const Arrival& arrival, const absl::Status& why) {
  const v1::ErrorReason reason = contract::ReasonOf(why);
  if (reason == v1::MESSAGE_EXPIRED) {
    // Never applied, never answered: the broker's notice tells the sender.
    ++lane_->statistics.refused_by_me[reason];
    lane_->ReportSecurity(reason, arrival.slot.peer,
                          absl::StrCat("A message was delivered after it had expired: ",
                                       contract::FormatUuid(arrival.parsed.message_id)));
    return absl::OkStatus();
  }
  if (reason == v1::SIGNATURE_INVALID || reason == v1::SIGNER_UNKNOWN ||
      reason == v1::SIGNER_NOT_SOURCE || reason == v1::BODY_DIGEST_MISMATCH) {
    ++lane_->statistics.signature_failures;
    lane_->ReportSecurity(reason, arrival.slot.peer, std::string(why.message()));
  }
  AskToSealAgain(arrival, why);
  return absl::OkStatus();
}

absl::Status Inbox::OnKnown(const Arrival& arrival, Record& record) {
  if (record.passage() == v1::PASSAGE_HELD && !record.tombstone()) {
    absl::StatusOr<store::CaseNumbers> numbers = Numbers(arrival.slot);
    if (!numbers.ok()) return numbers.status();
    // It may have been sealed again meanwhile.
    if (absl::Status verified = Verify(arrival); !verified.ok()) {
      return OnUnverified(arrival, verified);
    }
    if (lane_->recovering.Blocks(arrival.slot.peer) ||
        arrival.slot.sequence > numbers->filled_sequence() + 1) {
      return Hold(arrival, *numbers);
    }
    YIZHAN_RETURN_IF_ERROR(DropHeld(arrival.slot));
    return ApplyNext(arrival, *std::move(numbers));
  }
  ++lane_->statistics.duplicates;
  if (!record.has_receipt()) {
    // Filled by a tombstone before the message came.
    const absl::Status late = contract::MakeError(
        v1::TOMBSTONE_CAME_FIRST, v1::SIDE_MINE,
        "The number was filled by the sender's tombstone before the message came",
        "Nothing is to be done: the sender has repeated the step in the case, or will.");
    record.mutable_receipt()->set_record(
        MakeRefusal(arrival, late, /*consumes=*/true).SerializeAsString());
    PutProto(lane_->txn, lane_->keys.InboxRecord(arrival.slot), record);
    ++lane_->statistics.refused_by_me[v1::TOMBSTONE_CAME_FIRST];
  }
  return SendStored(arrival.slot, record);
}

absl::Status Inbox::OnConflict(const Arrival& arrival) {
  const absl::Status conflict = contract::MakeError(
      v1::IDENTITY_CONFLICT, v1::SIDE_THEIRS,
      absl::StrCat("Number ", arrival.slot.sequence,
                   " of the case was used by a message with another header"),
      "The sender's store may have been restored from an older state: recover the node.");
  lane_->ReportSecurity(v1::IDENTITY_CONFLICT, arrival.slot.peer, std::string(conflict.message()));
  AskToSealAgain(arrival, conflict);
  return absl::OkStatus();
}

absl::Status Inbox::OnDirectoryChanged() {
  const std::vector<v1::Delivery> waiting = std::exchange(waiting_, {});
  for (const v1::Delivery& delivery : waiting) YIZHAN_RETURN_IF_ERROR(OnDelivery(delivery));
  return absl::OkStatus();
}

void Inbox::SessionClosed() {
  waiting_.clear();
  receipts_.clear();
  held_reports_.clear();
}

}  // namespace yizhan::node
