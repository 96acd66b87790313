// A running node: what main starts and stops.
#ifndef YIZHAN_PROVINCE_NODES_APP_NODE_PROCESS_H_
#define YIZHAN_PROVINCE_NODES_APP_NODE_PROCESS_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "province_nodes/app/node_config.h"

namespace yizhan::node {

// One thread makes and destroys it. It works whether or not the broker can be
// reached; it stops for a storage error alone.
class NodeProcess {
 public:
  // `on_storage_failure` is called once, on a thread of the process, after which
  // it does no more work and should be destroyed.
  static absl::StatusOr<std::unique_ptr<NodeProcess>> Start(
      NodeSetup setup, std::string build,
      std::function<void(const absl::Status&)> on_storage_failure);
  // Ends calls, commits what waits, stops.
  ~NodeProcess();

  // Reads keys and certificate again, without a stop: what waits is signed by
  // the key that the directory has for now, and a new certificate opens a new
  // session. On an error, which names file and field, all stays as it was. The
  // gateway's certificate is not read again.
  absl::Status ReloadKeys();

 private:
  struct Parts;
  explicit NodeProcess(std::unique_ptr<Parts> parts);
  const std::unique_ptr<Parts> parts_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_APP_NODE_PROCESS_H_
