// The entries that begin a lab's directory: its members, and no open route.
#ifndef YIZHAN_TOOLS_YIZHAN_LAB_DIRECTORY_H_
#define YIZHAN_TOOLS_YIZHAN_LAB_DIRECTORY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "protos/contract/crypto.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/config.pb.h"

namespace yizhan::tools {

// A key pair that a lab made: its public half, and the half that signs.
struct LabSigningKey {
  v1::PublicKey public_key;
  const contract::Signer* signer = nullptr;  // must outlive this object
};

struct LabMember {
  contract::ProvinceCode province;
  std::string name;
  LabSigningKey sign;
  v1::PublicKey seal;
  contract::CertificateFingerprint certificate;
};

struct LabDirectoryPlan {
  std::string network;
  LabSigningKey authority;
  v1::PublicKey broker;
  contract::CertificateFingerprint broker_certificate;
  std::vector<LabMember> members;
  absl::Time now;
};

struct LabDirectory {
  v1::DirectoryEntries entries;
  contract::Digest genesis;
};

// Genesis, then a member entry for each member, signed by whom they bind.
absl::StatusOr<LabDirectory> BuildLabDirectory(const contract::Hasher& hasher,
                                               const LabDirectoryPlan& plan);

// The directory's form of a public key, valid from an hour before `now`.
v1::PublicKey MakePublicKey(const contract::KeyId& id, const std::string& spki_der, v1::KeyUse use,
                            absl::Time now);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_YIZHAN_LAB_DIRECTORY_H_
