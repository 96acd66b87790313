// What a core counts, and what operators should know at once.
#ifndef YIZHAN_PROVINCE_NODES_STORE_STATISTICS_H_
#define YIZHAN_PROVINCE_NODES_STORE_STATISTICS_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/error.pb.h"

namespace yizhan::node {

// Something that should not happen between honest parties, or a decision that
// operators should know. `what` holds no personal data.
struct SecurityEvent {
  v1::ErrorReason reason = v1::ERROR_REASON_UNSPECIFIED;
  contract::ProvinceCode peer;  // invalid: the broker
  std::string what;
};

// Numbers of a core since its start, or as of now.
struct NodeStatistics {
  struct Waiting {
    std::uint64_t messages = 0;  // without a terminal record
    std::uint64_t unaccepted = 0;
    absl::Duration oldest_age;
  };
  std::map<contract::ProvinceCode, Waiting> outbox;  // by destination
  std::uint64_t inbox_held = 0;
  std::uint64_t applied = 0;
  std::uint64_t duplicates = 0;
  std::map<v1::ErrorReason, std::uint64_t> refused_by_me;  // final and not
  std::map<v1::ErrorReason, std::uint64_t> refused_by_others;
  std::uint64_t accepted = 0;
  std::uint64_t receipted = 0;
  std::uint64_t notices = 0;
  std::uint64_t tombstones = 0;
  std::uint64_t sealed_again = 0;
  std::uint64_t signature_failures = 0;
  std::uint64_t signing_operations = 0;
  std::map<v1::ErrorReason, std::uint64_t> security_events;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_STORE_STATISTICS_H_
