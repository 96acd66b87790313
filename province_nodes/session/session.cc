#include "province_nodes/session/session.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"

namespace yizhan::node {
namespace {

constexpr absl::Duration kFirstBackoff = absl::Milliseconds(200);
constexpr absl::Duration kLongestBackoff = absl::Seconds(10);
constexpr std::uint32_t kMaxDoublings = 8;

}  // namespace

bool Session::WantsToOpen(absl::Time now) {
  if (state_ != State::kDown || now < next_attempt_) return false;
  state_ = State::kOpening;
  return true;
}

absl::Status Session::Opened(const v1::OpenSessionResponse& response, absl::Time now) {
  clock_offset_ = absl::FromUnixMicros(response.now_unix_us()) - now;
  if (absl::AbsDuration(clock_offset_) > contract::kMaxClockSkew) {
    absl::Status skew = contract::MakeError(
        v1::CLOCK_SKEW, v1::SIDE_MINE,
        absl::StrCat(
            "This node's clock reads ", absl::FormatTime(now, absl::UTCTimeZone()),
            ", the broker's ",
            absl::FormatTime(absl::FromUnixMicros(response.now_unix_us()), absl::UTCTimeZone())),
        "Set the clock of the side that is wrong; the limit is 5 minutes.");
    Disconnected(skew, now);
    return skew;
  }
  state_ = State::kOpen;
  number_ = response.session_number();
  ++sessions_opened_;
  failures_ = 0;
  last_error_.clear();
  return absl::OkStatus();
}

void Session::Disconnected(const absl::Status& why, absl::Time now) {
  last_error_ = std::string(why.message());
  const v1::ErrorReason reason = why.ok() ? v1::ERROR_REASON_UNSPECIFIED : contract::ReasonOf(why);
  if (reason == v1::SESSION_FENCED) {
    state_ = State::kFenced;
    return;
  }
  if (reason == v1::RESTORED) {
    state_ = State::kRestored;
    return;
  }
  if (state_ == State::kFenced || state_ == State::kRestored) return;
  const bool was_open = state_ == State::kOpen;
  state_ = State::kDown;
  ScheduleRetry(now, was_open && reason == v1::SESSION_UNKNOWN);
}

void Session::StayDown(const absl::Status& restored) {
  last_error_ = std::string(restored.message());
  state_ = State::kRestored;
}

void Session::Recovered() {
  state_ = State::kDown;
  last_error_.clear();
  next_attempt_ = absl::InfinitePast();
  failures_ = 0;
}

void Session::Resume() {
  if (state_ != State::kFenced) return;
  state_ = State::kDown;
  next_attempt_ = absl::InfinitePast();
  failures_ = 0;
}

void Session::ScheduleRetry(absl::Time now, bool at_once) {
  if (at_once) {
    next_attempt_ = now;
    return;
  }
  const absl::Duration full = std::min(
      kFirstBackoff * (std::int64_t{1} << std::min(failures_, kMaxDoublings)), kLongestBackoff);
  ++failures_;
  // Between half and the whole, so that nodes do not come back all at once.
  const auto byte = static_cast<unsigned char>(random_->Bytes(1)[0]);
  next_attempt_ = now + full / 2 + full / 2 * (byte / 255.0);
}

}  // namespace yizhan::node
