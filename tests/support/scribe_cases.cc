#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "tests/support/exchange_world.h"

namespace yizhan::testing {
namespace {

absl::Status NotHere() { return absl::UnimplementedError("the scribe only writes down messages"); }

}  // namespace

absl::Status ScribeCases::OnMessage(platform::Transaction& txn, const node::InboundMessage& message,
                                    node::CaseEffects& effects) {
  const std::string count_key = absl::StrCat(prefix_, "count");
  auto count = txn.Get(count_key);
  if (!count.ok()) return count.status();
  const int next = count->has_value() ? std::atoi((*count)->c_str()) + 1 : 1;
  txn.Put(count_key, absl::StrCat(next));
  txn.Put(absl::StrCat(prefix_, "applied/", message.case_handle.str(), next + 100000),
          absl::StrCat(v1::MessageKind_Name(message.kind), "#", message.sequence));
  if (message.payload.acceptance_number() == "refuse") {
    return contract::MakeError(v1::CASE_RULE_VIOLATED, v1::SIDE_THEIRS, "the test says no",
                               "Ask the test.");
  }
  if (message.kind == v1::ELIGIBILITY_QUERY) {
    node::OutgoingMessage answer;
    answer.destination = message.source;
    answer.kind = v1::ELIGIBILITY_ANSWER;
    answer.case_handle = message.case_handle;
    answer.payload.set_format_version(1);
    answer.payload.mutable_eligibility_answer()->set_matches(true);
    effects.messages.push_back(std::move(answer));
  }
  return absl::OkStatus();
}

absl::Status ScribeCases::OnPassage(platform::Transaction& txn, const contract::CaseHandle& handle,
                                    const v1::CaseMessage& message, node::CaseEffects&) {
  txn.Put(absl::StrCat(prefix_, "passage/", handle.str(), message.sequence()),
          message.SerializeAsString());
  return absl::OkStatus();
}

absl::Status ScribeCases::OnReturned(platform::Transaction& txn,
                                     const node::OutgoingMessage& message, node::CaseEffects&) {
  const std::string count_key = absl::StrCat(prefix_, "count");
  auto count = txn.Get(count_key);
  if (!count.ok()) return count.status();
  const int next = count->has_value() ? std::atoi((*count)->c_str()) + 1 : 1;
  txn.Put(count_key, absl::StrCat(next));
  txn.Put(absl::StrCat(prefix_, "applied/", message.case_handle.str(), next + 100000),
          absl::StrCat("own ", v1::MessageKind_Name(message.kind)));
  return absl::OkStatus();
}

absl::Status ScribeCases::OnRegisterAnswer(platform::Transaction& txn, const node::SystemTask& task,
                                           const std::optional<node::RegisterRecord>& record,
                                           node::CaseEffects&) {
  txn.Put(absl::StrCat(prefix_, "register/", task.case_handle.str()),
          record.has_value() ? "found" : "nobody");
  return absl::OkStatus();
}
absl::Status ScribeCases::OnSystemOutcome(platform::Transaction& txn, const node::SystemTask& task,
                                          const v1::SystemOutcome& outcome, node::CaseEffects&) {
  txn.Put(absl::StrCat(prefix_, "system/", task.case_handle.str()),
          outcome.applied() ? "applied" : "rejected");
  return absl::OkStatus();
}
absl::StatusOr<std::vector<node::SystemTask>> ScribeCases::PendingSystemTasks(
    const platform::Transaction&) {
  return std::vector<node::SystemTask>();
}

using View = ScribeCases::View;
using Txn = platform::Transaction;
using Effects = node::CaseEffects;
using Caller = node::Caller;

View ScribeCases::Apply(Txn&, const Caller&, const v1::ApplyRequest&, Effects&) {
  return NotHere();
}
View ScribeCases::RecordReview(Txn&, const Caller&, const v1::RecordReviewRequest&, Effects&) {
  return NotHere();
}
View ScribeCases::RecordQualityFeedback(Txn&, const Caller&,
                                        const v1::RecordQualityFeedbackRequest&, Effects&) {
  return NotHere();
}
View ScribeCases::RecordRetake(Txn&, const Caller&, const v1::RecordRetakeRequest&, Effects&) {
  return NotHere();
}
View ScribeCases::RecordProduction(Txn&, const Caller&, const v1::RecordProductionRequest&,
                                   Effects&) {
  return NotHere();
}
View ScribeCases::RecordReady(Txn&, const Caller&, const v1::RecordReadyRequest&, Effects&) {
  return NotHere();
}
View ScribeCases::RecordHandOver(Txn&, const Caller&, const v1::RecordHandOverRequest&, Effects&) {
  return NotHere();
}
View ScribeCases::RecordInformed(Txn&, const Caller&, const v1::RecordInformedRequest&, Effects&) {
  return NotHere();
}
View ScribeCases::RecordRefunded(Txn&, const Caller&, const v1::RecordRefundedRequest&, Effects&) {
  return NotHere();
}
View ScribeCases::RecordSystemOutcome(Txn&, const Caller&, const v1::RecordSystemOutcomeRequest&,
                                      Effects&) {
  return NotHere();
}
View ScribeCases::GetCase(const Txn&, const Caller&, const v1::GetCaseRequest&) {
  return NotHere();
}
absl::StatusOr<v1::ListCasesResponse> ScribeCases::ListCases(const Txn&, const Caller&,
                                                             const v1::ListCasesRequest&) {
  return NotHere();
}
absl::StatusOr<v1::ListWorkResponse> ScribeCases::ListWork(const Txn&, const Caller&,
                                                           const v1::ListWorkRequest&) {
  return NotHere();
}
absl::StatusOr<std::vector<v1::CaseView>> ScribeCases::ChangesAfter(const Txn&, const Caller&,
                                                                    std::uint64_t, std::size_t) {
  return NotHere();
}
absl::StatusOr<node::CaseService::Statistics> ScribeCases::Collect(const Txn&, absl::Time) {
  return Statistics();
}

}  // namespace yizhan::testing
