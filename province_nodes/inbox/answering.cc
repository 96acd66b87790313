// The part of Inbox that answers: receipts, refusals, held reports, and how
// long answers are remembered.
#include <algorithm>
#include <utility>

#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "province_nodes/app/node_observer.h"
#include "province_nodes/inbox/inbox.h"
#include "province_nodes/store/proto_io.h"

namespace yizhan::node {
namespace {

constexpr std::size_t kSweptAtOnce = 128;
constexpr std::size_t kCopiesSweptAtOnce = 512;

}  // namespace

Inbox::Record Inbox::MakeRecord(const Arrival& arrival, v1::Passage passage) const {
  Record record;
  record.set_kind(arrival.parsed.header.kind());
  record.set_message_id(arrival.parsed.header.message_id());
  record.set_header_digest(arrival.parsed.header_digest.str());
  record.set_passage(passage);
  record.set_created_unix_us(arrival.parsed.header.created_unix_us());
  return record;
}

// Stores the record with its index and the end of its time.
void Inbox::Remember(const Arrival& arrival, Record& record) {
  // As long as its copy at least: the sender's recovery asks for both.
  const absl::Time until = std::max(
      std::max(arrival.parsed.expires, lane_->now) + contract::kDedupSlack,
      lane_->now + (lane_->test() ? absl::ZeroDuration() : contract::kResendableAfterReceipt));
  record.set_keep_until_unix_us(absl::ToUnixMicros(until));
  PutProto(lane_->txn, lane_->keys.InboxRecord(arrival.slot), record);
  lane_->txn.Put(lane_->keys.InboxEnds() +
                     EncodeU64(static_cast<std::uint64_t>(record.keep_until_unix_us())) +
                     arrival.slot.Encode(),
                 "");
  store::MessageIndex index;
  index.set_peer(arrival.slot.peer.value());
  index.set_case_handle(arrival.slot.case_handle.str());
  index.set_sequence(arrival.slot.sequence);
  PutProto(lane_->txn, lane_->keys.Message(arrival.parsed.message_id, false), index);
}

void Inbox::KeepCopy(const SlotKey& slot, const v1::Envelope* envelope, std::uint64_t number) {
  if (lane_->test()) return;
  lane_->txn.Put(lane_->keys.Copy(slot, number, lane_->now + contract::kResendableAfterReceipt),
                 envelope == nullptr ? std::string() : envelope->SerializeAsString());
}

absl::Status Inbox::Receipt(const Arrival& arrival, const InboundMessage& message) {
  v1::Control control = lane_->NewControl();
  *control.mutable_delivery()->mutable_message() = contract::MakeMessageRef(arrival.parsed);
  Record record = MakeRecord(arrival, v1::PASSAGE_RECEIVED);
  record.mutable_receipt()->set_record(control.SerializeAsString());
  Remember(arrival, record);
  KeepCopy(arrival.slot, arrival.envelope, lane_->issuer_number);
  ++lane_->statistics.applied;
  v1::MessageCount& count =
      lane_->tally.Of(lane_->lane, arrival.slot.peer, lane_->province, message.kind);
  count.set_delivered(count.delivered() + 1);
  SignAndSend(arrival.slot, record.receipt().record());
  InboundMessage told = message;
  // Residents' data stay with the case; test contents are evidence.
  if (!lane_->test()) told.payload.Clear();
  lane_->after_commit.push_back([told = std::move(told), receipt = record.receipt()](
                                    NodeObserver& observer) { observer.OnApplied(told, receipt); });
  return absl::OkStatus();
}

v1::Control Inbox::MakeRefusal(const Arrival& arrival, const absl::Status& why,
                               bool consumes) const {
  v1::Control control = lane_->NewControl();
  v1::Refusal& refusal = *control.mutable_refusal();
  *refusal.mutable_message() = contract::MakeMessageRef(arrival.parsed);
  refusal.set_seal_digest(arrival.parsed.seal_digest.str());
  refusal.set_consumes_number(consumes);
  *refusal.mutable_error() = contract::DetailOf(why);
  refusal.mutable_error()->set_message_id(arrival.parsed.header.message_id());
  return control;
}

absl::Status Inbox::RefuseFinally(const Arrival& arrival, const absl::Status& why) {
  const v1::ErrorDetail detail = contract::DetailOf(why);
  ++lane_->statistics.refused_by_me[detail.reason()];
  Record record = MakeRecord(arrival, v1::PASSAGE_REFUSED);
  record.set_reason(detail.reason());
  record.set_detail(detail.what());
  record.mutable_receipt()->set_record(
      MakeRefusal(arrival, why, /*consumes=*/true).SerializeAsString());
  Remember(arrival, record);
  KeepCopy(arrival.slot, arrival.envelope, lane_->issuer_number);
  v1::MessageCount& count = lane_->tally.Of(lane_->lane, arrival.slot.peer, lane_->province,
                                            arrival.parsed.header.kind());
  count.set_refused(count.refused() + 1);
  SignAndSend(arrival.slot, record.receipt().record());
  return absl::OkStatus();
}

void Inbox::AskToSealAgain(const Arrival& arrival, const absl::Status& why) {
  ++lane_->statistics.refused_by_me[contract::ReasonOf(why)];
  v1::ControlRecord record;
  record.set_record(MakeRefusal(arrival, why, /*consumes=*/false).SerializeAsString());
  const contract::Digest leaf = contract::ControlLeaf(*lane_->algorithms.hasher, record.record());
  lane_->sign_queue.Add(leaf, [this, record](const v1::Signature* signature) mutable {
    if (signature == nullptr) return absl::OkStatus();  // the delivery comes again
    *record.mutable_signature() = *signature;
    receipts_.push_back(std::move(record));
    return absl::OkStatus();
  });
}

// Signs the receipt that the record holds, stores the signature, sends it.
void Inbox::SignAndSend(const SlotKey& slot, const std::string& record_bytes) {
  const contract::Digest leaf = contract::ControlLeaf(*lane_->algorithms.hasher, record_bytes);
  lane_->sign_queue.Add(leaf, [this, slot](const v1::Signature* signature) {
    if (signature == nullptr) return absl::OkStatus();  // signed when the message comes again
    absl::StatusOr<std::optional<Record>> record = Find(slot);
    if (!record.ok()) return record.status();
    if (!record->has_value()) return absl::OkStatus();
    *(*record)->mutable_receipt()->mutable_signature() = *signature;
    PutProto(lane_->txn, lane_->keys.InboxRecord(slot), **record);
    receipts_.push_back((*record)->receipt());
    return absl::OkStatus();
  });
}

// A key may have been retired before what it signed was heard of anywhere: the
// same record gets another signature.
absl::Status Inbox::SendStored(const SlotKey& slot, const Record& record) {
  const v1::Signature& signature = record.receipt().signature();
  const auto key = contract::KeyId::From(signature.key_id());
  v1::Control control;
  const bool known = key.has_value() && control.ParseFromString(record.receipt().record());
  const bool counts =
      known && lane_->directory->FindSigner(*key, absl::FromUnixMicros(control.issued_unix_us()))
                   .has_value();
  if (record.receipt().has_signature() && counts) {
    receipts_.push_back(record.receipt());
  } else if (record.has_receipt()) {
    SignAndSend(slot, record.receipt().record());
  }
  return absl::OkStatus();
}

void Inbox::ReportHeld(const Arrival& arrival, std::uint64_t missing) {
  v1::HeldReport report;
  *report.mutable_message() = contract::MakeMessageRef(arrival.parsed);
  report.set_missing_sequence(missing);
  held_reports_.push_back(std::move(report));
}

// Copies lie by peer in the order of coming, so the oldest come first.
absl::Status Inbox::SweepCopies() {
  for (const contract::ProvinceCode peer : lane_->directory->Members()) {
    const std::string prefix = lane_->keys.Copies(peer);
    std::vector<std::string> ended;
    YIZHAN_RETURN_IF_ERROR(lane_->txn.Scan(
        prefix, platform::PrefixEnd(prefix), [&](absl::string_view key, absl::string_view) {
          const std::uint64_t until = DecodeU64(key.substr(prefix.size() + sizeof(std::uint64_t)));
          if (absl::FromUnixMicros(static_cast<std::int64_t>(until)) > lane_->now) return false;
          ended.emplace_back(key);
          return ended.size() < kCopiesSweptAtOnce;
        }));
    for (const std::string& key : ended) lane_->txn.Delete(key);
  }
  return absl::OkStatus();
}

absl::Status Inbox::Sweep() {
  YIZHAN_RETURN_IF_ERROR(SweepCopies());
  const std::string prefix = lane_->keys.InboxEnds();
  const std::string end =
      prefix + EncodeU64(static_cast<std::uint64_t>(absl::ToUnixMicros(lane_->now)));
  std::vector<std::string> ended;
  YIZHAN_RETURN_IF_ERROR(
      lane_->txn.Scan(prefix, end, [&](absl::string_view key, absl::string_view) {
        ended.emplace_back(key);
        return ended.size() < kSweptAtOnce;
      }));
  for (const std::string& key : ended) {
    lane_->txn.Delete(key);
    const SlotKey slot =
        SlotKey::Decode(absl::string_view(key).substr(prefix.size() + sizeof(std::uint64_t)));
    absl::StatusOr<std::optional<Record>> record = Find(slot);
    if (!record.ok()) return record.status();
    if (!record->has_value() || (*record)->keep_until_unix_us() > absl::ToUnixMicros(lane_->now)) {
      continue;
    }
    YIZHAN_RETURN_IF_ERROR(DropHeld(slot));
    if (const auto id = contract::MessageId::From((*record)->message_id())) {
      lane_->txn.Delete(lane_->keys.Message(*id, false));
    }
  }
  return absl::OkStatus();
}

}  // namespace yizhan::node
