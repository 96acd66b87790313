#include "adapters/platform/metrics/metrics_server.h"

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "adapters/platform/metrics/metrics_impl.h"
#include "prometheus/exposer.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {

struct MetricsServer::Impl {
  explicit Impl(const std::string& address) : exposer(address, /*num_threads=*/2) {}
  prometheus::Exposer exposer;
};

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(MetricsRegistry* registry,
                                                                    absl::string_view address) {
  try {
    auto impl = std::make_unique<Impl>(std::string(address));
    impl->exposer.RegisterCollectable(registry->impl_);
    const std::vector<int> ports = impl->exposer.GetListeningPorts();
    if (ports.size() == 1) {
      return std::unique_ptr<MetricsServer>(
          new MetricsServer(std::move(impl), static_cast<std::uint16_t>(ports[0])));
    }
  } catch (const std::exception&) {
    // The library's text names its own options; ours below names the cause.
  }
  return contract::MakeError(
      v1::CONFIG_INVALID, v1::SIDE_MINE,
      absl::StrCat("metrics cannot be served on \"", address,
                   "\": the address is malformed, not of this machine, or taken"),
      "choose another metrics_listen (host:port), or stop the process that holds the port");
}

MetricsServer::MetricsServer(std::unique_ptr<Impl> impl, std::uint16_t port)
    : impl_(std::move(impl)), port_(port) {}
MetricsServer::~MetricsServer() = default;

}  // namespace yizhan::platform
