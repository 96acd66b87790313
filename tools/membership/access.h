// The directory of a network, as its broker serves it to one who is known there.
#ifndef YIZHAN_TOOLS_MEMBERSHIP_ACCESS_H_
#define YIZHAN_TOOLS_MEMBERSHIP_ACCESS_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/platform/rpc/tls_files.h"
#include "protos/contract/directory.h"
#include "tools/yizhan/flags.h"
#include "yizhan/v1/config.pb.h"
#include "yizhan/v1/directory.pb.h"

namespace grpc {
class Channel;
}

namespace yizhan::tools {

struct Access {
  std::string broker;       // "host:port"
  std::string server_name;  // of the broker's certificate
  platform::TlsMaterial tls;
  contract::Digest genesis;  // pinned
};

// The configuration of a node and its folder.
struct NodeFiles {
  std::string path;
  std::string folder;
  v1::NodeConfig config;
};
absl::StatusOr<NodeFiles> LoadNodeFiles(const std::string& path);

// --config, or --network with --node: a province's own files.
void DeclareNodeFlags(FlagSet& flags);
absl::StatusOr<NodeFiles> NodeFilesOf(const FlagSet& flags);
absl::StatusOr<Access> AccessOf(const NodeFiles& node);

// --access (a NetworkAccess file), or --network: its operator; or the node's.
void DeclareAccessFlags(FlagSet& flags);
absl::StatusOr<Access> AccessOf(const FlagSet& flags);

absl::StatusOr<contract::Digest> ParseDigest(absl::string_view field, absl::string_view hex);

// Calls are blocking; one thread.
class DirectoryClient {
 public:
  static absl::StatusOr<std::unique_ptr<DirectoryClient>> Dial(const Access& access);
  // Everything, verified from the pinned genesis on.
  absl::StatusOr<contract::DirectoryState> Fetch(absl::Time now) const;
  absl::Status Append(const v1::SignedEntry& entry) const;

 private:
  DirectoryClient(std::shared_ptr<grpc::Channel> channel, std::string broker,
                  contract::Digest genesis)
      : channel_(std::move(channel)), broker_(std::move(broker)), genesis_(genesis) {}

  const std::shared_ptr<grpc::Channel> channel_;
  const std::string broker_;
  const contract::Digest genesis_;
};

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_MEMBERSHIP_ACCESS_H_
