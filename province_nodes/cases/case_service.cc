// Dispatch: idempotence of commands, roles of messages, and which side acts.
#include "province_nodes/cases/case_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "province_nodes/cases/accepting_side.h"
#include "province_nodes/cases/access.h"
#include "province_nodes/cases/case_book.h"
#include "province_nodes/cases/case_store.h"
#include "province_nodes/cases/home_side.h"
#include "province_nodes/cases/passages.h"
#include "province_nodes/cases/queries.h"
#include "province_nodes/cases/request_checks.h"
#include "province_nodes/cases/returned.h"
#include "province_nodes/cases/transitions.h"

namespace yizhan::node {
namespace {

v1::CaseRole OtherRole(v1::CaseRole role) {
  return role == v1::CASE_ROLE_HOME ? v1::CASE_ROLE_ACCEPTING : v1::CASE_ROLE_HOME;
}

// An act that does not fit is the command's fault at the gateway, and a broken
// rule of the exchange in a message.
absl::Status AsRefusal(const absl::Status& status) {
  if (contract::ReasonOf(status) != v1::STATE_NOT_ALLOWED) return status;
  v1::ErrorDetail detail = contract::DetailOf(status);
  detail.set_reason(v1::CASE_RULE_VIOLATED);
  detail.set_side(v1::SIDE_THEIRS);
  return contract::MakeError(detail);
}

class CaseServiceImpl final : public CaseService {
 public:
  explicit CaseServiceImpl(CaseServiceDeps deps)
      : deps_(std::move(deps)), store_(deps_.key_prefix) {}

  absl::Status OnMessage(platform::Transaction& txn, const InboundMessage& message,
                         CaseEffects& effects) override;
  absl::Status OnPassage(platform::Transaction& txn, const contract::CaseHandle& case_handle,
                         const v1::CaseMessage& message, CaseEffects& effects) override;
  absl::Status OnRegisterAnswer(platform::Transaction& txn, const SystemTask& task,
                                const std::optional<RegisterRecord>& record,
                                CaseEffects& effects) override;
  absl::Status OnSystemOutcome(platform::Transaction& txn, const SystemTask& task,
                               const v1::SystemOutcome& outcome, CaseEffects& effects) override;
  absl::StatusOr<std::vector<SystemTask>> PendingSystemTasks(
      const platform::Transaction& txn) override;

  using Txn = platform::Transaction;
  absl::Status OnReturned(Txn& txn, const OutgoingMessage& message, CaseEffects& effects) override {
    CaseBook book(deps_, store_, txn, effects);
    return ApplyReturned(message, book);
  }
  absl::Status OnRecoveryBegan(Txn& txn, absl::Time now) override {
    return store_.JumpSequences(txn, now);
  }
  absl::StatusOr<v1::CaseView> Apply(Txn& txn, const Caller& caller,
                                     const v1::ApplyRequest& request,
                                     CaseEffects& effects) override {
    return Once(txn, caller, "Apply", request, effects, node::Apply);
  }
  absl::StatusOr<v1::CaseView> RecordReview(Txn& txn, const Caller& caller,
                                            const v1::RecordReviewRequest& request,
                                            CaseEffects& effects) override {
    return Once(txn, caller, "RecordReview", request, effects, Review);
  }
  absl::StatusOr<v1::CaseView> RecordQualityFeedback(
      Txn& txn, const Caller& caller, const v1::RecordQualityFeedbackRequest& request,
      CaseEffects& effects) override {
    return Once(txn, caller, "RecordQualityFeedback", request, effects, QualityFeedback);
  }
  absl::StatusOr<v1::CaseView> RecordRetake(Txn& txn, const Caller& caller,
                                            const v1::RecordRetakeRequest& request,
                                            CaseEffects& effects) override {
    return Once(txn, caller, "RecordRetake", request, effects, Retake);
  }
  absl::StatusOr<v1::CaseView> RecordProduction(Txn& txn, const Caller& caller,
                                                const v1::RecordProductionRequest& request,
                                                CaseEffects& effects) override {
    return Once(txn, caller, "RecordProduction", request, effects, Produce);
  }
  absl::StatusOr<v1::CaseView> RecordReady(Txn& txn, const Caller& caller,
                                           const v1::RecordReadyRequest& request,
                                           CaseEffects& effects) override {
    return Once(txn, caller, "RecordReady", request, effects, MakeReady);
  }
  absl::StatusOr<v1::CaseView> RecordHandOver(Txn& txn, const Caller& caller,
                                              const v1::RecordHandOverRequest& request,
                                              CaseEffects& effects) override {
    return Once(txn, caller, "RecordHandOver", request, effects, HandOver);
  }
  absl::StatusOr<v1::CaseView> RecordInformed(Txn& txn, const Caller& caller,
                                              const v1::RecordInformedRequest& request,
                                              CaseEffects& effects) override {
    return Once(txn, caller, "RecordInformed", request, effects, Inform);
  }
  absl::StatusOr<v1::CaseView> RecordRefunded(Txn& txn, const Caller& caller,
                                              const v1::RecordRefundedRequest& request,
                                              CaseEffects& effects) override {
    return Once(txn, caller, "RecordRefunded", request, effects, Refund);
  }
  absl::StatusOr<v1::CaseView> RecordSystemOutcome(Txn& txn, const Caller& caller,
                                                   const v1::RecordSystemOutcomeRequest& request,
                                                   CaseEffects& effects) override {
    return Once(txn, caller, "RecordSystemOutcome", request, effects, SystemReports);
  }

  absl::StatusOr<v1::CaseView> GetCase(const Txn& txn, const Caller& caller,
                                       const v1::GetCaseRequest& request) override {
    return FindCase(txn, store_, caller, request);
  }
  absl::StatusOr<v1::ListCasesResponse> ListCases(const Txn& txn, const Caller& caller,
                                                  const v1::ListCasesRequest& request) override {
    return ListCasesPage(txn, store_, caller, request);
  }
  absl::StatusOr<v1::ListWorkResponse> ListWork(const Txn& txn, const Caller& caller,
                                                const v1::ListWorkRequest& request) override {
    return ListWorkPage(txn, store_, caller, request);
  }
  absl::StatusOr<std::vector<v1::CaseView>> ChangesAfter(const Txn& txn, const Caller& caller,
                                                         std::uint64_t revision,
                                                         std::size_t limit) override {
    return ListChanges(txn, store_, caller, revision, limit);
  }
  absl::StatusOr<Statistics> Collect(const Txn& txn, absl::Time as_of) override {
    return CollectStatistics(txn, store_, as_of);
  }

 private:
  // The same request of the same caller is carried out once.
  template <typename Request>
  absl::StatusOr<v1::CaseView> Once(Txn& txn, const Caller& caller, absl::string_view call,
                                    const Request& request, CaseEffects& effects,
                                    absl::StatusOr<v1::CaseView> (*act)(CaseBook&, const Caller&,
                                                                        const Request&)) {
    if (absl::Status status = CheckContext(request.context()); !status.ok()) return status;
    const std::string content = request.SerializeAsString();
    const absl::string_view parts[] = {call, content};
    const std::string digest = deps_.hasher->Hash(absl::MakeConstSpan(parts)).str();
    const std::string& id = request.context().request_id();
    auto answered = store_.FindAnswer(txn, caller.name, id);
    if (!answered.ok()) return answered.status();
    if (answered->has_value()) {
      if ((*answered)->request_digest() == digest) return (*answered)->view();
      return RequestIdReused(call);
    }
    CaseBook book(deps_, store_, txn, effects);
    absl::StatusOr<v1::CaseView> view = act(book, caller, request);
    if (!view.ok()) return view;
    *view = Redacted(caller, std::move(*view));
    cases::AnsweredRequest answer;
    answer.set_request_digest(digest);
    *answer.mutable_view() = *view;
    store_.PutAnswer(txn, caller.name, id, answer);
    return view;
  }

  // County or card centre: by the view that is asked for, else by the caller.
  static absl::StatusOr<v1::CaseView> QualityFeedback(
      CaseBook& book, const Caller& caller, const v1::RecordQualityFeedbackRequest& request) {
    if (request.reason() != v1::RETAKE_PORTRAIT && request.reason() != v1::RETAKE_FINGERPRINTS) {
      return FieldError(v1::FIELD_INVALID, "reason",
                        "must be RETAKE_PORTRAIT or RETAKE_FINGERPRINTS");
    }
    const v1::CaseRole role = request.case_().role();
    const bool centre = role == v1::CASE_ROLE_UNSPECIFIED ? !HasRole(caller, v1::CALLER_COUNTY)
                                                          : role == v1::CASE_ROLE_ACCEPTING;
    return centre ? AskForRetake(book, caller, request) : SendBack(book, caller, request);
  }

  static absl::StatusOr<v1::CaseView> SystemReports(CaseBook& book, const Caller& caller,
                                                    const v1::RecordSystemOutcomeRequest& request);
  absl::Status Dispatch(const InboundMessage& message, CaseBook& book) const;
  absl::Status SendersSide(const InboundMessage& message, const cases::MessageRecord& received,
                           CaseBook& book) const;
  absl::StatusOr<OpenCase> AddressedCase(const InboundMessage& message, const CaseBook& book) const;

  const CaseServiceDeps deps_;
  const CaseStore store_;
};

absl::Status CaseServiceImpl::OnMessage(platform::Transaction& txn, const InboundMessage& message,
                                        CaseEffects& effects) {
  if (absl::Status status = CheckPayload(message); !status.ok()) return status;
  CaseBook book(deps_, store_, txn, effects);
  return AsRefusal(Dispatch(message, book));
}

// The view that receives the message. An outcome goes to the one view that is
// here: within one node no outcome travels as a message.
absl::StatusOr<OpenCase> CaseServiceImpl::AddressedCase(const InboundMessage& message,
                                                        const CaseBook& book) const {
  v1::CaseRole role = OtherRole(SenderRole(message.kind));
  auto open = absl::StatusOr<std::optional<OpenCase>>(std::nullopt);
  if (message.kind == v1::SYSTEM_OUTCOME) {
    role = v1::CASE_ROLE_ACCEPTING;
    open = book.Find(message.case_handle, role);
    if (open.ok() && !open->has_value()) role = v1::CASE_ROLE_HOME;
  }
  if (open.ok() && !open->has_value()) open = book.Find(message.case_handle, role);
  if (!open.ok()) return open.status();
  if (open->has_value()) {
    if (PeerOf((*open)->now) == message.source) return std::move(**open);
    return KindNotAllowed(message, "is no party of this case");
  }
  auto other = book.Find(message.case_handle, OtherRole(role));
  if (!other.ok()) return other.status();
  if (other->has_value()) return KindNotAllowed(message, "has the other role in this case");
  return CaseUnknown(message);
}

absl::Status CaseServiceImpl::Dispatch(const InboundMessage& message, CaseBook& book) const {
  if (message.kind == v1::TEST_MESSAGE)
    return KindNotAllowed(message, "sends it outside of a test");
  if (message.kind == v1::ELIGIBILITY_QUERY) {
    if (message.source != deps_.province) {
      auto own = book.Find(message.case_handle, v1::CASE_ROLE_ACCEPTING);
      if (!own.ok()) return own.status();
      if (own->has_value()) return KindNotAllowed(message, "has the other role in this case");
    }
    auto open = OnQuery(message, book);
    if (!open.ok()) return open.status();
    const cases::MessageRecord received = *open->now.messages().rbegin();
    if (absl::Status status = book.Save(*open).status(); !status.ok()) return status;
    return SendersSide(message, received, book);
  }
  auto open = AddressedCase(message, book);
  if (!open.ok()) return open.status();
  const cases::MessageRecord received = NoteReceived(message, open->now);
  absl::Status status;
  if (message.kind == v1::SYSTEM_OUTCOME) {
    status = NoteOutcome(message.payload.system_outcome(), MomentOf(message.payload), book, *open);
  } else if (open->now.role() == v1::CASE_ROLE_ACCEPTING) {
    status = OnHomeMessage(message, received, book, *open);
  } else {
    status = OnAcceptingMessage(message, received, book, *open);
  }
  if (!status.ok()) return status;
  if (status = book.Save(*open).status(); !status.ok()) return status;
  return SendersSide(message, received, book);
}

// Within one node the receipt is the same atomic write.
absl::Status CaseServiceImpl::SendersSide(const InboundMessage& message,
                                          const cases::MessageRecord& received,
                                          CaseBook& book) const {
  if (message.source != deps_.province) return absl::OkStatus();
  auto sender = book.Find(message.case_handle, SenderRole(message.kind));
  if (!sender.ok()) return sender.status();
  if (!sender->has_value()) return absl::OkStatus();
  OpenCase& open = **sender;
  v1::CaseMessage news = received.message();
  news.set_passage(v1::PASSAGE_RECEIVED);
  cases::MessageRecord* noted = NotePassage(news, open.now);
  if (noted == nullptr) return absl::OkStatus();
  noted->set_case_time_unix_us(received.case_time_unix_us());
  const cases::MessageRecord copy = *noted;
  if (open.now.role() == v1::CASE_ROLE_HOME) {
    OnHomePassage(copy, open);
  } else if (absl::Status status = OnAcceptingPassage(copy, book, open); !status.ok()) {
    return status;
  }
  return book.Save(open).status();
}

absl::Status CaseServiceImpl::OnPassage(platform::Transaction& txn,
                                        const contract::CaseHandle& case_handle,
                                        const v1::CaseMessage& message, CaseEffects& effects) {
  CaseBook book(deps_, store_, txn, effects);
  v1::CaseRole role = SenderRole(message.kind());
  if (role == v1::CASE_ROLE_UNSPECIFIED) role = v1::CASE_ROLE_ACCEPTING;
  auto found = book.Find(case_handle, role);
  if (found.ok() && !found->has_value() && SenderRole(message.kind()) != role) {
    found = book.Find(case_handle, OtherRole(role));
  }
  if (!found.ok()) return found.status();
  if (!found->has_value()) return absl::OkStatus();  // a message that no case sent
  OpenCase& open = **found;
  cases::MessageRecord* noted = NotePassage(message, open.now);
  if (noted == nullptr) return absl::OkStatus();
  const cases::MessageRecord news = *noted;
  const v1::Passage passage = message.passage();
  if (passage == v1::PASSAGE_REFUSED || passage == v1::PASSAGE_NOT_DELIVERED) {
    book.Note(open,
              absl::StrCat(v1::MessageKind_Name(message.kind()),
                           passage == v1::PASSAGE_REFUSED ? " refused" : " not delivered",
                           message.detail().empty() ? "" : ": ", message.detail()),
              {open.now.last_case_time_unix_us(), SystemOfficer("node")}, message.reason());
  }
  if (open.now.role() == v1::CASE_ROLE_HOME) {
    OnHomePassage(news, open);
  } else if (absl::Status status = OnAcceptingPassage(news, book, open); !status.ok()) {
    return status;
  }
  return book.Save(open).status();
}

absl::Status CaseServiceImpl::OnRegisterAnswer(platform::Transaction& txn, const SystemTask& task,
                                               const std::optional<RegisterRecord>& record,
                                               CaseEffects& effects) {
  CaseBook book(deps_, store_, txn, effects);
  store_.DeleteTask(txn, task.case_handle, static_cast<std::uint32_t>(task.kind));
  auto open = book.Find(task.case_handle, v1::CASE_ROLE_HOME);
  if (!open.ok()) return open.status();
  // Asked twice after a restart, or ended meanwhile: nothing is left to answer.
  const bool waits = open->has_value() && (*open)->now.state() == v1::CASE_APPLIED &&
                     (*open)->now.reason() == v1::ERROR_REASON_UNSPECIFIED;
  if (!waits) return absl::OkStatus();
  if (absl::Status status = AnswerQuery(record, book, **open); !status.ok()) return status;
  return book.Save(**open).status();
}

absl::Status CaseServiceImpl::OnSystemOutcome(platform::Transaction& txn, const SystemTask& task,
                                              const v1::SystemOutcome& outcome,
                                              CaseEffects& effects) {
  CaseBook book(deps_, store_, txn, effects);
  const bool at_home = task.kind != SystemTask::Kind::kCardCentreOrder;
  auto open = book.Find(task.case_handle, at_home ? v1::CASE_ROLE_HOME : v1::CASE_ROLE_ACCEPTING);
  if (!open.ok()) return open.status();
  if (!open->has_value()) return absl::OkStatus();
  auto pending = TaskIsPending(txn, store_, task);
  if (!pending.ok()) return pending.status();
  if (!*pending) return absl::OkStatus();  // answered before, or no longer wanted
  store_.DeleteTask(txn, task.case_handle, static_cast<std::uint32_t>(task.kind));
  v1::SystemOutcome report = outcome;
  report.set_of_sequence(task.of_sequence);
  report.clear_of_header_digest();
  const Moment moment{(*open)->now.last_case_time_unix_us(), SystemOfficer(outcome.system())};
  if (absl::Status status = ReportOutcome(report, moment, book, **open); !status.ok()) {
    return status;
  }
  return book.Save(**open).status();
}

absl::StatusOr<v1::CaseView> CaseServiceImpl::SystemReports(
    CaseBook& book, const Caller& caller, const v1::RecordSystemOutcomeRequest& request) {
  v1::CaseRole role = request.case_().role();
  auto open =
      book.Open(request.case_(), role == v1::CASE_ROLE_UNSPECIFIED ? v1::CASE_ROLE_HOME : role);
  if (!open.ok() && role == v1::CASE_ROLE_UNSPECIFIED) {
    open = book.Open(request.case_(), v1::CASE_ROLE_ACCEPTING);
  }
  if (!open.ok()) return open.status();
  const v1::Application& form = open->now.form();
  const CaseScope scope{open->now.role(), form.accepting_point(), form.applicant().home_division()};
  if (absl::Status status = Require(caller, "RecordSystemOutcome", {v1::CALLER_SYSTEM}, scope);
      !status.ok()) {
    return status;
  }
  if (request.outcome().system().empty()) {
    return FieldError(v1::FIELD_INVALID, "outcome.system", "is missing");
  }
  if (absl::Status status =
          ReportOutcome(request.outcome(), MomentOf(request.context()), book, *open);
      !status.ok()) {
    return status;
  }
  if (absl::Status status = DropTasksOf(book, open->now, request.outcome().of_sequence());
      !status.ok()) {
    return status;
  }
  return book.Save(*open);
}

absl::StatusOr<std::vector<SystemTask>> CaseServiceImpl::PendingSystemTasks(
    const platform::Transaction& txn) {
  const auto tasks = store_.Tasks(txn);
  if (!tasks.ok()) return tasks.status();
  std::vector<SystemTask> out;
  for (const cases::PendingTask& task : *tasks) {
    const bool at_home =
        static_cast<SystemTask::Kind>(task.kind()) != SystemTask::Kind::kCardCentreOrder;
    const auto handle = contract::CaseHandle::From(task.case_handle());
    if (!handle.has_value()) continue;
    const auto record =
        store_.Load(txn, {*handle, at_home ? v1::CASE_ROLE_HOME : v1::CASE_ROLE_ACCEPTING});
    if (!record.ok()) return record.status();
    if (record->has_value()) out.push_back(TaskOf(task, **record));
  }
  return out;
}

}  // namespace

std::unique_ptr<CaseService> NewCaseService(CaseServiceDeps deps) {
  return std::make_unique<CaseServiceImpl>(std::move(deps));
}

}  // namespace yizhan::node
