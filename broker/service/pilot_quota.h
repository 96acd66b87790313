// How many new cases a pilot has taken today.
#ifndef YIZHAN_BROKER_SERVICE_PILOT_QUOTA_H_
#define YIZHAN_BROKER_SERVICE_PILOT_QUOTA_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "broker/store/records.h"
#include "protos/contract/directory.h"
#include "protos/contract/envelope.h"

namespace yizhan::broker {

// One thread; what the pointers name must outlive this object.
class PilotQuota {
 public:
  explicit PilotQuota(Records* records) : records_(records) {}

  // Counts the message if it opens a case on a route in PILOT. QUOTA_EXCEEDED
  // (nothing counted) when the day's quota is used up; days are of Shanghai.
  absl::Status Take(const contract::DirectoryState& directory,
                    const contract::ParsedEnvelope& parsed, absl::Time now);

 private:
  Records* const records_;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_PILOT_QUOTA_H_
