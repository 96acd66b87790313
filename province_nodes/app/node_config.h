// Everything a node reads at its start.
#ifndef YIZHAN_PROVINCE_NODES_APP_NODE_CONFIG_H_
#define YIZHAN_PROVINCE_NODES_APP_NODE_CONFIG_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/platform/keys/key_ring.h"
#include "adapters/platform/rpc/tls_files.h"
#include "adapters/systems/card_centre.h"
#include "adapters/systems/divisions.h"
#include "adapters/systems/point_registry.h"
#include "adapters/systems/population_register.h"
#include "protos/contract/ids.h"
#include "province_nodes/gateway/caller_registry.h"
#include "yizhan/v1/config.pb.h"
#include "yizhan/v1/policy.pb.h"

namespace yizhan::node {

// Loaded and checked. A value that only moves.
struct NodeSetup {
  std::string path;  // of the configuration
  v1::NodeConfig config;
  contract::ProvinceCode province;
  contract::Digest genesis_digest;
  absl::Duration message_life;
  std::string data_dir;
  std::string port_file;  // empty: none
  std::uint64_t disk_reserve_bytes = 0;
  platform::TlsMaterial tls;
  platform::TlsMaterial gateway_tls;
  std::unique_ptr<platform::KeyRing> keys;
  std::vector<std::string> key_ids;  // of the node's own keys, for reports
  v1::Policy policy;
  std::unique_ptr<systems::FilePointRegistry> points;
  std::unique_ptr<systems::Divisions> divisions;
  std::unique_ptr<systems::FilePopulationRegister> population;  // null: none yet
  std::unique_ptr<systems::FileCardCentre> card_centre;
  std::unique_ptr<CallerRegistry> callers;
};

// CONFIG_INVALID with every mistake found, each with file, line and field.
absl::StatusOr<NodeSetup> LoadNodeSetup(const std::string& path);

// What a running node may exchange.
struct OwnKeys {
  platform::KeySet keys;
  platform::TlsMaterial tls;
};
// Reads the configuration's keys and the certificate towards the broker again.
absl::StatusOr<OwnKeys> LoadOwnKeys(const std::string& path);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_APP_NODE_CONFIG_H_
