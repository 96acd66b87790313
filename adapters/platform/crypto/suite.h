// The national algorithms behind the contract's interfaces: SM3 and SM4-GCM of
// libgcrypt (fast), SM2 of OpenSSL.
#ifndef YIZHAN_ADAPTERS_PLATFORM_CRYPTO_SUITE_H_
#define YIZHAN_ADAPTERS_PLATFORM_CRYPTO_SUITE_H_

#include "protos/contract/crypto.h"

namespace yizhan::platform {

// Suite SM. The instances live for ever; any thread.
const contract::SuiteAlgorithms& SmSuite();

// SM3 of the DER SubjectPublicKeyInfo.
contract::KeyId KeyIdOf(absl::string_view spki_der);

// The operating system's generator through OpenSSL. Any thread. Ends the process
// where there is no randomness, since nothing may go on without.
class SystemRandom final : public contract::Random {
 public:
  std::string Bytes(std::size_t count) override;
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_CRYPTO_SUITE_H_
