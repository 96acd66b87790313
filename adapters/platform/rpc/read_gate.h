// When a stream may read its next message.
#ifndef YIZHAN_ADAPTERS_PLATFORM_RPC_READ_GATE_H_
#define YIZHAN_ADAPTERS_PLATFORM_RPC_READ_GATE_H_

#include "adapters/platform/rpc/message_stream.h"

namespace yizhan::platform {

// Guarded by its owner's mutex. Functions that return true oblige the caller
// to start a read (the gate is then in flight).
//
//   idle -> in flight -> delivering -> in flight ...
//                            '-> paused -> in flight
class ReadGate {
 public:
  bool Open() {
    if (state_ != State::kIdle) return false;
    state_ = State::kInFlight;
    return true;
  }
  void BeginDelivery() {
    state_ = State::kDelivering;
    resumed_early_ = false;
  }
  // A resume may overtake the return of the callback that asks for the pause.
  bool EndDelivery(Reading wish) {
    state_ = wish == Reading::kPause && !resumed_early_ ? State::kPaused : State::kInFlight;
    return state_ == State::kInFlight;
  }
  bool Resume() {
    if (state_ == State::kDelivering) resumed_early_ = true;
    if (state_ != State::kPaused) return false;
    state_ = State::kInFlight;
    return true;
  }
  void Stop() { state_ = State::kOver; }
  // A read or a delivery will still report.
  bool busy() const { return state_ == State::kInFlight || state_ == State::kDelivering; }
  bool over() const { return state_ == State::kOver; }

 private:
  enum class State { kIdle, kInFlight, kDelivering, kPaused, kOver };
  State state_ = State::kIdle;
  bool resumed_early_ = false;
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_RPC_READ_GATE_H_
