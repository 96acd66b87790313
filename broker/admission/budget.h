// How much asymmetric work one source may cause.
#ifndef YIZHAN_BROKER_ADMISSION_BUDGET_H_
#define YIZHAN_BROKER_ADMISSION_BUDGET_H_

#include <algorithm>
#include <cstdint>
#include <map>

#include "absl/time/time.h"
#include "protos/contract/ids.h"

namespace yizhan::broker {

// Token buckets, one a province; a burst of two seconds' worth. One thread.
class Budget {
 public:
  explicit Budget(std::uint32_t per_second) : per_second_(per_second) {}

  // True and taken, or false and nothing changed.
  bool TryTake(contract::ProvinceCode who, absl::Duration monotonic) {
    double& left = Refilled(who, monotonic);
    if (left < 1) return false;
    left -= 1;
    return true;
  }
  // Taken also where nothing is left; false once the debt passes a full bucket.
  bool Charge(contract::ProvinceCode who, absl::Duration monotonic) {
    double& left = Refilled(who, monotonic);
    left = std::max(left - 1, -Full() - 1);
    return left >= -Full();
  }

 private:
  struct Bucket {
    double left;
    absl::Duration at;
  };
  double Full() const { return 2.0 * per_second_; }
  double& Refilled(contract::ProvinceCode who, absl::Duration monotonic) {
    Bucket& bucket = buckets_.try_emplace(who, Bucket{Full(), monotonic}).first->second;
    const double passed = absl::ToDoubleSeconds(monotonic - bucket.at);
    bucket.left = std::min(Full(), bucket.left + std::max(0.0, passed) * per_second_);
    bucket.at = monotonic;
    return bucket.left;
  }

  const std::uint32_t per_second_;
  std::map<contract::ProvinceCode, Bucket> buckets_;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_ADMISSION_BUDGET_H_
