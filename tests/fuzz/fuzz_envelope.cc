// Envelopes: parsing, and what the broker does before the signature is checked.
#include <cstdlib>

#include "adapters/platform/crypto/suite.h"
#include "protos/contract/envelope.h"
#include "protos/contract/signing.h"
#include "tests/contract/golden_inputs.h"
#include "tests/fuzz/fuzz_targets.h"

namespace yizhan::fuzz {

std::vector<std::string> Seeds() {
  v1::Envelope envelope;
  envelope.set_header(contract::GoldenHeader().SerializeAsString());
  v1::Seal seal;
  seal.set_format_version(1);
  seal.set_suite(v1::SUITE_SM);
  seal.set_number(1);
  seal.set_expires_unix_us(contract::kGoldenUnixUs + 86'400'000'000);
  seal.set_recipient_key_id(std::string(32, 'y'));
  seal.set_wrapped_epoch_secret(std::string(140, 'w'));
  seal.set_salt(std::string(16, 's'));
  seal.set_body_digest(std::string(32, 'b'));
  envelope.set_seal(seal.SerializeAsString());
  envelope.set_body("body");
  envelope.mutable_signature()->set_key_id(std::string(32, 'k'));
  envelope.mutable_signature()->set_root_signature(std::string(71, 's'));
  envelope.mutable_signature()->set_leaf_index(1);
  envelope.mutable_signature()->set_leaf_count(3);
  envelope.mutable_signature()->add_path(std::string(32, 'p'));
  envelope.mutable_signature()->add_path(std::string(32, 'q'));
  return {envelope.SerializeAsString(), contract::GoldenHeader().SerializeAsString()};
}

}  // namespace yizhan::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace yizhan;            // NOLINT: the body of a target is its own scope
  using namespace yizhan::contract;  // NOLINT
  const Hasher& hasher = *platform::SmSuite().hasher;
  v1::Envelope envelope;
  if (!envelope.ParseFromArray(data, static_cast<int>(size))) return 0;
  const SignatureChecker checker(&hasher, platform::SmSuite().verifier);
  if (checker.IsCached(envelope.signature())) abort();
  const auto parsed = ParseEnvelope(hasher, envelope);
  if (!parsed.ok()) return 0;
  // What was accepted can be named again, and comes back the same.
  const auto identity = IdentityOf(MakeMessageRef(*parsed));
  if (!identity.ok() || *identity != parsed->identity) abort();
  if (parsed->identity.Encode().size() != 46) abort();
  (void)CheckTimes(*parsed, absl::FromUnixMicros(kGoldenUnixUs));
  (void)CheckBodyDigest(hasher, envelope, *parsed);
  return 0;
}
