#include "province_nodes/linktest/closed_link.h"

#include <string>

#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "protos/contract/seal.h"
#include "protos/contract/signing.h"
#include "province_nodes/linktest/home_desk.h"
#include "province_nodes/linktest/test_person.h"

namespace yizhan::node {
namespace {

using contract::ProvinceCode;

constexpr ProvinceCode kReferenceProvince(99);

v1::Header QueryHeader(const LinkTestDeps& deps, const contract::DirectoryState& directory,
                       ProvinceCode destination, contract::Random& random, absl::Time now) {
  v1::Header header;
  header.set_format_version(contract::kFormatVersion);
  header.set_suite(v1::SUITE_SM);
  header.set_lane(v1::LANE_BUSINESS);
  header.set_source(deps.province.value());
  header.set_destination(destination.value());
  header.set_kind(v1::ELIGIBILITY_QUERY);
  header.set_case_handle(random.Bytes(contract::CaseHandle::kSize));
  header.set_sequence(1);
  header.set_pair_counter(1);
  header.set_created_unix_us(absl::ToUnixMicros(now));
  header.set_store_incarnation(deps.business_incarnation.str());
  *header.mutable_directory_head() = directory.head();
  header.set_random(random.Bytes(16));
  header.set_message_id(contract::MakeMessageId(absl::ToUnixMicros(now), random.Bytes(10)).str());
  return header;
}

v1::Payload QueryPayload(const LinkTestDeps& deps, ProvinceCode peer, absl::Time now) {
  v1::Payload payload;
  payload.set_format_version(contract::kFormatVersion);
  *payload.mutable_officer() = HomeDesk::Officer(deps.province);
  payload.set_case_time_unix_us(absl::ToUnixMicros(now));
  *payload.mutable_eligibility_query()->mutable_person() = TestPerson(peer);
  payload.mutable_eligibility_query()->set_business(v1::EXPIRY_RENEWAL);
  return payload;
}

}  // namespace

ProvinceCode ClosedDestination(const contract::DirectoryState& directory, ProvinceCode from,
                               ProvinceCode peer, absl::Time now) {
  const auto closed = [&](ProvinceCode to) {
    return !contract::MaySend(directory, from, to, v1::ELIGIBILITY_QUERY, 1, now).ok();
  };
  if (closed(peer)) return peer;
  for (ProvinceCode member : directory.Members()) {
    if (member != from && closed(member)) return member;
  }
  return kReferenceProvince;
}

absl::StatusOr<v1::Envelope> ClosedLinkQuery(const LinkTestDeps& deps,
                                             const contract::DirectoryState& directory,
                                             ProvinceCode destination, ProvinceCode peer,
                                             contract::Random& random, absl::Time now) {
  const v1::PublicKey* key = directory.SealingKey(destination, now);
  if (key == nullptr) key = directory.SealingKey(peer, now);
  const std::optional<contract::KeyId> key_id =
      key == nullptr ? std::nullopt : contract::KeyId::From(key->key_id());
  if (!key_id) {
    return contract::MakeError(v1::RECIPIENT_KEY_UNKNOWN, v1::SIDE_THEIRS,
                               "the directory has no sealing key of the peer",
                               "ask the peer to register one");
  }
  v1::Plaintext plaintext;
  plaintext.set_commitment_salt(random.Bytes(32));
  plaintext.set_payload(QueryPayload(deps, peer, now).SerializeAsString());
  v1::Header header = QueryHeader(deps, directory, destination, random, now);
  const contract::Hasher& hasher = *deps.algorithms.hasher;
  header.set_commitment(
      contract::Commitment(hasher, plaintext.commitment_salt(), plaintext.payload()).str());

  v1::Envelope envelope;
  envelope.set_header(header.SerializeAsString());
  contract::Sealer sealer(deps.algorithms, &random);
  absl::StatusOr<contract::Sealer::Sealed> sealed =
      sealer.Seal(envelope.header(), *key_id, key->spki_der(), plaintext, 1,
                  now + 2 * contract::kMinMessageLife, now);
  if (!sealed.ok()) return sealed.status();
  envelope.set_seal(sealed->seal);
  envelope.set_body(sealed->body);
  const absl::string_view parts[] = {envelope.header(), envelope.seal()};
  absl::StatusOr<v1::Signature> signature =
      contract::SignOne(*deps.signer, hasher, contract::kEnvelopeType, parts);
  if (!signature.ok()) return signature.status();
  *envelope.mutable_signature() = *std::move(signature);
  return envelope;
}

}  // namespace yizhan::node
