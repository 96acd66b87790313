// A suite that costs nanoseconds where SM2 costs a third of a millisecond. It is
// no cryptography: a signature is a digest under a secret, and the verifier
// looks the secret up in a table. Within the simulation, whose parties have the
// interfaces of contract/crypto.h alone, it keeps what they rely on:
//
//  1. Without a signer nobody makes bytes that verify with its public key.
//  2. Every changed bit of key, message, nonce, additional data or signature
//     makes verification or opening fail.
//  3. Only the holder of the unwrapper gets a wrapped secret back.
//
// The same seed makes the same keys in every process.
#ifndef YIZHAN_TESTS_SIMULATION_TOY_SUITE_H_
#define YIZHAN_TESTS_SIMULATION_TOY_SUITE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "tests/support/lab_keys.h"

namespace yizhan::simulation {

// 256 bits over the concatenated parts. Any difference within 8 aligned bytes
// is seen with certainty, others but for a chance of 2^-256.
contract::Digest ToyDigest(absl::Span<const absl::string_view> parts);

// One thread.
class ToySuite final : public testing::LabKeys {
 public:
  explicit ToySuite(std::uint64_t seed);
  ~ToySuite() override;

  const contract::SuiteAlgorithms& algorithms() const override;
  testing::LabKey MakeSigning(const std::string& whose) override;
  testing::LabKey MakeSealing(const std::string& whose) override;

 private:
  struct Parts;
  testing::LabKey Make(const std::string& whose, bool seals);
  const std::unique_ptr<Parts> parts_;
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_TOY_SUITE_H_
