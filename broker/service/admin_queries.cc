// BrokerCore for operators: what lies where, and what to do with parked messages.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/service/broker_core.h"
#include "broker/service/core_state.h"
#include "broker/service/sweeper.h"
#include "protos/contract/errors.h"

namespace yizhan::broker {
namespace {

constexpr int kMaxParkedListed = 10'000;

absl::Status NotParked(std::uint32_t province, std::uint64_t position) {
  return contract::MakeError(
      v1::NOT_FOUND, v1::SIDE_MINE,
      absl::StrCat("no parked message at position ", position, " of the mailbox of ", province),
      "List parked messages for the positions that there are.");
}

v1::ParkedMessage Describe(contract::MailboxPosition position, const stored::StoredPlace& place) {
  v1::ParkedMessage out;
  out.set_position(position.value());
  *out.mutable_message() = place.message();
  out.set_kind(place.kind());
  out.set_attempts(place.attempts());
  out.set_accepted_unix_us(place.accepted_unix_us());
  out.set_expires_unix_us(place.expires_unix_us());
  out.set_cause(place.parked_cause());
  return out;
}

BoxKey BusinessBox(std::uint32_t province) {
  return {v1::LANE_BUSINESS, contract::ProvinceCode(province), contract::RunId()};
}

}  // namespace

v1::ListMailboxesResponse BrokerCore::ListMailboxes(Moment now) {
  CoreState& state = *state_;
  // By province and lane: runs of the TEST lane together.
  std::map<std::pair<contract::ProvinceCode, v1::Lane>, v1::MailboxInfo> infos;
  for (const contract::ProvinceCode province : directory().Members()) {
    infos[{province, v1::LANE_BUSINESS}];
  }
  std::vector<BoxKey> boxes;
  for (const auto& [box, head] : state.boxes.all()) boxes.push_back(box);
  for (const BoxKey& box : boxes) {
    v1::MailboxInfo& info = infos[{box.province, box.lane}];
    if (const auto oldest = state.mailboxes.Oldest(box)) {
      const std::int64_t age = absl::ToInt64Milliseconds(now.wall - *oldest);
      info.set_oldest_age_ms(std::max({info.oldest_age_ms(), age, std::int64_t{0}}));
    }
    const stored::StoredBox& head = *state.boxes.Find(box);
    const stored::StoredUse use = TotalUse(head);
    info.set_messages(info.messages() + use.messages());
    info.set_bytes(info.bytes() + use.bytes());
    info.set_parked(info.parked() + head.parked());
    info.set_control_records(info.control_records() + state.controls.Waiting(box));
    if (const Dispatcher* dispatcher = state.FindDispatcher(box)) {
      info.set_leased(info.leased() + dispatcher->leased());
    }
  }
  for (const auto& [number, session] : state.sessions.all()) {
    v1::MailboxInfo& info = infos[{session.box.province, session.box.lane}];
    info.set_session_active(true);
    info.set_session_number(number.value());
  }
  v1::ListMailboxesResponse response;
  for (auto& [key, info] : infos) {
    info.set_province(key.first.value());
    info.set_lane(key.second);
    *response.add_mailboxes() = std::move(info);
  }
  return response;
}

absl::StatusOr<v1::TraceMessageResponse> BrokerCore::TraceMessage(
    const v1::TraceMessageRequest& request) {
  v1::TraceMessageResponse response;
  std::vector<v1::TraceStep> steps;
  if (const auto id = contract::MessageId::From(request.message_id())) {
    steps = state_->evidence.OfMessage(*id);
  } else if (const auto digest = contract::Digest::From(request.header_digest())) {
    steps = state_->evidence.OfHeader(*digest);
  } else {
    return contract::MakeError(v1::REQUEST_MALFORMED, v1::SIDE_MINE,
                               "message_id must have 16 bytes, or header_digest 32",
                               "Set one of the two.");
  }
  if (steps.empty()) {
    return contract::MakeError(v1::NOT_FOUND, v1::SIDE_MINE,
                               "the evidence log has nothing of this message",
                               "Ask the sender's node whether the message has left it.");
  }
  for (v1::TraceStep& step : steps) *response.add_steps() = std::move(step);
  return response;
}

v1::ListParkedResponse BrokerCore::ListParked(const v1::ListParkedRequest& request) {
  v1::ListParkedResponse response;
  for (const auto& [box, head] : state_->boxes.all()) {
    const bool asked = request.province() == 0 || request.province() == box.province.value();
    if (!asked || box.lane != v1::LANE_BUSINESS || head.parked() == 0) continue;
    for (const contract::MailboxPosition position : state_->mailboxes.Parked(box)) {
      if (response.messages_size() == kMaxParkedListed) return response;
      if (const auto place = state_->mailboxes.Read(box, position)) {
        *response.add_messages() = Describe(position, *place);
      }
    }
  }
  return response;
}

absl::StatusOr<v1::ReplayParkedResponse> BrokerCore::ReplayParked(
    const v1::ReplayParkedRequest& request) {
  const BoxKey box = BusinessBox(request.province());
  v1::ReplayParkedResponse response;
  for (const std::uint64_t number : request.positions()) {
    const contract::MailboxPosition position(number);
    const auto place = state_->mailboxes.Read(box, position);
    if (!place || !place->parked()) return NotParked(request.province(), number);
  }
  for (const std::uint64_t number : request.positions()) {
    const contract::MailboxPosition position(number);
    const auto place = state_->mailboxes.Read(box, position);
    if (!place || !place->parked()) continue;  // named twice
    state_->mailboxes.Unpark(box, position, *place);
    state_->DispatcherOf(box).OnReady(position);
    response.set_replayed(response.replayed() + 1);
  }
  return response;
}

absl::Status BrokerCore::DiscardParked(const v1::DiscardParkedRequest& request,
                                       v1::DiscardParkedResponse* response, Moment now) {
  if (request.reason().empty() || request.officer().number().empty()) {
    return contract::MakeError(v1::REQUEST_MALFORMED, v1::SIDE_MINE,
                               "reason and officer.number must be set to discard a message",
                               "Say why, and who decided it.");
  }
  const contract::MailboxPosition position(request.position());
  const auto place = state_->mailboxes.Read(BusinessBox(request.province()), position);
  if (!place || !place->parked()) return NotParked(request.province(), request.position());
  const auto identity = contract::IdentityOf(place->message());
  stored::StoredKnown known;
  if (!identity.ok() || !state_->records.Read(IdentityKey(*identity, 'd'), &known)) {
    state_->records.Fail(absl::DataLossError("a parked message has lost its dedup record"));
    return state_->records.status();
  }
  state_->Log(
      LogLine::Level::kWarning,
      absl::StrCat("parked message at position ", position.value(), " of mailbox ",
                   request.province(), " discarded by officer ", request.officer().number()));
  EndByNotice(*state_, *identity, std::move(known), *place, v1::NOTICE_DISCARDED, request.reason(),
              response->mutable_notice(), now);
  return absl::OkStatus();
}

v1::ListRoutesResponse BrokerCore::ListRoutes(Moment now) {
  v1::ListRoutesResponse response;
  for (const auto& [key, unused] : directory().routes()) {
    *response.add_routes() = contract::DescribeRoute(key, directory().Route(key, now.wall));
  }
  *response.mutable_head() = directory().head();
  return response;
}

v1::CountMessagesResponse BrokerCore::CountMessages() {
  v1::CountMessagesResponse response;
  for (v1::MessageCount& count : state_->evidence.Counts()) {
    *response.add_counts() = std::move(count);
  }
  *response.mutable_log_checkpoint() = state_->evidence.checkpoint();
  for (const auto& [log_id, earlier] : state_->evidence.earlier()) {
    *response.add_earlier_logs() = earlier;
  }
  return response;
}

}  // namespace yizhan::broker
