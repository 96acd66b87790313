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

  bool Has(contract::ProvinceCode who, absl::Duration monotonic) {
    return Refilled(who, monotonic) >= 1;
  }
  // May go into debt, by a full bucket at most.
  bool MayOwe(contract::ProvinceCode who, absl::Duration monotonic) {
    return Refilled(who, monotonic) > -Full();
  }
  void Take(contract::ProvinceCode who, absl::Duration monotonic) {
    double& left = Refilled(who, monotonic);
    left = std::max(left - 1, -Full());
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
