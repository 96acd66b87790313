// How gRPC handlers reach the node's core without knowing it.
#ifndef YIZHAN_PROVINCE_NODES_GATEWAY_CASE_RUNNER_H_
#define YIZHAN_PROVINCE_NODES_GATEWAY_CASE_RUNNER_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "adapters/platform/kv/transaction.h"
#include "province_nodes/cases/case_service.h"

namespace yizhan::node {

// Thread-safe; each call blocks until the core has run it.
class CaseRunner {
 public:
  virtual ~CaseRunner() = default;
  // Runs `command` on the core's thread inside the open transaction. If it
  // returns OK, its effects are carried out and Run returns after the group is
  // on stable storage; otherwise its changes are rolled back and its error
  // returned. UNAVAILABLE (SHUTTING_DOWN) when the core has stopped.
  virtual absl::Status Run(
      std::function<absl::Status(platform::Transaction&, CaseService&, CaseEffects&)> command) = 0;
  // Reads; effects are impossible.
  virtual absl::Status Read(
      std::function<absl::Status(const platform::Transaction&, CaseService&)> query) = 0;
  // `on_change` runs on the core's thread after the commit of the change; it
  // must not block. Returns an id for Unsubscribe, after which it never runs.
  virtual std::uint64_t Subscribe(std::function<void(const v1::CaseView&)> on_change) = 0;
  virtual void Unsubscribe(std::uint64_t id) = 0;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_GATEWAY_CASE_RUNNER_H_
