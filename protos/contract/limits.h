// Named limits of the exchange (ARCHITECTURE.md, "Limits"). Sizes in bytes.
#ifndef YIZHAN_PROTOS_CONTRACT_LIMITS_H_
#define YIZHAN_PROTOS_CONTRACT_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace yizhan::contract {

inline constexpr std::uint32_t kFormatVersion = 1;
inline constexpr std::uint32_t kProtocolVersion = 1;

inline constexpr std::size_t kMaxBodyBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxHeaderAndSealBytes = 8 * 1024;
inline constexpr std::size_t kMaxBatchMessages = 256;
inline constexpr std::size_t kMaxBatchBytes = std::size_t{4} << 20;
inline constexpr std::size_t kMaxPathDepth = 16;
inline constexpr std::uint64_t kMaxLeafCount = std::uint64_t{1} << kMaxPathDepth;
inline constexpr std::size_t kMaxControlRecordBytes = 8 * 1024;
// A message that is returned to its sender is a control record with its body.
inline constexpr std::size_t kMaxReturnedRecordBytes =
    kMaxBodyBytes + 2 * kMaxHeaderAndSealBytes + 2 * kMaxControlRecordBytes;
// A batch, its headers, and one oversize body, so that oversize is answered
// in-band instead of by the transport.
inline constexpr std::size_t kMaxGrpcMessageBytes =
    kMaxBatchBytes + kMaxBatchMessages * (kMaxHeaderAndSealBytes + 2048) + 2 * kMaxBodyBytes;

inline constexpr absl::Duration kMaxClockSkew = absl::Minutes(5);
inline constexpr absl::Duration kDefaultMessageLife = absl::Hours(24 * 30);
inline constexpr absl::Duration kMinMessageLife = absl::Hours(1);
inline constexpr absl::Duration kMinTestMessageLife = absl::Seconds(1);
inline constexpr absl::Duration kMaxMessageLife = absl::Hours(24 * 90);
// Dedup memory is the message's life and this much more.
inline constexpr absl::Duration kDedupSlack = absl::Hours(24);
// A sender keeps a receipted message re-sendable for this long.
inline constexpr absl::Duration kResendableAfterReceipt = absl::Hours(24 * 7);
inline constexpr absl::Duration kEpochSecretLife = absl::Minutes(5);
inline constexpr absl::Duration kCertificationLife = absl::Hours(24 * 365);
// A route serves this long on keys that no test has shown to work.
inline constexpr absl::Duration kKeyChangeGrace = absl::Hours(24 * 14);

inline constexpr std::uint64_t kDefaultMailboxMessages = 1'000'000;  // per (source, destination)
inline constexpr std::uint64_t kDefaultMailboxBytes = std::uint64_t{8} << 30;
inline constexpr absl::Duration kDefaultLease = absl::Seconds(30);
inline constexpr std::uint32_t kDefaultParkAfterAttempts = 20;
inline constexpr std::uint32_t kDefaultAsymmetricPerSecond = 2000;
inline constexpr std::uint64_t kDefaultCreditMessages = 1024;
inline constexpr std::uint64_t kDefaultCreditBytes = std::uint64_t{32} << 20;
inline constexpr absl::Duration kDefaultRetention =
    absl::Hours(24 * 190);  // six months and a margin

static_assert(kMaxBodyBytes + kMaxHeaderAndSealBytes < kMaxBatchBytes);
static_assert(kDefaultCreditBytes >= kMaxBatchBytes);
static_assert(kMinMessageLife < kDefaultMessageLife && kDefaultMessageLife < kMaxMessageLife);

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_LIMITS_H_
