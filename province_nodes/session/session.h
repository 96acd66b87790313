// The life of a node's session with the broker, as a state machine.
#ifndef YIZHAN_PROVINCE_NODES_SESSION_SESSION_H_
#define YIZHAN_PROVINCE_NODES_SESSION_SESSION_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "protos/contract/crypto.h"
#include "yizhan/v1/exchange.pb.h"

namespace yizhan::node {

// One thread (the core's). `random` must outlive this object.
//  1. At most one attempt or session at a time.
//  2. After SESSION_FENCED nothing is opened until Resume: another process of
//     the province is active, and two would fight for ever.
//     The same after RESTORED, until Recovered.
//  3. Attempts are spaced by backoff with jitter, from 0.2 to 10 seconds; a
//     session that the broker no longer knows is opened again at once.
class Session {
 public:
  enum class State { kDown, kOpening, kOpen, kFenced, kRestored };

  explicit Session(contract::Random* random) : random_(random) {}

  // True once whenever an attempt is due; the caller then opens.
  bool WantsToOpen(absl::Time now);
  // CLOCK_SKEW (both clocks named) where the broker's clock is too far away;
  // the session is then down.
  absl::Status Opened(const v1::OpenSessionResponse& response, absl::Time now);
  void Disconnected(const absl::Status& why, absl::Time now);
  void Resume();
  // The store is behind what the broker saw of it: down until Recovered.
  void StayDown(const absl::Status& restored);
  void Recovered();

  State state() const { return state_; }
  bool open() const { return state_ == State::kOpen; }
  std::uint64_t number() const { return number_; }
  absl::Duration clock_offset() const { return clock_offset_; }  // broker's minus ours
  const std::string& last_error() const { return last_error_; }
  std::uint64_t sessions_opened() const { return sessions_opened_; }

 private:
  void ScheduleRetry(absl::Time now, bool at_once);

  contract::Random* const random_;
  State state_ = State::kDown;
  std::uint64_t number_ = 0;
  std::uint64_t sessions_opened_ = 0;
  std::uint32_t failures_ = 0;
  absl::Time next_attempt_ = absl::InfinitePast();
  absl::Duration clock_offset_;
  std::string last_error_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_SESSION_SESSION_H_
