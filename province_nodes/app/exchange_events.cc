// The part of the core that hears the broker: session and streams.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/control.h"
#include "protos/contract/errors.h"
#include "province_nodes/app/core_impl.h"

namespace yizhan::node {
namespace {

// Control records that wait for directory entries; beyond it the session is
// opened again, which costs nothing but time.
constexpr std::size_t kMaxWaitingControls = 4096;

}  // namespace

void CoreImpl::OnSessionOpened(const v1::OpenSessionResponse& response, absl::Time now) {
  if (!BeginEvent(now)) return;
  if (absl::Status skew = session_.Opened(response, now); !skew.ok()) {
    close_ = true;
    lane_.ReportSecurity(v1::CLOCK_SKEW, {}, std::string(skew.message()));
    return SessionEnded(skew);
  }
  const bool other_broker = meta_.broker_incarnation() != response.broker_incarnation() ||
                            meta_.log_checkpoint().log_id() != response.log_checkpoint().log_id();
  meta_.set_broker_incarnation(response.broker_incarnation());
  meta_.set_session_number(response.session_number());
  meta_changed_ = true;
  LearnCheckpoint(response.log_checkpoint());
  outbox_.SessionOpened(other_broker);
  other_broker_ = other_broker;
  Take(returning_.SessionOpened(other_broker));
  lane_.after_commit.push_back(
      [](NodeObserver& observer) { observer.OnSessionChanged(absl::OkStatus()); });
  LearnDirectoryHead(response.directory_head());
  OfferDirectoryIfAhead(response.directory_head());
  next_fetch_ = now;
  FetchDirectoryIfBehind();
  // Records of keys that we do not know yet could not be verified, and a broker
  // that does not know our routes yet would refuse what goes over them.
  if (!fetching_ && !offering_.has_value()) StartStreams();
}

void CoreImpl::StartStreams() {
  if (!session_.open() || streams_up_) return;
  streams_up_ = true;
  greeted_ = false;
  credit_messages_left_ = 0;
  credit_bytes_left_ = 0;
  control_cursor_ = 0;
  acknowledged_cursor_ = 0;
  Take(recovery_.StreamsUp(other_broker_));
}

void CoreImpl::OnDisconnected(const absl::Status& why, absl::Time now) {
  if (!BeginEvent(now)) return;
  session_.Disconnected(why, now);
  if (contract::ReasonOf(why) == v1::RESTORED && !meta_.restored()) {
    meta_.set_restored(true);
    meta_changed_ = true;
  }
  SessionEnded(why);
  if (contract::ReasonOf(why) == v1::CALLER_UNKNOWN) AskForBrokersHead();
}

void CoreImpl::SessionEnded(const absl::Status& why) {
  streams_up_ = false;
  offering_.reset();
  waiting_controls_.clear();
  control_post_.SessionClosed();
  recovery_.SessionClosed();
  returning_.SessionClosed();
  outbox_.SessionClosed();
  inbox_.SessionClosed();
  const absl::Status told = why.ok() ? absl::UnavailableError("the session has ended") : why;
  lane_.after_commit.push_back([told](NodeObserver& observer) { observer.OnSessionChanged(told); });
}

void CoreImpl::CloseSession(const absl::Status& why) {
  close_ = true;
  session_.Disconnected(why, lane_.now);
  SessionEnded(why);
}

void CoreImpl::OnSubmitResponse(const v1::SubmitResponse& response, absl::Time now) {
  if (!BeginEvent(now)) return;
  for (const v1::DestinationCredit& credit : response.credits()) outbox_.OnCredit(credit);
  for (const v1::SubmitResult& result : response.results()) {
    const absl::StatusOr<bool> known = outbox_.OnResult(result);
    if (!known.ok()) return Take(known.status());
    if (*known) continue;
    const absl::StatusOr<bool> posted = control_post_.OnResult(result);
    if (!posted.ok()) return Take(posted.status());
    if (*posted) continue;
    lane_.after_commit.push_back(
        [result](NodeObserver& observer) { observer.OnUnknownResult(result); });
  }
}

void CoreImpl::OnReceiveResponse(const v1::ReceiveResponse& response, absl::Time now) {
  if (!BeginEvent(now)) return;
  if (response.has_directory_head()) LearnDirectoryHead(response.directory_head());
  FetchDirectoryIfBehind();
  for (const v1::ControlItem& item : response.controls()) waiting_controls_.push_back(item);
  DrainControls();
  for (const v1::Delivery& delivery : response.deliveries()) {
    if (!fault_.ok()) return;
    credit_messages_left_ -= 1;
    credit_bytes_left_ -= static_cast<std::int64_t>(delivery.envelope().ByteSizeLong());
    Take(inbox_.OnDelivery(delivery));
  }
  for (const v1::RepeatRequest& repeat : response.repeats()) {
    if (fault_.ok()) Take(outbox_.OnRepeat(repeat));
  }
  if (response.runs().empty()) return;
  lane_.after_commit.push_back(
      [runs = std::vector<v1::LinkRun>(response.runs().begin(), response.runs().end())](
          NodeObserver& observer) { observer.OnRuns(runs); });
}

void CoreImpl::DrainControls() {
  while (fault_.ok() && !waiting_controls_.empty()) {
    const v1::ControlItem item = std::move(waiting_controls_.front());
    waiting_controls_.pop_front();
    if (item.cursor() > control_cursor_) {
      const absl::Status status = OnControl(item);
      if (contract::ReasonOf(status) == v1::SIGNER_UNKNOWN) {
        // The entry with its key is on its way; order is kept.
        waiting_controls_.push_front(item);
        if (waiting_controls_.size() > kMaxWaitingControls) {
          CloseSession(absl::UnavailableError("too many control records wait for the directory"));
        }
        return;
      }
      if (!status.ok()) return Take(status);
      control_cursor_ = item.cursor();
    }
  }
}

// SIGNER_UNKNOWN: wait for the directory; others are storage errors.
absl::Status CoreImpl::OnControl(const v1::ControlItem& item) {
  absl::StatusOr<contract::ParsedControl> parsed =
      contract::ParseControl(*lane_.algorithms.hasher, item.control());
  absl::Status good = parsed.ok() ? contract::CheckControl(directory_->state(), lane_.checker,
                                                           item.control(), *parsed)
                                  : parsed.status();
  if (good.ok()) return OnVerifiedControl(item.control(), *parsed);
  if (lane_.directory_behind() && contract::ReasonOf(good) == v1::SIGNER_UNKNOWN) return good;
  ++lane_.statistics.signature_failures;
  const contract::ProvinceCode issuer =
      parsed.ok() ? contract::ProvinceCode(parsed->control.issuer()) : contract::ProvinceCode();
  lane_.ReportSecurity(contract::ReasonOf(good), issuer,
                       absl::StrCat("A control record was ignored: ", good.message()));
  return absl::OkStatus();
}

absl::Status CoreImpl::OnVerifiedControl(const v1::ControlRecord& record,
                                         const contract::ParsedControl& parsed) {
  LearnDirectoryHead(parsed.control.directory_head());
  if (parsed.control.has_recovery_request()) return returning_.OnRequest(parsed);
  if (parsed.control.has_returned()) return recovery_.OnReturned(parsed);
  if (parsed.control.has_recovery_answer()) return recovery_.OnAnswer(parsed);
  const contract::Identity& identity = parsed.identity;
  const bool of_lane = identity.lane == lane_.lane && identity.run == lane_.run;
  if (of_lane && parsed.control.has_tombstone() && identity.destination == lane_.province) {
    lane_.after_commit.push_back(
        [record, parsed](NodeObserver& observer) { observer.OnControl(record, parsed); });
    return inbox_.OnTombstone(parsed);
  }
  if (of_lane && !parsed.control.has_tombstone() && identity.source == lane_.province) {
    return outbox_.OnRecord(record, parsed);
  }
  lane_.ReportSecurity(v1::STREAM_MALFORMED, {},
                       "A control record of foreign messages was delivered here");
  return absl::OkStatus();
}

void CoreImpl::LearnCheckpoint(const v1::LogCheckpoint& checkpoint) {
  if (checkpoint.log_id().empty()) return;
  lane_.log_checkpoint = checkpoint;
  *meta_.mutable_log_checkpoint() = checkpoint;
  meta_changed_ = true;
}

}  // namespace yizhan::node
