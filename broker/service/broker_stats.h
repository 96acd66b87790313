// Numbers that the core counts for /metrics. Plain values; one thread.
#ifndef YIZHAN_BROKER_SERVICE_BROKER_STATS_H_
#define YIZHAN_BROKER_SERVICE_BROKER_STATS_H_

#include <cstdint>
#include <map>
#include <string>

#include "yizhan/v1/common.pb.h"
#include "yizhan/v1/error.pb.h"

namespace yizhan::broker {

// Since the start of the process.
struct BrokerStats {
  std::map<v1::Lane, std::uint64_t> accepted;
  std::map<v1::Lane, std::uint64_t> delivered;
  std::map<v1::Lane, std::uint64_t> notices;
  std::map<v1::Lane, std::uint64_t> duplicates;
  std::map<v1::Lane, std::uint64_t> redeliveries;
  // Refused by the broker at admission, by reason, final or not.
  std::map<v1::ErrorReason, std::uint64_t> refused;
  // Refused by recipients, by reason.
  std::map<v1::ErrorReason, std::uint64_t> refused_by_recipient;
  // Spoofed sources, conflicts, forged receipts, differing final records.
  std::map<v1::ErrorReason, std::uint64_t> security_events;
  std::uint64_t signatures = 0;  // asymmetric operations: one a batch
  std::uint64_t signature_failures = 0;
  std::uint64_t sessions_opened = 0;
  std::uint64_t sessions_fenced = 0;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_BROKER_STATS_H_
