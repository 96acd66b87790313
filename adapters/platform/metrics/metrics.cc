#include "adapters/platform/metrics/metrics.h"

#include <algorithm>
#include <cstdlib>
#include <exception>

#include "absl/strings/str_cat.h"
#include "adapters/platform/log/log.h"
#include "adapters/platform/metrics/metrics_impl.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/text_serializer.h"

namespace yizhan::platform {
namespace {

[[noreturn]] void Die(absl::string_view name, absl::string_view problem) {
  LogError("metrics", "a metric is declared wrongly", {{"name", name}, {"problem", problem}});
  std::abort();
}

// `add` calls prometheus-cpp, which throws on names and labels that it does
// not take.
template <typename Metric, typename MadeMap, typename Add>
Metric* FindOrAdd(MadeMap* made, const std::string& name, const MetricLabels& labels, Add add) {
  std::unique_ptr<Metric>& slot = (*made)[{name, labels}];
  if (slot == nullptr) {
    try {
      slot = std::make_unique<Metric>(&add());
    } catch (const std::exception& e) {
      Die(name, e.what());
    }
  }
  return slot.get();
}

}  // namespace

void Counter::Increment(double by) { impl_->Increment(by); }
double Counter::Value() const { return impl_->Value(); }
void Gauge::Set(double value) { impl_->Set(value); }
void Gauge::Add(double by) { impl_->Increment(by); }
double Gauge::Value() const { return impl_->Value(); }
void Histogram::Observe(double value) { impl_->Observe(value); }

void MetricsRegistry::Impl::CheckFamily(const std::string& name, const std::string& kind,
                                        const std::string& help) {
  const auto [it, is_new] = families.try_emplace(name, FamilyInfo{kind, help});
  if (is_new) return;
  if (it->second.kind != kind) Die(name, absl::StrCat("it is already a ", it->second.kind));
  if (it->second.help != help) Die(name, "it has another help text already");
}

std::vector<prometheus::MetricFamily> MetricsRegistry::Impl::Collect() const {
  MutexLock one_at_a_time(&collect_mutex);
  std::vector<std::function<void()>> run;
  {
    MutexLock lock(&mutex);
    run = collectors;
  }
  for (const auto& collect : run) collect();
  std::vector<prometheus::MetricFamily> collected = registry.Collect();
  // The library keeps them in hash tables; people compare pages.
  std::sort(collected.begin(), collected.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  for (prometheus::MetricFamily& family : collected) {
    std::sort(family.metric.begin(), family.metric.end(),
              [](const auto& a, const auto& b) { return a.label < b.label; });
  }
  return collected;
}

MetricsRegistry::MetricsRegistry() : impl_(std::make_shared<Impl>()) {}
MetricsRegistry::~MetricsRegistry() = default;

Counter* MetricsRegistry::AddCounter(absl::string_view name, absl::string_view help,
                                     const MetricLabels& labels) {
  const std::string key(name);
  MutexLock lock(&impl_->mutex);
  impl_->CheckFamily(key, "counter", std::string(help));
  return FindOrAdd<Counter>(&impl_->counters, key, labels, [&]() -> prometheus::Counter& {
    return prometheus::BuildCounter()
        .Name(key)
        .Help(std::string(help))
        .Register(impl_->registry)
        .Add(labels);
  });
}

Gauge* MetricsRegistry::AddGauge(absl::string_view name, absl::string_view help,
                                 const MetricLabels& labels) {
  const std::string key(name);
  MutexLock lock(&impl_->mutex);
  impl_->CheckFamily(key, "gauge", std::string(help));
  return FindOrAdd<Gauge>(&impl_->gauges, key, labels, [&]() -> prometheus::Gauge& {
    return prometheus::BuildGauge()
        .Name(key)
        .Help(std::string(help))
        .Register(impl_->registry)
        .Add(labels);
  });
}

Histogram* MetricsRegistry::AddHistogram(absl::string_view name, absl::string_view help,
                                         const std::vector<double>& bounds,
                                         const MetricLabels& labels) {
  const std::string key(name);
  MutexLock lock(&impl_->mutex);
  impl_->CheckFamily(key, "histogram", std::string(help));
  return FindOrAdd<Histogram>(&impl_->histograms, key, labels, [&]() -> prometheus::Histogram& {
    return prometheus::BuildHistogram()
        .Name(key)
        .Help(std::string(help))
        .Register(impl_->registry)
        .Add(labels, bounds);
  });
}

void MetricsRegistry::AddCollector(std::function<void()> collect) {
  MutexLock lock(&impl_->mutex);
  impl_->collectors.push_back(std::move(collect));
}

std::string MetricsRegistry::Collect() {
  return prometheus::TextSerializer().Serialize(impl_->Collect());
}

std::vector<double> LatencyBuckets() {
  std::vector<double> bounds;
  for (double bound = 0.001; bound < 20; bound *= 2) bounds.push_back(bound);
  return bounds;
}

std::vector<double> CountBuckets() {
  std::vector<double> bounds;
  for (double bound = 1; bound <= 1024; bound *= 2) bounds.push_back(bound);
  return bounds;
}

}  // namespace yizhan::platform
