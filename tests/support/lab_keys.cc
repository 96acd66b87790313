#include "tests/support/lab_keys.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/types/span.h"
#include "adapters/platform/crypto/key_files.h"
#include "adapters/platform/crypto/suite.h"

namespace yizhan::testing {
namespace {

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "lab keys: %s\n", value.status().ToString().c_str());
  std::abort();
}

class SmKeys final : public LabKeys {
 public:
  const contract::SuiteAlgorithms& algorithms() const override { return platform::SmSuite(); }

  LabKey MakeSigning(const std::string& whose) override {
    const platform::Sm2Key key = OrDie(platform::GenerateSm2Key());
    return {key.id, key.spki_der, OrDie(platform::MakeSigner(key.private_pem, whose)), nullptr};
  }

  LabKey MakeSealing(const std::string& whose) override {
    const platform::Sm2Key key = OrDie(platform::GenerateSm2Key());
    const std::array<contract::SecretBytes, 1> pems = {key.private_pem};
    return {key.id, key.spki_der, nullptr,
            OrDie(platform::MakeUnwrapper(absl::MakeConstSpan(pems), whose))};
  }
};

}  // namespace

LabKeys& RealLabKeys() {
  static SmKeys* const keys = new SmKeys;
  return *keys;
}

}  // namespace yizhan::testing
