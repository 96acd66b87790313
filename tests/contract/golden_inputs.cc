#include "tests/contract/golden_inputs.h"

#include "absl/strings/str_cat.h"
#include "adapters/platform/crypto/suite.h"
#include "protos/contract/control.h"
#include "protos/contract/directory.h"
#include "protos/contract/envelope.h"
#include "protos/contract/seal.h"
#include "protos/contract/signing.h"

namespace yizhan::contract {
namespace {

std::string Fill(std::size_t count, char c) { return std::string(count, c); }

const Hasher& Sm3() { return *platform::SmSuite().hasher; }

// 00 01 02 ...
class CountingRandom final : public Random {
 public:
  std::string Bytes(std::size_t count) override {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(static_cast<char>(next_++));
    return out;
  }

 private:
  std::uint8_t next_ = 0;
};

// SM2 encryption is randomised; the layout under test is not.
class FixedWrapper final : public KeyWrapper {
 public:
  absl::StatusOr<std::string> Wrap(absl::string_view, const SecretBytes&) const override {
    return Fill(140, 'w');
  }
};

// Keeps what a batch signature is over.
class CapturingSigner final : public Signer {
 public:
  KeyId key_id() const override { return KeyId(); }
  absl::StatusOr<std::string> Sign(absl::string_view message) const override {
    signed_bytes = std::string(message);
    return Fill(70, 's');
  }
  mutable std::string signed_bytes;
};

v1::PublicKey KeyOf(const std::string& spki, v1::KeyUse use) {
  v1::PublicKey key;
  key.set_key_id(platform::KeyIdOf(spki).str());
  key.set_suite(v1::SUITE_SM);
  key.set_use(use);
  key.set_spki_der(spki);
  key.set_not_before_unix_us(kGoldenUnixUs);
  return key;
}

v1::DirectoryEntry NewEntry() {
  v1::DirectoryEntry entry;
  entry.set_format_version(1);
  entry.set_suite(v1::SUITE_SM);
  entry.set_created_unix_us(kGoldenUnixUs);
  return entry;
}

// As seal.h says, written out once more.
std::string BodyKeyByTheBook(const std::string& secret, const std::string& salt,
                             const std::string& key_id) {
  const std::string header = GoldenHeader().SerializeAsString();
  const Digest digest = Sm3().Hash(absl::string_view(header));
  const absl::string_view context[] = {"SM", "32", "34", "1", digest.view(), key_id};
  const std::string info =
      absl::StrCat(Pae("yizhan.v1.body-key", absl::MakeConstSpan(context)), "\x01");
  const absl::string_view input = secret;
  const Digest extracted = Sm3().Hmac(salt, absl::MakeConstSpan(&input, 1));
  const absl::string_view block = info;
  return Sm3().Hmac(extracted.view(), absl::MakeConstSpan(&block, 1)).str().substr(0, 16);
}

}  // namespace

v1::Plaintext GoldenPlaintext() {
  v1::Plaintext plaintext;
  plaintext.set_commitment_salt(Fill(32, 'o'));
  plaintext.set_payload("a payload that stands for one");
  return plaintext;
}

v1::Header GoldenHeader() {
  const v1::Plaintext plaintext = GoldenPlaintext();
  v1::Header h;
  h.set_format_version(1);
  h.set_suite(v1::SUITE_SM);
  h.set_lane(v1::LANE_BUSINESS);
  h.set_source(32);
  h.set_destination(34);
  h.set_kind(v1::ACCEPTANCE);
  h.set_case_handle(Fill(16, 'c'));
  h.set_sequence(2);
  h.set_previous_header_digest(Fill(32, 'p'));
  h.set_last_applied_sequence(1);
  h.set_last_applied_header_digest(Fill(32, 'a'));
  h.set_pair_counter(7);
  h.set_commitment(Commitment(Sm3(), plaintext.commitment_salt(), plaintext.payload()).str());
  h.set_created_unix_us(kGoldenUnixUs);
  h.set_store_incarnation(Fill(16, 'i'));
  h.mutable_directory_head()->set_size(3);
  h.mutable_directory_head()->set_digest(Fill(32, 'd'));
  h.mutable_log_checkpoint()->set_log_id(Fill(16, 'l'));
  h.mutable_log_checkpoint()->set_size(9);
  h.mutable_log_checkpoint()->set_digest(Fill(32, 'g'));
  h.set_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  h.set_random(Fill(16, 'r'));
  h.set_message_id(MakeMessageId(kGoldenUnixUs, Fill(10, 'm')).str());
  return h;
}

v1::Control GoldenDelivery() {
  v1::Envelope envelope;
  envelope.set_header(GoldenHeader().SerializeAsString());
  ControlIssuer issuer;
  issuer.province = ProvinceCode(34);
  issuer.incarnation = *Incarnation::From(Fill(16, 'j'));
  issuer.directory_head.set_size(3);
  issuer.directory_head.set_digest(Fill(32, 'd'));
  v1::Control control = NewControl(issuer, absl::FromUnixMicros(kGoldenUnixUs));
  v1::MessageRef* ref = control.mutable_delivery()->mutable_message();
  ref->set_lane(v1::LANE_BUSINESS);
  ref->set_source(32);
  ref->set_destination(34);
  ref->set_case_handle(Fill(16, 'c'));
  ref->set_sequence(2);
  ref->set_header_digest(Sm3().Hash(absl::string_view(envelope.header())).str());
  ref->set_message_id(GoldenHeader().message_id());
  return control;
}

v1::DirectoryEntry GoldenGenesis(const GoldenKeys& keys) {
  v1::DirectoryEntry entry = NewEntry();
  v1::Genesis* genesis = entry.mutable_genesis();
  genesis->set_network("golden");
  genesis->set_lab(true);
  *genesis->add_authority_keys() = KeyOf(keys.authority, v1::KEY_USE_SIGN);
  *genesis->add_broker_keys() = KeyOf(keys.broker, v1::KEY_USE_SIGN);
  genesis->add_broker_certificate_sha256(Fill(32, 'b'));
  return entry;
}

v1::DirectoryEntry GoldenMember(const GoldenKeys& keys, const std::string& genesis_entry) {
  v1::DirectoryEntry entry = NewEntry();
  entry.set_network_genesis(Sm3().Hash(absl::string_view(genesis_entry)).str());
  v1::Member* member = entry.mutable_member();
  member->set_province(32);
  member->set_version(1);
  member->set_name("golden member");
  member->set_status(v1::MEMBER_ACTIVE);
  *member->add_keys() = KeyOf(keys.sign, v1::KEY_USE_SIGN);
  *member->add_keys() = KeyOf(keys.seal, v1::KEY_USE_SEAL);
  member->add_certificate_sha256(Fill(32, 'q'));
  return entry;
}

std::map<std::string, std::string> MakeBytes(const GoldenKeys& keys) {
  std::map<std::string, std::string> out;
  // Envelope.
  const FixedWrapper wrapper;
  SuiteAlgorithms algorithms = platform::SmSuite();
  algorithms.wrapper = &wrapper;
  CountingRandom random;
  Sealer sealer(algorithms, &random);
  v1::Envelope envelope;
  envelope.set_header(GoldenHeader().SerializeAsString());
  const absl::Time now = absl::FromUnixMicros(kGoldenUnixUs);
  const KeyId key_id = platform::KeyIdOf(keys.seal);
  const auto sealed = sealer.Seal(envelope.header(), key_id, keys.seal, GoldenPlaintext(), 1,
                                  now + absl::Hours(24 * 30), now);
  envelope.set_seal(sealed->seal);
  envelope.set_body(sealed->body);
  const ParsedEnvelope parsed = *ParseEnvelope(Sm3(), envelope);
  out["header"] = envelope.header();
  out["header_digest"] = parsed.header_digest.str();
  out["seal"] = envelope.seal();
  out["seal_digest"] = parsed.seal_digest.str();
  out["body"] = envelope.body();
  out["identity"] = parsed.identity.Encode();
  out["commitment"] = parsed.header.commitment();
  // The random bytes above: 32 of the epoch secret, then 16 of the salt.
  CountingRandom again;
  const std::string secret = again.Bytes(32);
  out["body_key"] = BodyKeyByTheBook(secret, again.Bytes(16), key_id.str());
  // Signing bytes.
  const absl::string_view parts[] = {envelope.header(), envelope.seal()};
  out["pae_envelope"] = Pae(kEnvelopeType, absl::MakeConstSpan(parts));
  out["leaf_envelope"] = LeafDigest(Sm3(), kEnvelopeType, absl::MakeConstSpan(parts)).str();
  std::vector<Digest> leaves;
  for (int i = 0; i < 7; ++i) leaves.push_back(Sm3().Hash(absl::StrCat("leaf ", i)));
  const CapturingSigner signer;
  for (std::size_t count : {1, 2, 3, 7}) {
    const auto batch = SignBatch(signer, Sm3(), absl::MakeConstSpan(leaves).subspan(0, count));
    out[absl::StrCat("batch_encoding_", count)] = signer.signed_bytes;
    out[absl::StrCat("batch_signature_", count)] = batch->back().SerializeAsString();
  }
  // Control record and directory.
  out["control"] = GoldenDelivery().SerializeAsString();
  out["control_leaf"] = ControlLeaf(Sm3(), out["control"]).str();
  out["genesis"] = GoldenGenesis(keys).SerializeAsString();
  out["member"] = GoldenMember(keys, out["genesis"]).SerializeAsString();
  const Digest first = ChainDigest(Sm3(), Digest(), out["genesis"]);
  out["chain_digest_1"] = first.str();
  out["chain_digest_2"] = ChainDigest(Sm3(), first, out["member"]).str();
  return out;
}

}  // namespace yizhan::contract
