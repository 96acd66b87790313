// A GET of one small page, for reading /metrics on this machine.
#ifndef YIZHAN_ADAPTERS_PLATFORM_HTTP_HTTP_GET_H_
#define YIZHAN_ADAPTERS_PLATFORM_HTTP_HTTP_GET_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace yizhan::platform {

struct HttpResponse {
  int code = 0;
  std::string body;
};

// Blocks for `timeout` at most. `host` is an IPv4 address or a name that
// resolves without a network. At most 16 MiB. UNAVAILABLE where nothing
// listens, DEADLINE_EXCEEDED, DATA_LOSS for what is not HTTP.
absl::StatusOr<HttpResponse> HttpGet(absl::string_view host, std::uint16_t port,
                                     absl::string_view path, absl::Duration timeout);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_HTTP_HTTP_GET_H_
