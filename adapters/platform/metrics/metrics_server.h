// Serves /metrics over HTTP.
#ifndef YIZHAN_ADAPTERS_PLATFORM_METRICS_METRICS_SERVER_H_
#define YIZHAN_ADAPTERS_PLATFORM_METRICS_METRICS_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "adapters/platform/metrics/metrics.h"

namespace yizhan::platform {

// Serves until destroyed. Scrapes are collected one at a time, so that a flood of
// them costs one thread.
class MetricsServer {
 public:
  // `address`: "127.0.0.1:9100"; port 0 takes any. `registry` must outlive the
  // server. CONFIG_INVALID where the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(MetricsRegistry* registry,
                                                              absl::string_view address);
  ~MetricsServer();
  std::uint16_t port() const { return port_; }

 private:
  struct Impl;
  MetricsServer(std::unique_ptr<Impl> impl, std::string host, std::uint16_t port);
  const std::unique_ptr<Impl> impl_;
  const std::string host_;
  const std::uint16_t port_;
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_METRICS_METRICS_SERVER_H_
