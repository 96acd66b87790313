#include "tests/unit/contract/fixtures.h"

#include <utility>

#include "adapters/platform/crypto/suite.h"
#include "protos/contract/errors.h"

namespace yizhan::contract {

absl::Time TestNow() {
  return absl::FromCivil(absl::CivilHour(2026, 3, 2, 1), absl::UTCTimeZone());
}

const Hasher& TestHasher() { return *platform::SmSuite().hasher; }

std::string Fill(std::size_t count, char c) { return std::string(count, c); }

std::string Reason(const absl::Status& status) {
  return status.ok() ? "OK" : v1::ErrorReason_Name(ReasonOf(status));
}

TestKey MakeTestKey() {
  TestKey out;
  out.key = *platform::GenerateSm2Key();
  out.signer = *platform::MakeSigner(out.key.private_pem, "test");
  out.unwrapper = *platform::MakeUnwrapper(absl::MakeConstSpan(&out.key.private_pem, 1), "test");
  return out;
}

v1::PublicKey PublicKeyOf(const TestKey& key, v1::KeyUse use) {
  v1::PublicKey out;
  out.set_key_id(key.key.id.str());
  out.set_suite(v1::SUITE_SM);
  out.set_use(use);
  out.set_spki_der(key.key.spki_der);
  out.set_not_before_unix_us(1);
  return out;
}

KeyOwner OwnerOf(const TestKey& key, std::uint32_t province) {
  KeyOwner owner;
  owner.province = ProvinceCode(province);
  owner.spki_der = key.key.spki_der;
  return owner;
}

v1::Header ValidHeader() {
  v1::Header h;
  h.set_format_version(1);
  h.set_suite(v1::SUITE_SM);
  h.set_lane(v1::LANE_BUSINESS);
  h.set_source(32);
  h.set_destination(34);
  h.set_kind(v1::ELIGIBILITY_QUERY);
  h.set_case_handle(Fill(16, 'c'));
  h.set_sequence(1);
  h.set_pair_counter(7);
  h.set_commitment(Fill(32, 'k'));
  h.set_created_unix_us(absl::ToUnixMicros(TestNow()));
  h.set_store_incarnation(Fill(16, 'i'));
  h.mutable_directory_head()->set_size(3);
  h.mutable_directory_head()->set_digest(Fill(32, 'd'));
  h.mutable_log_checkpoint()->set_log_id(Fill(16, 'l'));
  h.mutable_log_checkpoint()->set_size(9);
  h.mutable_log_checkpoint()->set_digest(Fill(32, 'g'));
  h.set_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  h.set_random(Fill(16, 'r'));
  h.set_message_id(MakeMessageId(h.created_unix_us(), Fill(10, 'm')).str());
  return h;
}

v1::Seal ValidSeal() {
  v1::Seal s;
  s.set_format_version(1);
  s.set_suite(v1::SUITE_SM);
  s.set_number(1);
  s.set_expires_unix_us(absl::ToUnixMicros(TestNow() + absl::Hours(24 * 30)));
  s.set_recipient_key_id(Fill(32, 'y'));
  s.set_wrapped_epoch_secret(Fill(140, 'w'));
  s.set_salt(Fill(16, 's'));
  return s;
}

v1::Envelope EnvelopeOf(const v1::Header& header, v1::Seal seal, absl::string_view body) {
  v1::Envelope out;
  if (seal.body_digest().empty()) seal.set_body_digest(TestHasher().Hash(body).str());
  out.set_header(header.SerializeAsString());
  out.set_seal(seal.SerializeAsString());
  out.set_body(std::string(body));
  return out;
}

v1::MessageRef ValidRef() {
  return MakeMessageRef(*ParseEnvelope(TestHasher(), EnvelopeOf(ValidHeader(), ValidSeal())));
}

}  // namespace yizhan::contract
