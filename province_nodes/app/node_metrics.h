// What a node shows to Prometheus.
#ifndef YIZHAN_PROVINCE_NODES_APP_NODE_METRICS_H_
#define YIZHAN_PROVINCE_NODES_APP_NODE_METRICS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "adapters/platform/clock/clock.h"
#include "adapters/platform/metrics/metrics.h"
#include "province_nodes/app/node_loop.h"

namespace yizhan::node {

// Thread-safe. Reads the core at every scrape, over the loop.
class NodeMetrics {
 public:
  // `registry`, `loop` and `clock` must outlive this object and the scrapes.
  NodeMetrics(platform::MetricsRegistry* registry, NodeLoop* loop, const platform::Clock* clock,
              const std::string& build);

  // One committed group.
  void OnGroup(absl::Duration took, std::size_t events);
  // One ended call of the gateway; reason 0 for success.
  void OnGatewayCall(absl::string_view call, v1::ErrorReason reason);

 private:
  void Collect();
  void ShowCore(const NodeStatistics& statistics);
  void ShowSession(const Session& session);
  void ShowRecovery(const v1::RecoveryStatus& recovery);
  void ShowRoutes(const contract::DirectoryState& directory, absl::Time now);
  void ShowCases(const CaseService::Statistics& cases);
  void Total(const char* name, const char* help, double value,
             const platform::MetricLabels& labels = {});
  void Now(const char* name, const char* help, double value,
           const platform::MetricLabels& labels = {});

  platform::MetricsRegistry* const registry_;
  NodeLoop* const loop_;
  const platform::Clock* const clock_;
  platform::Histogram* const commit_seconds_;
  platform::Histogram* const group_events_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_APP_NODE_METRICS_H_
