// What our figures are compared with, measured in the same run.
#ifndef YIZHAN_TESTS_BENCH_PEERS_H_
#define YIZHAN_TESTS_BENCH_PEERS_H_

#include <cstddef>
#include <string>

#include "absl/time/time.h"

namespace yizhan::bench {

// Messages a second through a bidirectional stream and back (the answer is
// small): client and server in this process, our TLS and stream classes, and
// nothing signed, sealed or stored.
double GrpcEchoPerSecond(int messages_a_frame, std::size_t body_bytes, absl::Duration how_long);

// Values a second into a new store in `dir`, `batch` to a synced write.
double StorePerSecond(int batch, std::size_t value_bytes, absl::Duration how_long,
                      const std::string& dir);

}  // namespace yizhan::bench

#endif  // YIZHAN_TESTS_BENCH_PEERS_H_
