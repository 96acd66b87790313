#include "adapters/platform/crypto/suite.h"

#include <openssl/rand.h>

#include <cstdio>
#include <cstdlib>

#include "adapters/platform/crypto/gcrypt_algorithms.h"
#include "adapters/platform/crypto/sm2.h"

namespace yizhan::platform {

const contract::SuiteAlgorithms& SmSuite() {
  static const Sm3Hasher hasher;
  static const Sm4GcmAead aead;
  // Never destroyed: threads may still verify while the process ends.
  static const auto* verifier = new Sm2Verifier();
  static const auto* wrapper = new Sm2KeyWrapper();
  static const contract::SuiteAlgorithms suite = {&hasher, &aead, verifier, wrapper};
  return suite;
}

contract::KeyId KeyIdOf(absl::string_view spki_der) {
  return *contract::KeyId::From(SmSuite().hasher->Hash(spki_der).view());
}

std::string SystemRandom::Bytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (count > 0 &&
      RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) {
    std::fputs("yizhan: the system's random generator failed; the process ends\n", stderr);
    std::abort();
  }
  return bytes;
}

}  // namespace yizhan::platform
