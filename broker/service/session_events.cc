#include "broker/service/session_events.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"

namespace yizhan::broker {
namespace {

using contract::MakeError;

absl::Status CallerUnknown() {
  return MakeError(v1::CALLER_UNKNOWN, v1::SIDE_MINE,
                   "the caller's certificate is not one of an active member in the directory",
                   "Register the certificate with the authority, or use the registered one.");
}

absl::Status Spoofed(contract::ProvinceCode certificate, std::uint32_t named) {
  return MakeError(v1::SPOOFED_SOURCE, v1::SIDE_MINE,
                   absl::StrCat("the certificate is of province ", certificate.str(),
                                ", the request names ", named),
                   "Use the province that the certificate belongs to.");
}

absl::Status Malformed(absl::string_view what) {
  return MakeError(v1::STREAM_MALFORMED, v1::SIDE_MINE, what,
                   "Correct the field in OpenSessionRequest.");
}

std::string Utc(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

absl::Status CheckClock(const v1::OpenSessionRequest& request, Moment now) {
  const absl::Time theirs = absl::FromUnixMicros(request.now_unix_us());
  if (absl::AbsDuration(theirs - now.wall) <= contract::kMaxClockSkew) return absl::OkStatus();
  v1::ErrorDetail detail;
  detail.set_reason(v1::CLOCK_SKEW);
  detail.set_side(v1::SIDE_MINE);
  detail.set_what(absl::StrCat("the node's clock shows ", Utc(theirs), ", the broker's ",
                               Utc(now.wall), "; at most ",
                               absl::FormatDuration(contract::kMaxClockSkew), " may lie between"));
  detail.set_next_step("Correct the clock that is wrong (NTP), then connect again.");
  detail.set_retry_after_ms(60'000);
  (*detail.mutable_metadata())["node_clock"] = Utc(theirs);
  (*detail.mutable_metadata())["broker_clock"] = Utc(now.wall);
  return MakeError(detail);
}

absl::Status CheckRequest(const v1::OpenSessionRequest& request) {
  if (request.protocol_version() != contract::kProtocolVersion) {
    return MakeError(v1::VERSION_UNSUPPORTED, v1::SIDE_MINE,
                     absl::StrCat("protocol_version is ", request.protocol_version(),
                                  "; this broker speaks ", contract::kProtocolVersion),
                     "Update the older side.");
  }
  if (!contract::Incarnation::From(request.incarnation())) {
    return Malformed("incarnation must have 16 bytes");
  }
  if (!contract::BootNonce::From(request.boot_nonce())) {
    return Malformed("boot_nonce must have 16 bytes");
  }
  if (request.build().size() > 256) return Malformed("build is longer than 256 bytes");
  return absl::OkStatus();
}

absl::StatusOr<BoxKey> BoxOf(const CoreState& state, contract::ProvinceCode province,
                             const v1::OpenSessionRequest& request, Moment now) {
  if (request.lane() == v1::LANE_BUSINESS && request.test_run_id().empty()) {
    return BoxKey{v1::LANE_BUSINESS, province, contract::RunId()};
  }
  const auto run = contract::RunId::From(request.test_run_id());
  if (request.lane() != v1::LANE_TEST || !run || run->is_zero()) {
    return Malformed("lane and test_run_id do not fit together");
  }
  const auto found = state.runs == nullptr ? std::nullopt : state.runs->Find(*run, now.wall);
  if (!found || !found->open || !found->Has(province)) {
    return MakeError(
        v1::TEST_RUN_UNKNOWN, v1::SIDE_MINE,
        absl::StrCat("province ", province.str(), " has no open test run ", run->hex()),
        "Start a run with `yizhan link test`.");
  }
  return BoxKey{v1::LANE_TEST, province, *run};
}

// After a loss of this store, the log before it is known by what nodes hold of
// it: the highest checkpoint of each earlier log stands in this one.
void NoteEarlierLog(CoreState& state, contract::ProvinceCode province,
                    const v1::LogCheckpoint& shown, Moment now) {
  if (shown.log_id().empty() || shown.log_id() == state.evidence.checkpoint().log_id()) return;
  if (shown.size() == 0 || !state.evidence.NoteEarlier(shown)) return;
  v1::TraceStep step;
  step.set_event(v1::TRACE_LOG_CONTINUED);
  step.set_at_unix_us(now.unix_us());
  step.set_detail(absl::StrCat("shown by province ", province.str()));
  *step.mutable_earlier_log() = shown;
  state.evidence.Append(std::move(step));
  state.Log(LogLine::Level::kWarning,
            absl::StrCat("province ", province.str(), " holds checkpoint ", shown.size(),
                         " of an earlier evidence log; this log goes on after it"));
}

// To the loser. A process that opened a newer session itself is not fenced.
absl::Status Fenced(const Session& loser, const Session& winner) {
  v1::ErrorDetail detail;
  const bool own = loser.boot_nonce == winner.boot_nonce;
  detail.set_reason(own ? v1::SESSION_UNKNOWN : v1::SESSION_FENCED);
  detail.set_side(v1::SIDE_MINE);
  detail.set_what(absl::StrCat("session ", loser.number.value(), " of province ",
                               loser.box.province.str(), " was replaced by session ",
                               winner.number.value(),
                               own ? " of the same process" : " of another process"));
  detail.set_next_step(
      own ? "Go on in the newer session."
          : "Check that only one node of the province runs, then resume this one.");
  (*detail.mutable_metadata())["boot_nonce"] = winner.boot_nonce.hex();
  (*detail.mutable_metadata())["session_number"] = absl::StrCat(winner.number.value());
  return MakeError(detail);
}

}  // namespace

absl::StatusOr<v1::OpenSessionResponse> OpenSession(CoreState& state,
                                                    const BrokerCore::Caller& caller,
                                                    const v1::OpenSessionRequest& request,
                                                    Moment now) {
  const auto province = state.directory.state().ProvinceOfCertificate(caller);
  if (!province) return CallerUnknown();
  if (request.province() != province->value()) {
    state.Security(v1::SPOOFED_SOURCE,
                   absl::StrCat("province ", province->str(), " tried to open a session of ",
                                request.province()));
    return Spoofed(*province, request.province());
  }
  if (absl::Status s = CheckRequest(request); !s.ok()) return s;
  if (absl::Status s = CheckClock(request, now); !s.ok()) return s;
  absl::StatusOr<BoxKey> box = BoxOf(state, *province, request, now);
  if (!box.ok()) return box.status();
  if (box->lane == v1::LANE_BUSINESS) {
    if (absl::Status s = state.progresses.Judge(*province, request); !s.ok()) {
      state.Log(LogLine::Level::kWarning, std::string(s.message()));
      return s;
    }
    NoteEarlierLog(state, *province, request.log_checkpoint(), now);
  }

  Session session;
  session.number = contract::SessionNumber(state.meta.last_session() + 1);
  session.box = *box;
  session.boot_nonce = *contract::BootNonce::From(request.boot_nonce());
  session.certificate = caller;
  state.meta.set_last_session(session.number.value());
  state.records.Write(OwnKey('M', ""), state.meta);
  if (const Session* before = state.sessions.OfBox(*box)) {
    const absl::Status why = Fenced(*before, session);
    if (contract::ReasonOf(why) == v1::SESSION_FENCED) {
      ++state.stats.sessions_fenced;
      state.Log(LogLine::Level::kWarning, std::string(why.message()));
    }
    EndSession(state, before->number, why);
  }
  state.sessions.Add(session);
  ++state.stats.sessions_opened;
  state.Log(LogLine::Level::kInfo,
            absl::StrCat("session ", session.number.value(), " of province ", province->str(),
                         box->lane == v1::LANE_TEST ? " (test run)" : "", " opened, build ",
                         request.build()));

  v1::OpenSessionResponse response;
  response.set_session_number(session.number.value());
  response.set_broker_incarnation(state.meta.incarnation());
  response.set_broker_boot_nonce(state.boot_nonce.str());
  response.set_now_unix_us(now.unix_us());
  *response.mutable_directory_head() = state.directory.state().head();
  *response.mutable_log_checkpoint() = state.evidence.checkpoint();
  response.set_build(state.options.build);
  return response;
}

absl::Status CheckCaller(CoreState& state, const BrokerCore::Caller& caller,
                         const Session& session) {
  const auto province = state.directory.state().ProvinceOfCertificate(caller);
  if (!province) return CallerUnknown();
  if (*province == session.box.province) return absl::OkStatus();
  state.Security(v1::SPOOFED_SOURCE,
                 absl::StrCat("province ", province->str(), " used session ",
                              session.number.value(), " of ", session.box.province.str()));
  return Spoofed(*province, session.box.province.value());
}

absl::StatusOr<Session*> FindForHello(CoreState& state, const BrokerCore::Caller& caller,
                                      const v1::StreamHello& hello) {
  const contract::SessionNumber number(hello.session_number());
  if (!state.directory.state().ProvinceOfCertificate(caller)) return CallerUnknown();
  if (Session* session = state.sessions.Find(number)) {
    if (absl::Status s = CheckCaller(state, caller, *session); !s.ok()) return s;
    return session;
  }
  if (const auto why = state.sessions.WhyEnded(number)) return *why;
  return MakeError(v1::SESSION_UNKNOWN, v1::SIDE_MINE,
                   absl::StrCat("the broker has no session ", number.value(),
                                "; it was restarted since, or never gave it out"),
                   "Open a new session.");
}

void ForgetStream(CoreState& state, StreamId stream) {
  Session* session = state.sessions.OfStream(stream);
  state.sessions.Unbind(stream);
  if (session == nullptr) return;
  session->submits.erase(stream);
  if (session->receive && session->receive->id == stream) {
    session->receive.reset();
    if (Dispatcher* dispatcher = state.FindDispatcher(session->box)) dispatcher->ReleaseAll();
  }
}

void CloseStream(CoreState& state, StreamId stream, const absl::Status& why) {
  ForgetStream(state, stream);
  Effect effect;
  effect.stream = stream;
  effect.close = why;
  state.effects.push_back(std::move(effect));
}

void EndSession(CoreState& state, contract::SessionNumber number, const absl::Status& why) {
  Session* session = state.sessions.Find(number);
  if (session == nullptr) return;
  std::vector<StreamId> streams(session->submits.begin(), session->submits.end());
  if (session->receive) streams.push_back(session->receive->id);
  for (const StreamId stream : streams) CloseStream(state, stream, why);
  state.sessions.Remove(number, why);
}

void JudgeSessions(CoreState& state) {
  std::vector<std::pair<contract::SessionNumber, contract::ProvinceCode>> revoked;
  for (const auto& [number, session] : state.sessions.all()) {
    const auto province = state.directory.state().ProvinceOfCertificate(session.certificate);
    if (!province || *province != session.box.province) {
      revoked.push_back({number, session.box.province});
    }
  }
  for (const auto& [number, province] : revoked) {
    state.Log(LogLine::Level::kWarning,
              absl::StrCat("session ", number.value(), " of province ", province.str(),
                           " ended: its certificate is no longer an active member's"));
    EndSession(state, number,
               MakeError(v1::CERTIFICATE_REVOKED, v1::SIDE_MINE,
                         absl::StrCat("the certificate of province ", province.str(),
                                      " was revoked or the member suspended"),
                         "Ask the authority; connect with a registered certificate."));
  }
  for (auto& [box, dispatcher] : state.dispatchers) dispatcher.LookAgain();
}

}  // namespace yizhan::broker
