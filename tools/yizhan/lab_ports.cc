#include "tools/yizhan/lab_ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"

namespace yizhan::tools {
namespace {

constexpr int kLowestPort = 20000;
constexpr int kHighestPort = 32000;  // Linux gives 32768 and more to outgoing connections
constexpr int kAttempts = 500;

bool IsFree(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool free = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
                    listen(fd, 1) == 0;
  close(fd);
  return free;
}

// The first port of the block that is taken; 0 where all are free.
int FirstTaken(int base, int count) {
  for (int port = base; port < base + count; ++port) {
    if (!IsFree(port)) return port;
  }
  return 0;
}

}  // namespace

absl::StatusOr<std::uint16_t> FreePorts(std::uint16_t wanted, int count, contract::Random& random) {
  if (wanted != 0) {
    if (wanted + count > 65536) {
      return contract::MakeError(
          v1::CONFIG_INVALID, v1::SIDE_MINE,
          absl::StrCat("From port ", wanted, " on there are no ", count, " ports."),
          absl::StrCat("Use a base port of at most ", 65536 - count, "."));
    }
    if (const int taken = FirstTaken(wanted, count); taken != 0) {
      return contract::MakeError(
          v1::CONFIG_INVALID, v1::SIDE_MINE,
          absl::StrCat("Port ", taken,
                       " on 127.0.0.1 is in use (or needs rights); the network needs ", wanted,
                       " to ", wanted + count - 1, "."),
          "Choose another --base-port, or leave it out: free ports are then found.");
    }
    return wanted;
  }
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::uint32_t draw = 0;
    std::memcpy(&draw, random.Bytes(sizeof(draw)).data(), sizeof(draw));
    const int base = kLowestPort + static_cast<int>(draw % (kHighestPort - kLowestPort - count));
    if (FirstTaken(base, count) == 0) return static_cast<std::uint16_t>(base);
  }
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                             absl::StrCat("No ", count, " neighbouring free ports between ",
                                          kLowestPort, " and ", kHighestPort, "."),
                             "End other networks on this machine, or give --base-port.");
}

}  // namespace yizhan::tools
