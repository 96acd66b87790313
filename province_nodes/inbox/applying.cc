// The part of Inbox that applies messages in the order of their case.
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/directory.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "province_nodes/app/node_observer.h"
#include "province_nodes/inbox/inbox.h"
#include "province_nodes/store/proto_io.h"

namespace yizhan::node {
namespace {

// Beyond it a message is reported as held, but not stored: it comes again.
constexpr std::uint64_t kMaxHeldPerSource = 4096;

absl::StatusOr<v1::Payload> ParsePayload(const v1::Plaintext& plaintext, v1::MessageKind kind) {
  v1::Payload payload;
  const bool parsed = payload.ParseFromString(plaintext.payload());
  if (parsed && payload.format_version() == contract::kFormatVersion &&
      KindOfPayload(payload) == kind) {
    return payload;
  }
  return contract::MakeError(
      v1::PAYLOAD_MALFORMED, v1::SIDE_THEIRS,
      parsed
          ? absl::StrCat("The payload (version ", payload.format_version(),
                         ") does not fit the kind ", v1::MessageKind_Name(kind), " of its header")
          : std::string("The payload cannot be parsed"),
      "The sender's software has to be corrected.");
}

bool WasDelivered(const v1::ControlRecord& record) {
  v1::Control control;
  return control.ParseFromString(record.record()) && control.has_delivery();
}

}  // namespace

absl::Status Inbox::Hold(const Arrival& arrival, const store::CaseNumbers& numbers) {
  const std::string key = lane_->keys.Held(arrival.slot);
  absl::StatusOr<std::optional<std::string>> stored = lane_->txn.Get(key);
  if (!stored.ok()) return stored.status();
  std::uint64_t& held = held_[arrival.slot.peer];
  if (stored->has_value() || held < kMaxHeldPerSource) {
    if (!stored->has_value()) {
      ++held;
      Record record = MakeRecord(arrival, v1::PASSAGE_HELD);
      if (arrival.again()) *record.mutable_earlier_receipt() = arrival.earlier_receipt;
      Remember(arrival, record);
      KeepCopy(arrival.slot, arrival.envelope, ++lane_->issuer_number);
    }
    PutProto(lane_->txn, key, *arrival.envelope);
  }
  ReportHeld(arrival, numbers.filled_sequence() + 1);
  return absl::OkStatus();
}

absl::Status Inbox::DropHeld(const SlotKey& slot) {
  const std::string key = lane_->keys.Held(slot);
  absl::StatusOr<std::optional<std::string>> stored = lane_->txn.Get(key);
  if (!stored.ok()) return stored.status();
  if (stored->has_value()) {
    lane_->txn.Delete(key);
    std::uint64_t& held = held_[slot.peer];
    if (held > 0) --held;
  }
  lane_->txn.Delete(lane_->keys.InboxRecord(slot));
  return absl::OkStatus();
}

absl::Status Inbox::CheckBeforeApplying(const Arrival& arrival,
                                        const store::CaseNumbers& numbers) const {
  const v1::Header& header = arrival.parsed.header;
  if (!lane_->test() && !arrival.again()) {
    YIZHAN_RETURN_IF_ERROR(contract::MaySend(*lane_->directory, arrival.slot.peer, lane_->province,
                                             header.kind(), header.sequence(), lane_->now));
  }
  if (header.previous_header_digest() != numbers.filled_header_digest()) {
    return contract::MakeError(
        v1::PREVIOUS_DIGEST_MISMATCH, v1::SIDE_THEIRS,
        absl::StrCat("Message ", header.sequence(),
                     " of the case names another predecessor than the one that was received"),
        "The sender's store may have been restored from an older state: recover the node.");
  }
  return absl::OkStatus();
}

absl::Status Inbox::ApplyNext(const Arrival& arrival, store::CaseNumbers numbers) {
  absl::StatusOr<v1::Plaintext> plaintext = opener_.Open(*arrival.envelope, arrival.parsed);
  if (!plaintext.ok()) {
    AskToSealAgain(arrival, plaintext.status());
    return absl::OkStatus();
  }
  YIZHAN_RETURN_IF_ERROR(ApplyOrRefuse(arrival, numbers, *plaintext));
  return ApplyHeld(arrival.slot);
}

// The message came once more, and was answered before this store was restored:
// the answer stands, whatever the case thinks of it now.
absl::Status Inbox::AnswerAsBefore(const Arrival& arrival, const absl::Status& applied,
                                   const InboundMessage& message) {
  v1::Control before;
  if (!before.ParseFromString(arrival.earlier_receipt.record())) {
    return StoredValueDamaged("earlier receipt");
  }
  Record record =
      MakeRecord(arrival, before.has_delivery() ? v1::PASSAGE_RECEIVED : v1::PASSAGE_REFUSED);
  if (before.has_refusal()) {
    record.set_reason(before.refusal().error().reason());
    record.set_detail(before.refusal().error().what());
  } else if (!applied.ok()) {
    record.set_reason(contract::ReasonOf(applied));
    record.set_detail(absl::StrCat("Received before the restore; the restored case does not take ",
                                   "it: ", applied.message()));
  }
  *record.mutable_receipt() = arrival.earlier_receipt;
  Remember(arrival, record);
  KeepCopy(arrival.slot, arrival.envelope, ++lane_->issuer_number);
  v1::MessageCount& count = lane_->tally.Of(lane_->lane, arrival.slot.peer, lane_->province,
                                            arrival.parsed.header.kind());
  if (before.has_delivery()) {
    ++lane_->statistics.applied;
    count.set_delivered(count.delivered() + 1);
  } else {
    count.set_refused(count.refused() + 1);
  }
  ++received_again_;
  receipts_.push_back(arrival.earlier_receipt);
  if (!before.has_delivery() || !applied.ok()) return absl::OkStatus();
  InboundMessage told = message;
  told.payload.Clear();
  lane_->after_commit.push_back([told = std::move(told), receipt = record.receipt()](
                                    NodeObserver& observer) { observer.OnApplied(told, receipt); });
  return absl::OkStatus();
}

absl::Status Inbox::ApplyOrRefuse(const Arrival& arrival, store::CaseNumbers& numbers,
                                  const v1::Plaintext& plaintext) {
  const absl::string_view digest = arrival.parsed.header_digest.view();
  const v1::Header& header = arrival.parsed.header;
  absl::Status refused = CheckBeforeApplying(arrival, numbers);
  if (arrival.again() && !WasDelivered(arrival.earlier_receipt)) {
    refused = absl::CancelledError("it was refused before");
  }
  InboundMessage message;
  if (refused.ok()) {
    absl::StatusOr<v1::Payload> payload = ParsePayload(plaintext, header.kind());
    refused = payload.status();
    if (payload.ok()) message.payload = *std::move(payload);
  }
  if (refused.ok()) {
    message.source = arrival.slot.peer;
    message.kind = header.kind();
    message.case_handle = arrival.slot.case_handle;
    message.sequence = arrival.slot.sequence;
    message.header_digest = arrival.parsed.header_digest;
    message.message_id = arrival.parsed.message_id;
    message.last_applied_header_digest =
        contract::Digest::From(header.last_applied_header_digest()).value_or(contract::Digest());
    const Lane::Mark mark = lane_->SetMark();
    // Before what follows from it: its headers name this message as applied.
    store::CaseNumbers applied = numbers;
    applied.set_applied_sequence(arrival.slot.sequence);
    applied.set_applied_header_digest(std::string(digest));
    YIZHAN_RETURN_IF_ERROR(Fill(arrival.slot, applied, digest));
    refused = host_->Apply(message);
    if (refused.ok() && arrival.again()) return AnswerAsBefore(arrival, refused, message);
    if (refused.ok()) return Receipt(arrival, message);
    if (IsStorageError(refused)) return refused;
    lane_->RollBackTo(mark);
  }
  if (arrival.again() && WasDelivered(arrival.earlier_receipt)) {
    numbers.set_applied_sequence(arrival.slot.sequence);
    numbers.set_applied_header_digest(std::string(digest));
  }
  YIZHAN_RETURN_IF_ERROR(Fill(arrival.slot, numbers, digest));
  if (arrival.again()) return AnswerAsBefore(arrival, refused, message);
  return RefuseFinally(arrival, refused);
}

absl::Status Inbox::Fill(const SlotKey& slot, store::CaseNumbers& numbers,
                         absl::string_view digest) {
  numbers.set_filled_sequence(slot.sequence);
  numbers.set_filled_header_digest(std::string(digest));
  PutProto(lane_->txn, lane_->keys.Numbers(slot.peer, slot.case_handle), numbers);
  return absl::OkStatus();
}

absl::Status Inbox::ApplyHeld(SlotKey filled) {
  if (lane_->recovering.Blocks(filled.peer)) return absl::OkStatus();
  return ApplyReady(filled);
}

absl::Status Inbox::Release(contract::ProvinceCode peer, const contract::CaseHandle& handle) {
  SlotKey slot{peer, handle, 0};
  absl::StatusOr<store::CaseNumbers> numbers = Numbers(slot);
  if (!numbers.ok()) return numbers.status();
  slot.sequence = numbers->filled_sequence();
  return ApplyReady(slot);
}

absl::Status Inbox::ApplyReady(SlotKey filled) {
  for (;;) {
    if (lane_->recovering.own_waiting > 0) {
      YIZHAN_RETURN_IF_ERROR(host_->TakeBack(filled.peer, filled.case_handle));
    }
    ++filled.sequence;
    absl::StatusOr<bool> went_on = ApplyHeldOne(filled);
    if (!went_on.ok()) return went_on.status();
    if (!*went_on) return absl::OkStatus();
  }
}

// True where the number is filled now.
absl::StatusOr<bool> Inbox::ApplyHeldOne(const SlotKey& next) {
  absl::StatusOr<std::optional<Record>> record = Find(next);
  if (!record.ok()) return record.status();
  if (!record->has_value() || (*record)->passage() != v1::PASSAGE_HELD) return false;
  absl::StatusOr<store::CaseNumbers> numbers = Numbers(next);
  if (!numbers.ok()) return numbers.status();
  if ((*record)->tombstone()) {
    (*record)->set_passage(v1::PASSAGE_REFUSED);
    PutProto(lane_->txn, lane_->keys.InboxRecord(next), **record);
    YIZHAN_RETURN_IF_ERROR(Fill(next, *numbers, (*record)->header_digest()));
    return true;
  }
  auto envelope = GetProto<v1::Envelope>(lane_->txn, lane_->keys.Held(next));
  if (!envelope.ok()) return envelope.status();
  if (!envelope->has_value()) return StoredValueDamaged("held message");
  absl::StatusOr<Arrival> arrival = Parse(**envelope);
  if (!arrival.ok()) return StoredValueDamaged("held message");
  arrival->earlier_receipt = (*record)->earlier_receipt();
  YIZHAN_RETURN_IF_ERROR(DropHeld(next));
  // Keys, clocks and routes may have changed while it was held.
  if (absl::Status verified = Verify(*arrival); !verified.ok()) {
    YIZHAN_RETURN_IF_ERROR(OnUnverified(*arrival, verified));
    return false;
  }
  absl::StatusOr<v1::Plaintext> plaintext = opener_.Open(*arrival->envelope, arrival->parsed);
  if (!plaintext.ok()) {
    AskToSealAgain(*arrival, plaintext.status());
    return false;
  }
  YIZHAN_RETURN_IF_ERROR(ApplyOrRefuse(*arrival, *numbers, *plaintext));
  return true;
}

absl::Status Inbox::OnTombstone(const contract::ParsedControl& parsed) {
  const SlotKey slot{parsed.identity.source, parsed.identity.case_handle, parsed.identity.sequence};
  absl::StatusOr<std::optional<Record>> found = Find(slot);
  if (!found.ok()) return found.status();
  absl::StatusOr<store::CaseNumbers> numbers = Numbers(slot);
  if (!numbers.ok()) return numbers.status();
  if (found->has_value()) {
    Record& record = **found;
    if (record.header_digest() != parsed.header_digest.view()) {
      lane_->ReportSecurity(v1::IDENTITY_CONFLICT, slot.peer,
                            "A tombstone names another header than the message that was received");
      return absl::OkStatus();
    }
    if (record.tombstone()) return absl::OkStatus();
    if (record.passage() != v1::PASSAGE_HELD) return SendStored(slot, record);
    YIZHAN_RETURN_IF_ERROR(DropHeld(slot));
  } else if (slot.sequence <= numbers->filled_sequence()) {
    return absl::OkStatus();
  }
  ++lane_->statistics.tombstones;
  const bool next = slot.sequence == numbers->filled_sequence() + 1;
  Record record;
  record.set_header_digest(parsed.header_digest.str());
  record.set_message_id(parsed.control.tombstone().message().message_id());
  record.set_tombstone(true);
  record.set_passage(next ? v1::PASSAGE_REFUSED : v1::PASSAGE_HELD);
  record.set_reason(v1::TOMBSTONE_CAME_FIRST);
  record.set_detail(v1::TombstoneCause_Name(parsed.control.tombstone().cause()));
  record.set_created_unix_us(absl::ToUnixMicros(lane_->now));
  const absl::Time until = lane_->now + contract::kMaxMessageLife + contract::kDedupSlack;
  record.set_keep_until_unix_us(absl::ToUnixMicros(until));
  lane_->txn.Put(lane_->keys.InboxEnds() +
                     EncodeU64(static_cast<std::uint64_t>(absl::ToUnixMicros(until))) +
                     slot.Encode(),
                 "");
  PutProto(lane_->txn, lane_->keys.InboxRecord(slot), record);
  KeepCopy(slot, nullptr, ++lane_->issuer_number);
  if (!next) return absl::OkStatus();
  YIZHAN_RETURN_IF_ERROR(Fill(slot, *numbers, record.header_digest()));
  return ApplyHeld(slot);
}

}  // namespace yizhan::node
