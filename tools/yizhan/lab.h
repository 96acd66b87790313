// A lab network on disk, and connections to its broker and nodes.
#ifndef YIZHAN_TOOLS_YIZHAN_LAB_H_
#define YIZHAN_TOOLS_YIZHAN_LAB_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "protos/contract/ids.h"
#include "tools/yizhan/flags.h"
#include "yizhan/v1/config.pb.h"
#include "yizhan/v1/gateway.pb.h"

namespace grpc {
class Channel;
}

namespace yizhan::tools {

inline constexpr char kLabFile[] = "network.textproto";

// What `yizhan network init` made. A value; const methods are thread-safe.
struct Lab {
  std::string dir;
  v1::LabNetwork network;

  // Null where the province has no node here.
  const v1::LabNode* Find(contract::ProvinceCode province) const;
  std::vector<contract::ProvinceCode> Provinces() const;
};

// CONFIG_INVALID where the folder is no lab.
absl::StatusOr<Lab> LoadLab(absl::string_view dir);

// --network, or the environment's YIZHAN_NETWORK.
void DeclareNetworkFlag(FlagSet& flags);
absl::StatusOr<Lab> LoadLab(const FlagSet& flags);

// A two-digit code of a flag; CONFIG_INVALID naming the flag otherwise.
absl::StatusOr<contract::ProvinceCode> ParseProvince(absl::string_view flag,
                                                     absl::string_view text);
// The flag's provinces, or all of the lab where it is empty. NOT_FOUND for one
// without a node.
absl::StatusOr<std::vector<contract::ProvinceCode>> ChosenNodes(
    const Lab& lab, const std::vector<std::string>& of_flag, absl::string_view flag);

// Channels connect when they are first used.
absl::StatusOr<std::shared_ptr<grpc::Channel>> DialNode(const Lab& lab,
                                                        contract::ProvinceCode province,
                                                        v1::CallerRole role);
absl::StatusOr<std::shared_ptr<grpc::Channel>> DialBroker(const Lab& lab);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_YIZHAN_LAB_H_
