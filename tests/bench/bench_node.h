// A durable node for measurements: the real core, loop, store and client; cases
// that only take messages in.
#ifndef YIZHAN_TESTS_BENCH_BENCH_NODE_H_
#define YIZHAN_TESTS_BENCH_BENCH_NODE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "protos/contract/ids.h"
#include "tools/yizhan/lab.h"

namespace yizhan::bench {

// Since the start of the node. Thread-safe.
struct NodeCounts {
  std::atomic<std::uint64_t> failed = 0;  // events; the first says why on stderr
  std::atomic<std::uint64_t> sealed = 0;
  std::atomic<std::uint64_t> signatures = 0;  // asymmetric operations: one a batch
  std::atomic<std::uint64_t> syncs = 0;
  std::atomic<std::uint64_t> accepted = 0;  // own messages with the broker's receipt
  std::atomic<std::uint64_t> done = 0;      // own messages with the recipient's receipt
  std::atomic<std::uint64_t> applied = 0;   // of others
};

// Methods from the one thread that owns it.
class BenchNode {
 public:
  // As the node of that province in the lab; its store is made in the lab.
  static absl::StatusOr<std::unique_ptr<BenchNode>> Start(const tools::Lab& lab,
                                                          contract::ProvinceCode province);
  ~BenchNode();

  // Has a session, and a directory of at least that many entries.
  bool Ready(std::uint64_t directory_size);
  // Hands the node `count` messages, each of a new case, in one event.
  void Send(contract::ProvinceCode to, std::uint64_t count, std::size_t body_bytes);
  const NodeCounts& counts() const;

 private:
  struct Parts;
  explicit BenchNode(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace yizhan::bench

#endif  // YIZHAN_TESTS_BENCH_BENCH_NODE_H_
