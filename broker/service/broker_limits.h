// What an operator of the broker may set (BrokerConfig.limits).
#ifndef YIZHAN_BROKER_SERVICE_BROKER_LIMITS_H_
#define YIZHAN_BROKER_SERVICE_BROKER_LIMITS_H_

#include <cstdint>

#include "absl/time/time.h"
#include "protos/contract/limits.h"

namespace yizhan::broker {

struct BrokerLimits {
  // Messages and bytes that may wait per (source, destination). Beyond: QUOTA_EXCEEDED.
  std::uint64_t mailbox_messages = contract::kDefaultMailboxMessages;
  std::uint64_t mailbox_bytes = contract::kDefaultMailboxBytes;
  // A delivery without receipt is repeated after this. Longer where recipients
  // are slow; after a crash of the broker all leases are void.
  absl::Duration lease = contract::kDefaultLease;
  // Leases that run out until a message is parked.
  std::uint32_t park_after_attempts = contract::kDefaultParkAfterAttempts;
  // Asymmetric verifications per source and second; twice as many in a burst.
  std::uint32_t asymmetric_per_second = contract::kDefaultAsymmetricPerSecond;
  // New messages are refused (STORAGE_FULL) below this many free bytes.
  std::uint64_t disk_reserve_bytes = std::uint64_t{1} << 30;
  // Headers and receipts stay for this long after acceptance.
  absl::Duration retention = contract::kDefaultRetention;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_BROKER_LIMITS_H_
