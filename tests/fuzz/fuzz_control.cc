// Control records.
#include <cstdlib>

#include "adapters/platform/crypto/suite.h"
#include "protos/contract/control.h"
#include "tests/contract/golden_inputs.h"
#include "tests/fuzz/fuzz_targets.h"

namespace yizhan::fuzz {

std::vector<std::string> Seeds() {
  const v1::Control delivery = contract::GoldenDelivery();
  const v1::MessageRef& ref = delivery.delivery().message();
  v1::Control refusal = delivery;
  *refusal.mutable_refusal()->mutable_message() = ref;
  refusal.mutable_refusal()->set_seal_digest(std::string(32, 's'));
  refusal.mutable_refusal()->mutable_error()->set_reason(v1::QUOTA_EXCEEDED);
  v1::Control tombstone = delivery;
  *tombstone.mutable_tombstone()->mutable_message() = ref;
  tombstone.mutable_tombstone()->set_pair_counter(7);
  tombstone.mutable_tombstone()->set_cause(v1::TOMBSTONE_EXPIRED);
  return {delivery.SerializeAsString(), refusal.SerializeAsString(), tombstone.SerializeAsString()};
}

}  // namespace yizhan::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace yizhan;            // NOLINT: the body of a target is its own scope
  using namespace yizhan::contract;  // NOLINT
  v1::ControlRecord record;
  record.set_record(data, size);
  record.mutable_signature()->set_key_id(std::string(32, 'k'));
  const auto parsed = ParseControl(*platform::SmSuite().hasher, record);
  if (!parsed.ok()) return 0;
  SignatureChecker checker(platform::SmSuite().hasher, platform::SmSuite().verifier);
  // An empty directory knows nobody, so nothing is believed.
  if (CheckControl(DirectoryState(), checker, record, *parsed).ok()) abort();
  (void)IsTerminal(parsed->control);
  return 0;
}
