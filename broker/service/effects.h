// What a committed group of events lets out.
#ifndef YIZHAN_BROKER_SERVICE_EFFECTS_H_
#define YIZHAN_BROKER_SERVICE_EFFECTS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/exchange.pb.h"

namespace yizhan::broker {

// Given out by whoever owns the streams; never reused in the life of a core.
using StreamId = contract::Position<struct StreamTag>;

// Exactly one of the three is set.
struct Effect {
  StreamId stream;
  std::unique_ptr<v1::SubmitResponse> submit;
  std::unique_ptr<v1::ReceiveResponse> receive;
  // The stream ends with this; the core has forgotten it already.
  absl::Status close;
};

// A line for the log: events that an operator must see. Nothing personal.
struct LogLine {
  enum class Level { kInfo, kWarning, kSecurity };
  Level level = Level::kInfo;
  std::string text;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_EFFECTS_H_
