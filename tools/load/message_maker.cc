#include "tools/load/message_maker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "adapters/platform/crypto/suite.h"
#include "protos/contract/limits.h"
#include "protos/contract/signing.h"

namespace yizhan::tools {
namespace {

// Salt, tags and lengths around the payload: with it, a body has exactly the
// size class that was asked for.
constexpr std::size_t kPlaintextOverhead = 64;
constexpr std::size_t kSmallestPayload = 16;

std::string BigEndian(std::uint64_t number) {
  std::string out(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<char>(number >> (8 * (7 - i)));
  return out;
}

}  // namespace

contract::CaseHandle CaseOfMessage(LoadId load, std::uint64_t number) {
  return *contract::CaseHandle::From(absl::StrCat(BigEndian(load.value()), BigEndian(number)));
}

std::optional<std::uint64_t> NumberOfCase(LoadId load, absl::string_view case_handle) {
  if (case_handle.size() != contract::CaseHandle::kSize) return std::nullopt;
  if (case_handle.substr(0, 8) != BigEndian(load.value())) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : case_handle.substr(8)) number = number << 8 | static_cast<std::uint8_t>(c);
  return number;
}

MessageMaker::MessageMaker(LoadId load, const LoadParty* sender,
                           const contract::ControlIssuer& issuer, std::size_t body_bytes,
                           contract::Random* random)
    : load_(load),
      sender_(sender),
      issuer_(issuer),
      random_(random),
      sealer_(platform::SmSuite(), random),
      payload_(std::max(body_bytes, kPlaintextOverhead + kSmallestPayload) - kPlaintextOverhead,
               'x') {}

std::string MessageMaker::MakeHeader(std::uint64_t number, contract::ProvinceCode to,
                                     const contract::Digest& commitment, absl::Time now) {
  v1::Header header;
  header.set_format_version(contract::kFormatVersion);
  header.set_suite(v1::SUITE_SM);
  header.set_lane(v1::LANE_BUSINESS);
  header.set_source(sender_->province.value());
  header.set_destination(to.value());
  header.set_kind(v1::ELIGIBILITY_QUERY);
  header.set_case_handle(CaseOfMessage(load_, number).str());
  header.set_sequence(1);
  header.set_pair_counter(next_counter_++);
  header.set_commitment(commitment.str());
  header.set_created_unix_us(absl::ToUnixMicros(now));
  header.set_store_incarnation(issuer_.incarnation.str());
  *header.mutable_directory_head() = issuer_.directory_head;
  *header.mutable_log_checkpoint() = issuer_.log_checkpoint;
  header.set_random(random_->Bytes(16));
  header.set_message_id(
      contract::MakeMessageId(header.created_unix_us(), random_->Bytes(10)).str());
  return header.SerializeAsString();
}

absl::StatusOr<v1::SubmitRequest> MessageMaker::MakeFrame(
    std::uint64_t first, std::size_t count, const std::vector<const LoadParty*>& recipients,
    absl::Time now) {
  const contract::Hasher& hasher = *platform::SmSuite().hasher;
  v1::SubmitRequest request;
  std::vector<contract::Digest> leaves;
  leaves.reserve(count);
  for (std::uint64_t number = first; number < first + count; ++number) {
    const LoadParty& to = *recipients[number % recipients.size()];
    v1::Plaintext plaintext;
    plaintext.set_commitment_salt(random_->Bytes(32));
    plaintext.set_payload(payload_);
    const contract::Digest commitment =
        contract::Commitment(hasher, plaintext.commitment_salt(), payload_);
    v1::SubmitItem* item = request.mutable_batch()->add_items();
    item->set_tag(number);
    v1::Envelope* envelope = item->mutable_envelope();
    envelope->set_header(MakeHeader(number, to.province, commitment, now));
    auto sealed = sealer_.Seal(envelope->header(), to.sealing_key, to.sealing_spki_der, plaintext,
                               /*number=*/1, now + contract::kDefaultMessageLife, now);
    if (!sealed.ok()) return sealed.status();
    envelope->set_seal(std::move(sealed->seal));
    envelope->set_body(std::move(sealed->body));
    const absl::string_view parts[] = {envelope->header(), envelope->seal()};
    leaves.push_back(contract::LeafDigest(hasher, contract::kEnvelopeType, parts));
  }
  auto signatures = contract::SignBatch(*sender_->signer, hasher, leaves);
  if (!signatures.ok()) return signatures.status();
  for (std::size_t i = 0; i < count; ++i) {
    *request.mutable_batch()
         ->mutable_items(static_cast<int>(i))
         ->mutable_envelope()
         ->mutable_signature() = std::move((*signatures)[i]);
  }
  return request;
}

}  // namespace yizhan::tools
