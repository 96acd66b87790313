// Metrics of the gateway.
#ifndef YIZHAN_PROVINCE_NODES_GATEWAY_GATEWAY_METRICS_H_
#define YIZHAN_PROVINCE_NODES_GATEWAY_GATEWAY_METRICS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "adapters/platform/metrics/metrics.h"
#include "yizhan/v1/error.pb.h"

namespace yizhan::node {

// Thread-safe. `registry` must outlive this object.
class GatewayMetrics {
 public:
  explicit GatewayMetrics(platform::MetricsRegistry* registry) : registry_(registry) {}

  // For GatewayRpc::Deps::on_answered: calls ended, by call and reason ("OK" or
  // the reason's name; CALLER_NOT_ALLOWED and CALLER_UNKNOWN are the refused).
  void Answered(absl::string_view call, v1::ErrorReason reason) {
    registry_
        ->AddCounter(
            "yizhan_gateway_calls_total",
            "Calls of provincial systems that ended, by call and reason.",
            {{"call", std::string(call)},
             {"reason",
              reason == v1::ERROR_REASON_UNSPECIFIED ? "OK" : v1::ErrorReason_Name(reason)}})
        ->Increment();
  }

 private:
  platform::MetricsRegistry* const registry_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_GATEWAY_GATEWAY_METRICS_H_
