// Rules of sessions: who may open one, who is fenced, whose streams end.
#ifndef YIZHAN_BROKER_SERVICE_SESSION_EVENTS_H_
#define YIZHAN_BROKER_SERVICE_SESSION_EVENTS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/service/core_state.h"

namespace yizhan::broker {

absl::StatusOr<v1::OpenSessionResponse> OpenSession(CoreState& state,
                                                    const BrokerCore::Caller& caller,
                                                    const v1::OpenSessionRequest& request,
                                                    Moment now);

// The session that the hello names, if it is the caller's and alive.
absl::StatusOr<Session*> FindForHello(CoreState& state, const BrokerCore::Caller& caller,
                                      const v1::StreamHello& hello);
// The caller's certificate is still that of the session's province.
absl::Status CheckCaller(CoreState& state, const BrokerCore::Caller& caller,
                         const Session& session);

// Forgets the stream; what it had leased goes out again.
void ForgetStream(CoreState& state, StreamId stream);
// The same, and the stream ends with `why`.
void CloseStream(CoreState& state, StreamId stream, const absl::Status& why);
void EndSession(CoreState& state, contract::SessionNumber number, const absl::Status& why);
// After a change of the directory: sessions whose certificate is no longer a
// member's end, and backlogs that waited are looked at again.
void JudgeSessions(CoreState& state);

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_SESSION_EVENTS_H_
