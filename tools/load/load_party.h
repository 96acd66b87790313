// A province as a load speaks for it: the keys and the connection of its node.
#ifndef YIZHAN_TOOLS_LOAD_LOAD_PARTY_H_
#define YIZHAN_TOOLS_LOAD_LOAD_PARTY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "protos/contract/crypto.h"
#include "protos/contract/ids.h"
#include "tools/yizhan/lab.h"

namespace grpc {
class Channel;
}

namespace yizhan::tools {

// A value that is moved; const methods are thread-safe.
struct LoadParty {
  contract::ProvinceCode province;
  std::unique_ptr<contract::Signer> signer;
  contract::KeyId sealing_key;
  std::string sealing_spki_der;
  std::shared_ptr<grpc::Channel> channel;  // as the node, to the broker
};

// Reads the private keys of the province's node, which only a lab has in one
// place. CONFIG_INVALID, NOT_FOUND.
absl::StatusOr<LoadParty> OpenLoadParty(const Lab& lab, contract::ProvinceCode province);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_LOAD_LOAD_PARTY_H_
