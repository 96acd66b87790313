#include "province_nodes/cases/case_book.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "province_nodes/cases/clocks.h"
#include "province_nodes/cases/views.h"

namespace yizhan::node {
namespace {

// Retakes and remakes may go round; what is shown of a case stays bounded.
constexpr int kMaxEvents = 200;
constexpr int kMaxMessages = 200;
constexpr int kMaxClocks = 60;

template <typename List>
void KeepLast(List& list, int count) {
  if (list.size() > count) list.DeleteSubrange(0, list.size() - count);
}

void Bound(cases::CaseRecord& record) {
  KeepLast(*record.mutable_events(), kMaxEvents);
  KeepLast(*record.mutable_messages(), kMaxMessages);
  auto& clocks = *record.mutable_clocks();
  for (int i = 0; clocks.size() > kMaxClocks && i < clocks.size();) {
    if (clocks[i].met_unix_us() != 0) {
      clocks.DeleteSubrange(i, 1);
    } else {
      ++i;
    }
  }
}

}  // namespace

v1::Officer SystemOfficer(absl::string_view unit) {
  v1::Officer officer;
  officer.set_number("system");
  officer.set_unit(std::string(unit));
  return officer;
}

Moment MomentOf(const v1::CommandContext& context) {
  return {context.case_time_unix_us(), context.officer()};
}
Moment MomentOf(const v1::Payload& payload) {
  return {payload.case_time_unix_us(), payload.officer()};
}

contract::ProvinceCode PeerOf(const cases::CaseRecord& record) {
  return contract::ProvinceCode(record.role() == v1::CASE_ROLE_ACCEPTING ? record.home()
                                                                         : record.accepting());
}

absl::Status FieldError(v1::ErrorReason reason, absl::string_view field,
                        absl::string_view problem) {
  v1::ErrorDetail detail;
  detail.set_reason(reason);
  detail.set_side(v1::SIDE_MINE);
  detail.set_what(absl::StrCat("field ", field, " ", problem));
  detail.set_next_step("Correct the field and send it again.");
  (*detail.mutable_metadata())["field"] = std::string(field);
  return contract::MakeError(detail);
}

absl::StatusOr<std::optional<OpenCase>> CaseBook::Find(const contract::CaseHandle& handle,
                                                       v1::CaseRole role) const {
  auto record = store.Load(txn, {handle, role});
  if (!record.ok()) return record.status();
  if (!record->has_value()) return std::optional<OpenCase>();
  OpenCase open;
  open.now = **record;
  open.before = std::move(**record);
  return std::optional<OpenCase>(std::move(open));
}

absl::StatusOr<cases::CaseRecord> LoadByKey(const platform::Transaction& txn,
                                            const CaseStore& store, const v1::CaseKey& key,
                                            v1::CaseRole role) {
  std::optional<contract::CaseHandle> handle = contract::CaseHandle::From(key.case_handle());
  if (!handle.has_value() && key.acceptance_number().empty()) {
    return FieldError(v1::REQUEST_MALFORMED, "case",
                      "needs a case_handle of 16 bytes or an acceptance_number");
  }
  if (!handle.has_value()) {
    auto found = store.FindNumber(txn, key.acceptance_number());
    if (!found.ok()) return found.status();
    handle = *found;
  }
  if (handle.has_value()) {
    auto record = store.Load(txn, {*handle, role});
    if (!record.ok()) return record.status();
    if (record->has_value()) return std::move(**record);
  }
  return contract::MakeError(
      v1::CASE_NOT_FOUND, v1::SIDE_MINE,
      absl::StrCat("this node has no ", role == v1::CASE_ROLE_HOME ? "home view" : "accepting view",
                   " of the case that is asked for"),
      "Check handle or acceptance number, and that you ask the node of the right province.");
}

absl::StatusOr<OpenCase> CaseBook::Open(const v1::CaseKey& key, v1::CaseRole role) const {
  auto record = LoadByKey(txn, store, key, role);
  if (!record.ok()) return record.status();
  OpenCase open;
  open.now = *record;
  open.before = *std::move(record);
  return open;
}

OpenCase CaseBook::New(const contract::CaseHandle& handle, v1::CaseRole role,
                       contract::ProvinceCode accepting, contract::ProvinceCode home) {
  OpenCase open;
  open.now.set_case_handle(handle.str());
  open.now.set_role(role);
  open.now.set_accepting(accepting.value());
  open.now.set_home(home.value());
  return open;
}

void CaseBook::Note(OpenCase& open, absl::string_view what, const Moment& moment,
                    v1::ErrorReason reason) const {
  v1::CaseEvent& event = *open.now.add_events();
  event.set_at_unix_us(moment.at_us);
  event.set_state(open.now.state());
  event.set_what(std::string(what));
  *event.mutable_officer() = moment.officer;
  event.set_reason(reason);
  open.now.set_last_case_time_unix_us(std::max(open.now.last_case_time_unix_us(), moment.at_us));
}

absl::Status CaseBook::StepKeepingReason(OpenCase& open, CaseAct act, const Moment& moment) const {
  cases::CaseRecord& record = open.now;
  const auto next = NextState(record.role(), record.state(), act);
  if (!next.has_value()) {
    return contract::MakeError(
        v1::STATE_NOT_ALLOWED, v1::SIDE_MINE,
        absl::StrCat("\"", ActText(act), "\" does not fit a case in state ",
                     StateText(record.state())),
        "Look at the case's events for what happened before, and act on its present state.");
  }
  record.set_state(*next);
  ApplyClocks(*deps.policy, act, moment.at_us, record);
  Note(open, ActText(act), moment, record.reason());
  return absl::OkStatus();
}

absl::Status CaseBook::Step(OpenCase& open, CaseAct act, const Moment& moment,
                            v1::ErrorReason reason, absl::string_view detail) const {
  const v1::ErrorReason reason_before = open.now.reason();
  open.now.set_reason(reason);
  const absl::Status status = StepKeepingReason(open, act, moment);
  if (status.ok()) {
    open.now.set_reason_detail(std::string(detail));
  } else {
    open.now.set_reason(reason_before);
  }
  return status;
}

void CaseBook::Send(const OpenCase& open, v1::MessageKind kind, v1::Payload payload,
                    const Moment& moment) {
  payload.set_format_version(1);
  payload.set_acceptance_number(open.now.acceptance_number());
  *payload.mutable_officer() = moment.officer;
  payload.set_case_time_unix_us(moment.at_us);
  effects.messages.push_back({PeerOf(open.now), kind, KeyOf(open.now).first, std::move(payload)});
}

SystemTask TaskOf(const cases::PendingTask& task, const cases::CaseRecord& record) {
  SystemTask out;
  out.kind = static_cast<SystemTask::Kind>(task.kind());
  out.case_handle = KeyOf(record).first;
  out.of_sequence = task.of_sequence();
  out.of_header_digest =
      contract::Digest::From(task.of_header_digest()).value_or(contract::Digest());
  out.person = record.form().applicant();
  out.acceptance_number = record.acceptance_number();
  out.card_serial = record.card_serial();
  return out;
}

void CaseBook::Ask(const OpenCase& open, SystemTask::Kind kind, const cases::MessageRecord& cause) {
  cases::PendingTask task;
  task.set_kind(static_cast<std::uint32_t>(kind));
  task.set_case_handle(open.now.case_handle());
  task.set_of_sequence(cause.message().sequence());
  task.set_of_header_digest(cause.header_digest());
  store.PutTask(txn, task);
  effects.tasks.push_back(TaskOf(task, open.now));
}

absl::StatusOr<v1::CaseView> CaseBook::Save(OpenCase& open) {
  Bound(open.now);
  if (absl::Status status = store.Save(txn, open.before, open.now); !status.ok()) return status;
  open.before = open.now;
  v1::CaseView view = BuildView(open.now, 0);
  const auto same = [&](const v1::CaseView& other) {
    return other.case_handle() == view.case_handle() && other.role() == view.role();
  };
  auto& changed = effects.changed;
  changed.erase(std::remove_if(changed.begin(), changed.end(), same), changed.end());
  changed.push_back(view);
  return view;
}

}  // namespace yizhan::node
