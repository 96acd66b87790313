// Proof at start that a server refuses old TLS.
#ifndef YIZHAN_ADAPTERS_PLATFORM_RPC_TLS_PROBE_H_
#define YIZHAN_ADAPTERS_PLATFORM_RPC_TLS_PROBE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace yizhan::platform {

enum class TlsVersion { k12, k13 };
enum class TlsAnswer {
  kUnreachable,  // no connection
  kRefused,      // the server ended the handshake before it showed its certificate
  kSpoken,       // the server went along with this version
};

// Begins a handshake of this version alone with "host:port", without a client
// certificate. Blocks until the server answers (its handshake timeout at most).
TlsAnswer ProbeTls(const std::string& address, TlsVersion version);

// Where a server that listens there is reached on this machine.
std::string ReachableAddress(absl::string_view listen, int port);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_RPC_TLS_PROBE_H_
