// A network for measurements: a lab whose routes are open from its beginning,
// and a broker process on it.
#ifndef YIZHAN_TESTS_BENCH_BENCH_NETWORK_H_
#define YIZHAN_TESTS_BENCH_BENCH_NETWORK_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/demo/child_process.h"
#include "tools/yizhan/lab.h"

namespace yizhan::bench {

using Pairs = std::vector<std::pair<contract::ProvinceCode, contract::ProvinceCode>>;

// One thread. Ends its broker, and removes its folder.
class BenchNetwork {
 public:
  // Provinces 11 to 10 + `provinces` (fictional ones among them). Only here,
  // where all keys lie, can link reports be signed that no test made.
  static absl::StatusOr<std::unique_ptr<BenchNetwork>> Make(const std::string& dir, int provinces,
                                                            const Pairs& routes);
  ~BenchNetwork();

  const tools::Lab& lab() const { return lab_; }
  absl::Status StartBroker(const std::string& program);
  // SIGTERM; an empty text, or how it ended badly.
  void StopBroker();
  pid_t broker_pid() const { return broker_->pid(); }
  // Of the broker's process: CPU seconds used so far, resident bytes (now, and most).
  double BrokerCpuSeconds() const;
  double BrokerResidentMiB() const;
  double BrokerPeakMiB() const;

 private:
  explicit BenchNetwork(std::string dir) : dir_(std::move(dir)) {}
  absl::Status Init(int provinces);
  absl::Status OpenRoutes(const Pairs& routes);

  const std::string dir_;
  tools::Lab lab_;
  std::unique_ptr<tools::ChildProcess> broker_;
};

}  // namespace yizhan::bench

#endif  // YIZHAN_TESTS_BENCH_BENCH_NETWORK_H_
