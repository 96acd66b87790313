#include "province_nodes/recovery/returning.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "protos/contract/envelope.h"
#include "protos/contract/limits.h"
#include "province_nodes/store/proto_io.h"

namespace yizhan::node {
namespace {

// Of one part, which is answered before the next is sent.
constexpr std::size_t kMaxPart = 64;
constexpr std::size_t kMaxPartBytes = std::size_t{2} << 20;
constexpr absl::Duration kRetry = absl::Seconds(1);
// Number and end of keeping before the case and its sequence.
constexpr std::size_t kSlotAt = 2 * sizeof(std::uint64_t);

}  // namespace

Returning::Returning(Lane* lane, Outbox* outbox, Inbox* inbox, ControlPost* post)
    : lane_(lane),
      outbox_(outbox),
      inbox_(inbox),
      post_(post),
      opener_(lane->algorithms, lane->unwrapper),
      sealer_(lane->algorithms, lane->random) {}

absl::Status Returning::Load() {
  const std::string prefix = lane_->keys.ReturnJobs();
  bool readable = true;
  YIZHAN_RETURN_IF_ERROR(lane_->txn.Scan(
      prefix, platform::PrefixEnd(prefix), [&](absl::string_view key, absl::string_view value) {
        Job job;
        readable = job.stored.ParseFromArray(value.data(), static_cast<int>(value.size()));
        jobs_[contract::ProvinceCode(static_cast<unsigned char>(key.back()))] = std::move(job);
        return readable;
      }));
  return readable ? absl::OkStatus() : StoredValueDamaged("return job");
}

void Returning::Save(contract::ProvinceCode peer, const Job& job) {
  PutProto(lane_->txn, lane_->keys.ReturnJob(peer), job.stored);
}

absl::Status Returning::OnRequest(const contract::ParsedControl& request) {
  const v1::RecoveryRequest& asked = request.control.recovery_request();
  if (asked.peer() != lane_->province.value()) return absl::OkStatus();
  const contract::ProvinceCode peer(request.control.issuer());
  const auto known = jobs_.find(peer);
  // Asked again after the answer: a broker has lost it.
  if (known != jobs_.end() && known->second.stored.new_incarnation() == asked.new_incarnation() &&
      known->second.stored.phase() != store::ReturnJob::PHASE_DONE) {
    return absl::OkStatus();
  }
  Job job;
  job.stored.set_new_incarnation(asked.new_incarnation());
  job.stored.set_phase(store::ReturnJob::PHASE_RETURNING);
  job.round = next_round_++;
  Save(peer, job);
  jobs_[peer] = std::move(job);
  lane_->TellRecovery(
      absl::StrCat("Province ", peer.str(), " was restored and asks what was exchanged with it"));
  return absl::OkStatus();
}

absl::Status Returning::SessionOpened(bool other_broker) {
  for (auto& [peer, job] : jobs_) {
    if (!other_broker || job.stored.phase() != store::ReturnJob::PHASE_RETURNING) continue;
    job.stored.clear_cursor();
    job.stored.clear_returned();
    Save(peer, job);
  }
  return absl::OkStatus();
}

void Returning::SessionClosed() {
  for (auto& [peer, job] : jobs_) {
    const store::ReturnJob stored = job.stored;
    job = Job();
    job.stored = stored;
  }
}

absl::Status Returning::Advance() {
  for (auto& [peer, job] : jobs_) {
    if (job.stored.phase() == store::ReturnJob::PHASE_DONE) continue;
    if (job.waiting > 0 || lane_->now < job.next) continue;
    YIZHAN_RETURN_IF_ERROR(AdvanceOne(peer, job));
  }
  return absl::OkStatus();
}

absl::Status Returning::AdvanceOne(contract::ProvinceCode peer, Job& job) {
  if (job.stored.phase() == store::ReturnJob::PHASE_RETURNING) return Return(peer, job);
  std::string cursor = job.stored.cursor();
  absl::StatusOr<std::uint64_t> again =
      outbox_->SendAgain(peer, job.stored.new_incarnation(), cursor);
  if (!again.ok()) return again.status();
  job.stored.set_sent_again(job.stored.sent_again() + *again);
  if (cursor.empty()) {
    job.stored.set_phase(store::ReturnJob::PHASE_DONE);
    lane_->TellRecovery(absl::StrCat("Province ", peer.str(), " has been given back ",
                                     job.stored.returned(), " messages of its own and is sent ",
                                     job.stored.sent_again(), " once more"));
  }
  job.stored.set_cursor(cursor);
  Save(peer, job);
  return absl::OkStatus();
}

absl::Status Returning::Return(contract::ProvinceCode peer, Job& job) {
  const std::string prefix = lane_->keys.Copies(peer);
  const std::string begin =
      job.stored.cursor().empty() ? prefix : job.stored.cursor() + std::string(1, '\0');
  Part part;
  std::size_t bytes = 0;
  YIZHAN_RETURN_IF_ERROR(lane_->txn.Scan(begin, platform::PrefixEnd(prefix),
                                         [&](absl::string_view key, absl::string_view value) {
                                           part.emplace_back(std::string(key), std::string(value));
                                           bytes += value.size();
                                           return part.size() < kMaxPart && bytes < kMaxPartBytes;
                                         }));
  if (part.empty()) {
    Answer(peer, job, job.all_came);
    return absl::OkStatus();
  }
  absl::StatusOr<std::size_t> answered = CountAnswered(peer, part);
  if (!answered.ok()) return answered.status();
  part.resize(*answered);
  if (part.empty()) return absl::OkStatus();
  // Held until all of the part are on their way: an answer may come at once.
  ++job.waiting;
  job.part_end = part.back().first;
  job.part_size = part.size();
  for (const auto& [key, envelope] : part) {
    YIZHAN_RETURN_IF_ERROR(ReturnOne(peer, job, key, envelope));
  }
  --job.waiting;
  return job.waiting == 0 ? PartEnded(peer, job) : absl::OkStatus();
}

SlotKey Returning::SlotOf(contract::ProvinceCode peer, absl::string_view key) const {
  const std::size_t at = lane_->keys.Copies(peer).size() + kSlotAt;
  return SlotKey::Decode(
      absl::StrCat(std::string(1, static_cast<char>(peer.value())), key.substr(at)));
}

// Receipts of the open group are signed at its end: what they answer waits for
// the next.
absl::StatusOr<std::size_t> Returning::CountAnswered(contract::ProvinceCode peer,
                                                     const Part& part) const {
  std::size_t count = 0;
  for (const auto& [key, unused] : part) {
    auto record =
        GetProto<store::InboxRecord>(lane_->txn, lane_->keys.InboxRecord(SlotOf(peer, key)));
    if (!record.ok()) return record.status();
    const bool waits =
        record->has_value() && (*record)->has_receipt() && !(*record)->receipt().has_signature();
    if (waits) break;
    ++count;
  }
  return count;
}

absl::Status Returning::ReturnOne(contract::ProvinceCode peer, Job& job, absl::string_view key,
                                  absl::string_view envelope_bytes) {
  const SlotKey slot = SlotOf(peer, key);
  auto record = GetProto<store::InboxRecord>(lane_->txn, lane_->keys.InboxRecord(slot));
  if (!record.ok()) return record.status();
  if (!record->has_value()) return absl::OkStatus();  // its dedup memory has ended
  v1::Control control = lane_->NewControl();
  v1::Returned& returned = *control.mutable_returned();
  v1::MessageRef& ref = *returned.mutable_message();
  ref.set_lane(lane_->lane);
  ref.set_source(peer.value());
  ref.set_destination(lane_->province.value());
  ref.set_case_handle(slot.case_handle.str());
  ref.set_sequence(slot.sequence);
  ref.set_header_digest((*record)->header_digest());
  ref.set_message_id((*record)->message_id());
  if ((*record)->has_receipt()) *returned.mutable_receipt() = (*record)->receipt();
  if (!envelope_bytes.empty()) {
    absl::StatusOr<v1::Envelope> envelope = ParseStored<v1::Envelope>(envelope_bytes, "copy");
    if (!envelope.ok()) return envelope.status();
    const auto parsed = contract::ParseEnvelope(*lane_->algorithms.hasher, *envelope);
    if (!parsed.ok()) return StoredValueDamaged("copy of a received message");
    // What its new store has sent is not lost.
    if (parsed->header.store_incarnation() == job.stored.new_incarnation()) {
      return absl::OkStatus();
    }
    if (!Fill(peer, *envelope, *parsed, returned)) {
      job.failed = lane_->directory->SealingKey(peer, lane_->now) == nullptr;
      if (job.failed) return absl::OkStatus();
    }
  }
  ++job.waiting;
  post_->Send(control, [this, peer, round = job.round](const absl::Status& answer) {
    Job& of_peer = jobs_[peer];
    if (of_peer.round != round) return absl::OkStatus();
    --of_peer.waiting;
    if (!answer.ok()) of_peer.failed = true;
    return of_peer.waiting == 0 ? PartEnded(peer, of_peer) : absl::OkStatus();
  });
  return absl::OkStatus();
}

bool Returning::Fill(contract::ProvinceCode peer, const v1::Envelope& envelope,
                     const contract::ParsedEnvelope& parsed, v1::Returned& returned) {
  const v1::PublicKey* key = lane_->directory->SealingKey(peer, lane_->now);
  if (key == nullptr) return false;
  absl::StatusOr<v1::Plaintext> plaintext = opener_.Open(envelope, parsed);
  if (!plaintext.ok()) return false;
  absl::StatusOr<contract::Sealer::Sealed> sealed = sealer_.Seal(
      envelope.header(), contract::KeyId::From(key->key_id()).value_or(contract::KeyId()),
      key->spki_der(), *plaintext, parsed.seal.number(), lane_->now + contract::kMinMessageLife,
      lane_->now);
  if (!sealed.ok()) return false;
  returned.set_header(envelope.header());
  returned.set_seal(envelope.seal());
  *returned.mutable_signature() = envelope.signature();
  returned.set_returned_seal(std::move(sealed->seal));
  returned.set_returned_body(std::move(sealed->body));
  return true;
}

absl::Status Returning::PartEnded(contract::ProvinceCode peer, Job& job) {
  if (std::exchange(job.failed, false)) {
    job.next = lane_->now + kRetry;
    return absl::OkStatus();
  }
  job.stored.set_cursor(job.part_end);
  job.stored.set_returned(job.stored.returned() + job.part_size);
  Save(peer, job);
  return absl::OkStatus();
}

void Returning::Answer(contract::ProvinceCode peer, Job& job, bool complete) {
  v1::Control control = lane_->NewControl();
  v1::RecoveryAnswer& answer = *control.mutable_recovery_answer();
  answer.set_peer(peer.value());
  answer.set_new_incarnation(job.stored.new_incarnation());
  answer.set_held(inbox_->HeldOf(peer));
  answer.set_complete(complete);
  ++job.waiting;
  post_->Send(control, [this, peer, complete, round = job.round](const absl::Status& stored) {
    Job& of_peer = jobs_[peer];
    if (of_peer.round != round) return absl::OkStatus();
    --of_peer.waiting;
    if (!stored.ok()) {
      of_peer.next = lane_->now + kRetry;
      return absl::OkStatus();
    }
    of_peer.all_came = true;
    if (!complete) return absl::OkStatus();
    of_peer.stored.set_phase(store::ReturnJob::PHASE_RESENDING);
    of_peer.stored.clear_cursor();
    Save(peer, of_peer);
    return absl::OkStatus();
  });
}

}  // namespace yizhan::node
