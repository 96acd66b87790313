// The case service as the core sees it, with a record of every message that took
// effect. The record becomes history only when the group's write did.
#ifndef YIZHAN_TESTS_SIMULATION_RECORDING_CASES_H_
#define YIZHAN_TESTS_SIMULATION_RECORDING_CASES_H_

#include <memory>
#include <utility>
#include <vector>

#include "province_nodes/cases/case_service.h"

namespace yizhan::simulation {

// One thread. `applied` must outlive this object.
class RecordingCases final : public node::CaseService {
 public:
  RecordingCases(std::unique_ptr<node::CaseService> real,
                 std::vector<node::InboundMessage>* applied)
      : real_(std::move(real)), applied_(applied) {}

  absl::Status OnMessage(platform::Transaction& txn, const node::InboundMessage& message,
                         node::CaseEffects& effects) override {
    absl::Status status = real_->OnMessage(txn, message, effects);
    if (status.ok()) applied_->push_back(message);
    return status;
  }

  absl::Status OnPassage(platform::Transaction& txn, const contract::CaseHandle& handle,
                         const v1::CaseMessage& message, node::CaseEffects& effects) override {
    return real_->OnPassage(txn, handle, message, effects);
  }
  absl::Status OnReturned(platform::Transaction& txn, const node::OutgoingMessage& message,
                          node::CaseEffects& effects) override {
    return real_->OnReturned(txn, message, effects);
  }
  absl::Status OnRecoveryBegan(platform::Transaction& txn, absl::Time now) override {
    return real_->OnRecoveryBegan(txn, now);
  }
  absl::Status OnRegisterAnswer(platform::Transaction& txn, const node::SystemTask& task,
                                const std::optional<node::RegisterRecord>& record,
                                node::CaseEffects& effects) override {
    return real_->OnRegisterAnswer(txn, task, record, effects);
  }
  absl::Status OnSystemOutcome(platform::Transaction& txn, const node::SystemTask& task,
                               const v1::SystemOutcome& outcome,
                               node::CaseEffects& effects) override {
    return real_->OnSystemOutcome(txn, task, outcome, effects);
  }
  absl::StatusOr<std::vector<node::SystemTask>> PendingSystemTasks(
      const platform::Transaction& txn) override {
    return real_->PendingSystemTasks(txn);
  }

  using Txn = platform::Transaction;
  using View = absl::StatusOr<v1::CaseView>;
  using Effects = node::CaseEffects;
  View Apply(Txn& t, const node::Caller& c, const v1::ApplyRequest& r, Effects& e) override {
    return real_->Apply(t, c, r, e);
  }
  View RecordReview(Txn& t, const node::Caller& c, const v1::RecordReviewRequest& r,
                    Effects& e) override {
    return real_->RecordReview(t, c, r, e);
  }
  View RecordQualityFeedback(Txn& t, const node::Caller& c,
                             const v1::RecordQualityFeedbackRequest& r, Effects& e) override {
    return real_->RecordQualityFeedback(t, c, r, e);
  }
  View RecordRetake(Txn& t, const node::Caller& c, const v1::RecordRetakeRequest& r,
                    Effects& e) override {
    return real_->RecordRetake(t, c, r, e);
  }
  View RecordProduction(Txn& t, const node::Caller& c, const v1::RecordProductionRequest& r,
                        Effects& e) override {
    return real_->RecordProduction(t, c, r, e);
  }
  View RecordReady(Txn& t, const node::Caller& c, const v1::RecordReadyRequest& r,
                   Effects& e) override {
    return real_->RecordReady(t, c, r, e);
  }
  View RecordHandOver(Txn& t, const node::Caller& c, const v1::RecordHandOverRequest& r,
                      Effects& e) override {
    return real_->RecordHandOver(t, c, r, e);
  }
  View RecordInformed(Txn& t, const node::Caller& c, const v1::RecordInformedRequest& r,
                      Effects& e) override {
    return real_->RecordInformed(t, c, r, e);
  }
  View RecordRefunded(Txn& t, const node::Caller& c, const v1::RecordRefundedRequest& r,
                      Effects& e) override {
    return real_->RecordRefunded(t, c, r, e);
  }
  View RecordSystemOutcome(Txn& t, const node::Caller& c, const v1::RecordSystemOutcomeRequest& r,
                           Effects& e) override {
    return real_->RecordSystemOutcome(t, c, r, e);
  }
  View GetCase(const Txn& t, const node::Caller& c, const v1::GetCaseRequest& r) override {
    return real_->GetCase(t, c, r);
  }
  absl::StatusOr<v1::ListCasesResponse> ListCases(const Txn& t, const node::Caller& c,
                                                  const v1::ListCasesRequest& r) override {
    return real_->ListCases(t, c, r);
  }
  absl::StatusOr<v1::ListWorkResponse> ListWork(const Txn& t, const node::Caller& c,
                                                const v1::ListWorkRequest& r) override {
    return real_->ListWork(t, c, r);
  }
  absl::StatusOr<std::vector<v1::CaseView>> ChangesAfter(const Txn& t, const node::Caller& c,
                                                         std::uint64_t revision,
                                                         std::size_t limit) override {
    return real_->ChangesAfter(t, c, revision, limit);
  }
  absl::StatusOr<Statistics> Collect(const Txn& t, absl::Time as_of) override {
    return real_->Collect(t, as_of);
  }

 private:
  const std::unique_ptr<node::CaseService> real_;
  std::vector<node::InboundMessage>* const applied_;
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_RECORDING_CASES_H_
