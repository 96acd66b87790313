// The part of Outbox that gives messages their numbers and headers.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "province_nodes/outbox/outbox.h"
#include "province_nodes/store/proto_io.h"

namespace yizhan::node {
namespace {

constexpr std::size_t kAeadTagBytes = 16;
constexpr std::size_t kCommitmentSaltBytes = 32;

absl::Status CheckPayload(const OutgoingMessage& message, std::size_t plaintext_bytes) {
  if (KindOfPayload(message.payload) != message.kind) {
    return contract::MakeError(
        v1::PAYLOAD_MALFORMED, v1::SIDE_MINE,
        absl::StrCat("A ", v1::MessageKind_Name(message.kind), " message carries another payload"),
        "This is a fault of the software: report it with the build number.");
  }
  if (contract::PaddedSize(plaintext_bytes) + kAeadTagBytes > contract::kMaxBodyBytes) {
    return contract::MakeError(
        v1::BODY_TOO_LARGE, v1::SIDE_MINE,
        absl::StrCat("The message's content has ", plaintext_bytes, " bytes; sealed it would pass ",
                     contract::kMaxBodyBytes),
        "Send smaller images.");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Header> Outbox::MakeHeader(const OutgoingMessage& message,
                                              const store::CaseNumbers& numbers,
                                              absl::string_view commitment) {
  const std::string counter_key = lane_->keys.PairCounter(message.destination);
  absl::StatusOr<std::optional<std::string>> counter = lane_->txn.Get(counter_key);
  if (!counter.ok()) return counter.status();
  const std::uint64_t pair_counter = (counter->has_value() ? DecodeU64(**counter) : 0) + 1;
  lane_->txn.Put(counter_key, EncodeU64(pair_counter));

  v1::Header header;
  header.set_format_version(contract::kFormatVersion);
  header.set_suite(v1::SUITE_SM);
  header.set_lane(lane_->lane);
  if (lane_->test()) header.set_test_run_id(lane_->run.str());
  header.set_source(lane_->province.value());
  header.set_destination(message.destination.value());
  header.set_kind(message.kind);
  header.set_case_handle(message.case_handle.str());
  header.set_sequence(numbers.sent_sequence() + 1);
  header.set_previous_header_digest(numbers.sent_header_digest());
  header.set_last_applied_sequence(numbers.applied_sequence());
  header.set_last_applied_header_digest(numbers.applied_header_digest());
  header.set_pair_counter(pair_counter);
  header.set_commitment(std::string(commitment));
  header.set_created_unix_us(absl::ToUnixMicros(lane_->now));
  header.set_store_incarnation(lane_->incarnation.str());
  *header.mutable_directory_head() = lane_->directory->head();
  *header.mutable_log_checkpoint() = lane_->log_checkpoint;
  header.set_random(lane_->random->Bytes(16));
  header.set_message_id(
      contract::MakeMessageId(header.created_unix_us(), lane_->random->Bytes(10)).str());
  return header;
}

absl::StatusOr<NumberedMessage> Outbox::Number(const OutgoingMessage& message, State& state) {
  v1::Plaintext plaintext;
  plaintext.set_commitment_salt(lane_->random->Bytes(kCommitmentSaltBytes));
  plaintext.set_payload(message.payload.SerializeAsString());
  YIZHAN_RETURN_IF_ERROR(CheckPayload(message, plaintext.ByteSizeLong()));

  const std::string numbers_key = lane_->keys.Numbers(message.destination, message.case_handle);
  auto found = GetProto<store::CaseNumbers>(lane_->txn, numbers_key);
  if (!found.ok()) return found.status();
  store::CaseNumbers numbers = found->value_or(store::CaseNumbers());
  const contract::Hasher& hasher = *lane_->algorithms.hasher;
  const contract::Digest commitment =
      contract::Commitment(hasher, plaintext.commitment_salt(), plaintext.payload());
  absl::StatusOr<v1::Header> header = MakeHeader(message, numbers, commitment.view());
  if (!header.ok()) return header.status();

  store::OutboxContent content;
  content.set_header(header->SerializeAsString());
  content.set_plaintext(plaintext.SerializeAsString());
  const contract::Digest digest = hasher.Hash(content.header());
  numbers.set_sent_sequence(header->sequence());
  numbers.set_sent_header_digest(digest.str());
  PutProto(lane_->txn, numbers_key, numbers);

  NumberedMessage numbered;
  numbered.slot = {message.destination, message.case_handle, header->sequence()};
  numbered.message_id = *contract::MessageId::From(header->message_id());
  if (message.destination != lane_->province) {
    PutProto(lane_->txn, lane_->keys.OutboxContent(numbered.slot), content);
  }
  state.set_kind(message.kind);
  state.set_message_id(header->message_id());
  state.set_header_digest(digest.str());
  state.set_pair_counter(header->pair_counter());
  state.set_created_unix_us(header->created_unix_us());
  state.set_passage(v1::PASSAGE_WAITING);
  state.set_changed_unix_us(header->created_unix_us());
  numbered.ref = RefOf(numbered.slot, state);

  store::MessageIndex index;
  index.set_peer(message.destination.value());
  index.set_case_handle(message.case_handle.str());
  index.set_sequence(header->sequence());
  index.set_local(message.destination == lane_->province);
  PutProto(lane_->txn, lane_->keys.Message(numbered.message_id, true), index);
  return numbered;
}

absl::StatusOr<NumberedMessage> Outbox::Enqueue(const OutgoingMessage& message) {
  State state;
  absl::StatusOr<NumberedMessage> numbered = Number(message, state);
  if (!numbered.ok()) return numbered;
  Save(numbered->slot, state);
  schedule_.Put(numbered->slot, Schedule::Stage::kUnaccepted, lane_->now, lane_->now);
  YIZHAN_RETURN_IF_ERROR(Tell(numbered->slot, state));
  return numbered;
}

absl::StatusOr<NumberedMessage> Outbox::RecordLocal(const OutgoingMessage& message) {
  State state;
  absl::StatusOr<NumberedMessage> numbered = Number(message, state);
  if (!numbered.ok()) return numbered;
  // Both directions share one sequence, and what is sent is there.
  const std::string numbers_key = lane_->keys.Numbers(message.destination, message.case_handle);
  auto numbers = GetProto<store::CaseNumbers>(lane_->txn, numbers_key);
  if (!numbers.ok()) return numbers.status();
  store::CaseNumbers both = numbers->value_or(store::CaseNumbers());
  both.set_filled_sequence(both.sent_sequence());
  both.set_filled_header_digest(both.sent_header_digest());
  both.set_applied_sequence(both.sent_sequence());
  both.set_applied_header_digest(both.sent_header_digest());
  PutProto(lane_->txn, numbers_key, both);
  state.set_passage(v1::PASSAGE_RECEIVED);
  KeepUntil(numbered->slot, state);
  Save(numbered->slot, state);
  YIZHAN_RETURN_IF_ERROR(Tell(numbered->slot, state));
  return numbered;
}

absl::Status Outbox::RefuseLocal(const NumberedMessage& message, const absl::Status& why) {
  absl::StatusOr<std::optional<State>> state = Find(message.slot);
  if (!state.ok()) return state.status();
  if (!state->has_value()) return absl::OkStatus();
  return SetPassage(message.slot, **state, v1::PASSAGE_REFUSED, contract::DetailOf(why));
}

}  // namespace yizhan::node
