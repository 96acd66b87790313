// What begins a network: officers' keys, an authority for certificates, genesis.
#ifndef YIZHAN_TOOLS_MEMBERSHIP_AUTHORITY_FILES_H_
#define YIZHAN_TOOLS_MEMBERSHIP_AUTHORITY_FILES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "protos/contract/crypto.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/membership.pb.h"

namespace yizhan::tools {

// On the broker's machine: keys/sign.pem, tls/key.pem, passphrase, and
// broker.application for the authority, which it returns.
absl::StatusOr<v1::BrokerApplication> MakeBrokerKeys(const std::string& dir,
                                                     const std::string& server_name, absl::Time now,
                                                     contract::Random& random);

struct AuthorityPlan {
  std::string dir;      // new or empty
  std::string network;  // name
  std::string broker;   // "host:port"
  int officers = 2;
  int quorum = 2;
  v1::BrokerApplication application;
  absl::Time now;
};
struct MadeAuthority {
  contract::Digest genesis;
  contract::CertificateFingerprint operator_certificate;
};

// On the authority's machine, never the broker's: officer-N/{sign.pem,passphrase}
// to be parted among the officers, ca.pem, ca-key.pem, ca.passphrase, genesis.bin,
// access.textproto with tls/ to read the directory, and for-broker/ with the
// broker's certificate, ca.pem and genesis.bin. All private keys are encrypted.
absl::StatusOr<MadeAuthority> MakeAuthority(const AuthorityPlan& plan, contract::Random& random);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_MEMBERSHIP_AUTHORITY_FILES_H_
