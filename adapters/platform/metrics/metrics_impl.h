// The registry's inside, shared with the server that exposes it.
#ifndef YIZHAN_ADAPTERS_PLATFORM_METRICS_METRICS_IMPL_H_
#define YIZHAN_ADAPTERS_PLATFORM_METRICS_METRICS_IMPL_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "adapters/platform/metrics/metrics.h"
#include "adapters/platform/mutex/mutex.h"
#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"
#include "prometheus/registry.h"

namespace yizhan::platform {

// Lock order: collect_mutex, then mutex.
struct MetricsRegistry::Impl final : public prometheus::Collectable {
  std::vector<prometheus::MetricFamily> Collect() const override;

  // The metric made before under this name and these labels, or null.
  template <typename Metric>
  using Made = std::map<std::pair<std::string, MetricLabels>, std::unique_ptr<Metric>>;
  struct FamilyInfo {
    std::string kind;
    std::string help;
  };
  // Ends the process where the name has another kind or help already.
  void CheckFamily(const std::string& name, const std::string& kind, const std::string& help)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

  mutable prometheus::Registry registry;  // safe by itself
  mutable Mutex collect_mutex;            // one collection at a time
  mutable Mutex mutex;
  std::map<std::string, FamilyInfo> families ABSL_GUARDED_BY(mutex);
  Made<Counter> counters ABSL_GUARDED_BY(mutex);
  Made<Gauge> gauges ABSL_GUARDED_BY(mutex);
  Made<Histogram> histograms ABSL_GUARDED_BY(mutex);
  std::vector<std::function<void()>> collectors ABSL_GUARDED_BY(mutex);
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_METRICS_METRICS_IMPL_H_
