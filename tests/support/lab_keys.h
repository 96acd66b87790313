// Where the keys of a lab directory come from: real SM2, or something cheaper
// that a simulation can afford.
#ifndef YIZHAN_TESTS_SUPPORT_LAB_KEYS_H_
#define YIZHAN_TESTS_SUPPORT_LAB_KEYS_H_

#include <memory>
#include <string>

#include "protos/contract/crypto.h"

namespace yizhan::testing {

struct LabKey {
  contract::KeyId id;
  std::string spki_der;
  std::unique_ptr<contract::Signer> signer;        // of a signing key
  std::unique_ptr<contract::Unwrapper> unwrapper;  // of a sealing key
};

// One thread. Must outlive the keys that it made.
class LabKeys {
 public:
  virtual ~LabKeys() = default;
  virtual const contract::SuiteAlgorithms& algorithms() const = 0;
  virtual LabKey MakeSigning(const std::string& whose) = 0;
  virtual LabKey MakeSealing(const std::string& whose) = 0;
};

// Suite SM with fresh keys. Lives for ever.
LabKeys& RealLabKeys();

}  // namespace yizhan::testing

#endif  // YIZHAN_TESTS_SUPPORT_LAB_KEYS_H_
