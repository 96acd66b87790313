#include "adapters/platform/metrics/metrics_server.h"

#include <atomic>
#include <exception>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "adapters/platform/http/http_get.h"
#include "adapters/platform/metrics/metrics_impl.h"
#include "prometheus/exposer.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {

struct MetricsServer::Impl {
  explicit Impl(const std::string& address)
      : exposer(std::make_unique<prometheus::Exposer>(address, /*num_threads=*/2)) {}
  std::unique_ptr<prometheus::Exposer> exposer;
};

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(MetricsRegistry* registry,
                                                                    absl::string_view address) {
  try {
    auto impl = std::make_unique<Impl>(std::string(address));
    impl->exposer->RegisterCollectable(registry->impl_);
    const std::vector<int> ports = impl->exposer->GetListeningPorts();
    if (ports.size() == 1) {
      return std::unique_ptr<MetricsServer>(
          new MetricsServer(std::move(impl), std::string(address.substr(0, address.rfind(':'))),
                            static_cast<std::uint16_t>(ports[0])));
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

MetricsServer::MetricsServer(std::unique_ptr<Impl> impl, std::string host, std::uint16_t port)
    : impl_(std::move(impl)), host_(std::move(host)), port_(port) {}

// CivetWeb looks for its stop flag every two seconds, or when somebody
// connects: so somebody does until the server is gone.
MetricsServer::~MetricsServer() {
  std::atomic<bool> gone{false};
  std::thread waker([this, &gone] {
    while (!gone.load()) {
      // The answer takes a turn of the server's loop: no busy waiting.
      static_cast<void>(HttpGet(host_, port_, "/", absl::Milliseconds(50)));
    }
  });
  impl_->exposer.reset();
  gone.store(true);
  waker.join();
}

}  // namespace yizhan::platform
