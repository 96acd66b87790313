// The broker's numbers for Prometheus.
#ifndef YIZHAN_BROKER_APP_BROKER_METRICS_H_
#define YIZHAN_BROKER_APP_BROKER_METRICS_H_

#include <map>
#include <string>

#include "absl/time/time.h"
#include "adapters/platform/metrics/metrics.h"
#include "broker/service/broker_core.h"

namespace yizhan::broker {

// Update and OnCommit on the core's thread; the registry may be collected from
// any. `registry` must outlive this object.
class BrokerMetrics {
 public:
  BrokerMetrics(platform::MetricsRegistry* registry, const std::string& version);
  // Copies what the core counts and holds.
  void Update(BrokerCore& core, Moment now);
  void OnCommit(absl::Duration took, std::size_t frames);

 private:
  void UpdateCounters(const BrokerStats& stats);
  void UpdateMailboxes(BrokerCore& core, Moment now);
  void UpdateRoutes(BrokerCore& core, Moment now);
  // A counter that follows a number which only grows.
  void Follow(const char* name, const char* help, const platform::MetricLabels& labels,
              std::uint64_t value);
  void Set(const char* name, const char* help, const platform::MetricLabels& labels, double value);
  // Gauges that Update did not set this time read zero.
  void ZeroTheRest();

  platform::MetricsRegistry* const registry_;
  platform::Histogram* const commit_seconds_;
  platform::Histogram* const commit_frames_;
  std::map<platform::Gauge*, bool> gauges_;  // set in this update
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_APP_BROKER_METRICS_H_
