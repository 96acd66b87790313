// What the connectivity test needs of the node around it.
#ifndef YIZHAN_PROVINCE_NODES_LINKTEST_LINK_TEST_DEPS_H_
#define YIZHAN_PROVINCE_NODES_LINKTEST_LINK_TEST_DEPS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "adapters/platform/clock/clock.h"
#include "adapters/platform/kv/key_value_store.h"
#include "protos/contract/crypto.h"
#include "protos/contract/ids.h"
#include "province_nodes/session/transport.h"
#include "yizhan/v1/exchange.pb.h"
#include "yizhan/v1/linktest.pb.h"
#include "yizhan/v1/policy.pb.h"

namespace yizhan::node {

class NodeCore;

// The broker's LinkTest service as this province. Thread-safe; blocks at most
// some seconds.
class LinkTestService {
 public:
  virtual ~LinkTestService() = default;
  virtual absl::StatusOr<v1::ArmResponse> Arm(const v1::ArmRequest& request) = 0;
  virtual absl::StatusOr<v1::StartRunResponse> StartRun(const v1::StartRunRequest& request) = 0;
  virtual absl::StatusOr<v1::GetRunResponse> GetRun(const v1::GetRunRequest& request) = 0;
  virtual absl::StatusOr<v1::ListRunsResponse> ListRuns(const v1::ListRunsRequest& request) = 0;
  virtual absl::StatusOr<v1::PostVerdictsResponse> PostVerdicts(
      const v1::PostVerdictsRequest& request) = 0;
  virtual absl::StatusOr<v1::SignReportResponse> SignReport(
      const v1::SignReportRequest& request) = 0;
};

// A way to submit one item over the node's BUSINESS session beside the outbox.
// Thread-safe.
class BusinessProbe {
 public:
  virtual ~BusinessProbe() = default;
  using OnResult = std::function<void(const v1::SubmitResult&)>;
  // Gives the item a tag of its own. `on_result` is called at most once, on any
  // thread; never if the session ends before the answer.
  virtual void Submit(v1::SubmitItem item, OnResult on_result) = 0;
};

// Hands an event of the transport to the thread that owns the core.
using CoreEvent = std::function<void(NodeCore&)>;
using PostCoreEvent = std::function<void(CoreEvent)>;

// What the pointers name, and what the functions capture, must outlive the
// tester. Functions are called from any thread.
struct LinkTestDeps {
  contract::ProvinceCode province;
  contract::SuiteAlgorithms algorithms;
  const contract::Signer* signer = nullptr;
  const contract::Unwrapper* unwrapper = nullptr;
  const platform::Clock* clock = nullptr;
  const v1::Policy* policy = nullptr;  // validated
  contract::Digest genesis_digest;     // pinned
  contract::Incarnation business_incarnation;
  std::string build;
  bool doubles = false;                   // provincial systems are built-in doubles
  std::vector<std::string> fingerprints;  // SHA-256 of the certificate, ids of own keys
  std::function<std::unique_ptr<contract::Random>()> make_random;
  std::function<absl::Status(absl::string_view jpeg)> check_portrait;
  LinkTestService* service = nullptr;
  // A session of its own with the broker for a TEST lane. Events are posted in
  // their order; none after the transport's destruction.
  std::function<std::unique_ptr<Transport>(PostCoreEvent post)> make_transport;
  BusinessProbe* business = nullptr;
  const platform::KeyValueStore* business_store = nullptr;
  // Whether the business lane's directory has replayed the report of a run.
  std::function<bool(const contract::RunId& run)> report_replayed;
  std::function<void(const std::string& line)> log;  // nothing personal
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_LINKTEST_LINK_TEST_DEPS_H_
