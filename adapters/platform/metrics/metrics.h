// Counters, gauges and histograms for Prometheus.
#ifndef YIZHAN_ADAPTERS_PLATFORM_METRICS_METRICS_H_
#define YIZHAN_ADAPTERS_PLATFORM_METRICS_METRICS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace yizhan::platform {

// All three: any thread; they live as long as their registry.
class Counter {
 public:
  explicit Counter(prometheus::Counter* impl) : impl_(impl) {}
  void Increment(double by = 1);  // by >= 0
  double Value() const;

 private:
  prometheus::Counter* const impl_;
};

class Gauge {
 public:
  explicit Gauge(prometheus::Gauge* impl) : impl_(impl) {}
  void Set(double value);
  void Add(double by);
  double Value() const;

 private:
  prometheus::Gauge* const impl_;
};

class Histogram {
 public:
  explicit Histogram(prometheus::Histogram* impl) : impl_(impl) {}
  void Observe(double value);

 private:
  prometheus::Histogram* const impl_;
};

using MetricLabels = std::map<std::string, std::string>;

// Makes metrics, and finds them again: the same name and labels give the same
// object. Any thread. Make them once and keep the pointer where it is hot.
//
// 1. Names end in their base unit (_seconds, _bytes), counters in _total.
// 2. A name has one kind and one help text; anything else ends the process,
//    as does a name or label that Prometheus does not take.
// 3. Labels never carry ID numbers, case numbers or names.
class MetricsRegistry {
 public:
  MetricsRegistry();
  ~MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  Counter* AddCounter(absl::string_view name, absl::string_view help,
                      const MetricLabels& labels = {});
  Gauge* AddGauge(absl::string_view name, absl::string_view help, const MetricLabels& labels = {});
  // `bounds`: upper bounds, rising; the last bucket (+Inf) is added.
  Histogram* AddHistogram(absl::string_view name, absl::string_view help,
                          const std::vector<double>& bounds, const MetricLabels& labels = {});

  // Called before every collection, one at a time, on the thread that collects
  // (a scrape's); sets gauges. What it captures must outlive the collecting:
  // stop the MetricsServer first.
  void AddCollector(std::function<void()> collect);

  // The Prometheus text format.
  std::string Collect();

 private:
  friend class MetricsServer;
  struct Impl;
  const std::shared_ptr<Impl> impl_;
};

// 1 ms to about 16 s, doubling.
std::vector<double> LatencyBuckets();
// 1 to 1024, doubling.
std::vector<double> CountBuckets();

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_METRICS_METRICS_H_
