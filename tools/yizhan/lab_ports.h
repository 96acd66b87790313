// Free TCP ports for a lab.
#ifndef YIZHAN_TOOLS_YIZHAN_LAB_PORTS_H_
#define YIZHAN_TOOLS_YIZHAN_LAB_PORTS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "protos/contract/crypto.h"

namespace yizhan::tools {

// First of `count` neighbouring ports that nobody uses on 127.0.0.1.
// `wanted` 0: any, below those that the system gives to outgoing connections,
// which might take one before the servers start. Otherwise exactly from there
// on; CONFIG_INVALID naming the port that is taken.
absl::StatusOr<std::uint16_t> FreePorts(std::uint16_t wanted, int count, contract::Random& random);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_YIZHAN_LAB_PORTS_H_
