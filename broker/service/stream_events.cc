#include "broker/service/stream_events.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/service/receive_handler.h"
#include "broker/service/session_events.h"
#include "broker/service/submit_handler.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"

namespace yizhan::broker {
namespace {

constexpr std::size_t kMaxSubmitStreams = 4;  // of one session

absl::Status Malformed(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::STREAM_MALFORMED, v1::SIDE_MINE, what, next_step);
}

absl::Status NoHello() {
  return Malformed("the first frame of a stream is not a hello",
                   "Send StreamHello alone in the first frame.");
}

absl::Status SecondHello() {
  return Malformed("a second hello on one stream", "Open a new stream for a new session.");
}

void SendSubmit(CoreState& state, StreamId stream, std::unique_ptr<v1::SubmitResponse> response) {
  Effect effect;
  effect.stream = stream;
  effect.submit = std::move(response);
  state.effects.push_back(std::move(effect));
}

void ConfirmSession(CoreState& state, const Session& session) {
  if (session.box.lane != v1::LANE_BUSINESS) return;
  state.progresses.SawSession(session.box.province, session.number);
}

void BeginSubmit(CoreState& state, StreamId stream, const BrokerCore::Caller& caller,
                 const v1::SubmitRequest& request) {
  if (!request.has_hello()) return CloseStream(state, stream, NoHello());
  absl::StatusOr<Session*> session = FindForHello(state, caller, request.hello());
  if (!session.ok()) return CloseStream(state, stream, session.status());
  if ((*session)->submits.size() >= kMaxSubmitStreams) {
    return CloseStream(state, stream,
                       Malformed("the session has too many Submit streams",
                                 "Close a stream before opening another."));
  }
  ConfirmSession(state, **session);
  (*session)->submits.insert(stream);
  state.sessions.Bind(stream, **session);
  auto response = std::make_unique<v1::SubmitResponse>();
  v1::DestinationCredit* credit = response->add_credits();
  credit->set_messages(contract::kDefaultCreditMessages);
  credit->set_bytes(contract::kDefaultCreditBytes);
  SendSubmit(state, stream, std::move(response));
}

void BeginReceive(CoreState& state, StreamId stream, const BrokerCore::Caller& caller,
                  const v1::ReceiveRequest& request) {
  if (!request.has_hello()) return CloseStream(state, stream, NoHello());
  absl::StatusOr<Session*> found = FindForHello(state, caller, request.hello());
  if (!found.ok()) return CloseStream(state, stream, found.status());
  Session& session = **found;
  if (session.receive) {
    CloseStream(state, session.receive->id,
                Malformed("the session opened another Receive stream",
                          "Use the newer stream; one session has one."));
  }
  ConfirmSession(state, session);
  // A cursor beyond ours was given out by a store that is lost.
  contract::ControlCursor cursor(request.hello().control_cursor());
  if (cursor > state.controls.Last(session.box)) cursor = contract::ControlCursor();
  state.controls.Acknowledge(session.box, cursor);
  session.receive = ReceiveStream{stream, Credit(), cursor, {}, 0, 0};
  state.sessions.Bind(stream, session);
  state.DispatcherOf(session.box).ReleaseAll();
}

}  // namespace

void OnSubmitFrame(CoreState& state, StreamId stream, const BrokerCore::Caller& caller,
                   const v1::SubmitRequest& request, Moment now) {
  Session* session = state.sessions.OfStream(stream);
  if (session == nullptr) return BeginSubmit(state, stream, caller, request);
  if (absl::Status s = CheckCaller(state, caller, *session); !s.ok()) {
    return CloseStream(state, stream, s);
  }
  if (!request.has_batch()) return CloseStream(state, stream, SecondHello());
  const auto items = static_cast<std::size_t>(request.batch().items_size());
  if (items > contract::kMaxBatchMessages) {
    return CloseStream(state, stream,
                       Malformed(absl::StrCat("a batch holds ", items, " items, at most ",
                                              contract::kMaxBatchMessages, " may"),
                                 "Send smaller batches."));
  }
  auto response = std::make_unique<v1::SubmitResponse>();
  // Results are filled in when the group is signed; their addresses must stay.
  response->mutable_results()->Reserve(static_cast<int>(items));
  for (const v1::SubmitItem& item : request.batch().items()) {
    SubmitHandler(state, session->box, now, response->add_results()).Handle(item);
  }
  SendSubmit(state, stream, std::move(response));
}

void OnReceiveFrame(CoreState& state, StreamId stream, const BrokerCore::Caller& caller,
                    const v1::ReceiveRequest& request, Moment now) {
  Session* session = state.sessions.OfStream(stream);
  const bool begins = session == nullptr;
  if (begins) {
    BeginReceive(state, stream, caller, request);
    session = state.sessions.OfStream(stream);
    if (session == nullptr) return;
  } else if (absl::Status s = CheckCaller(state, caller, *session); !s.ok()) {
    return CloseStream(state, stream, s);
  } else if (request.has_hello()) {
    return CloseStream(state, stream, SecondHello());
  }
  if (!session->receive || session->receive->id != stream) return;
  const absl::Status handled = ReceiveHandler(state, *session, now).Handle(request);
  if (!handled.ok()) CloseStream(state, stream, handled);
}

}  // namespace yizhan::broker
