// What happens to the accepting view of a case.
#ifndef YIZHAN_PROVINCE_NODES_CASES_ACCEPTING_SIDE_H_
#define YIZHAN_PROVINCE_NODES_CASES_ACCEPTING_SIDE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "province_nodes/cases/case_book.h"

namespace yizhan::node {

// Messages of the home province. `open` is changed and not yet saved; `received`
// is the message as noted in it.
absl::Status OnHomeMessage(const InboundMessage& message, const cases::MessageRecord& received,
                           CaseBook& book, OpenCase& open);
// One of its own messages has come further.
absl::Status OnAcceptingPassage(const cases::MessageRecord& message, CaseBook& book,
                                OpenCase& open);

// Commands. Each authorises the caller, changes the case and saves it.
absl::StatusOr<v1::CaseView> Apply(CaseBook& book, const Caller& caller,
                                   const v1::ApplyRequest& request);
absl::StatusOr<v1::CaseView> AskForRetake(CaseBook& book, const Caller& caller,
                                          const v1::RecordQualityFeedbackRequest& request);
absl::StatusOr<v1::CaseView> Retake(CaseBook& book, const Caller& caller,
                                    const v1::RecordRetakeRequest& request);
absl::StatusOr<v1::CaseView> Produce(CaseBook& book, const Caller& caller,
                                     const v1::RecordProductionRequest& request);
absl::StatusOr<v1::CaseView> MakeReady(CaseBook& book, const Caller& caller,
                                       const v1::RecordReadyRequest& request);
absl::StatusOr<v1::CaseView> HandOver(CaseBook& book, const Caller& caller,
                                      const v1::RecordHandOverRequest& request);
absl::StatusOr<v1::CaseView> Inform(CaseBook& book, const Caller& caller,
                                    const v1::RecordInformedRequest& request);
absl::StatusOr<v1::CaseView> Refund(CaseBook& book, const Caller& caller,
                                    const v1::RecordRefundedRequest& request);

// Whether the bytes are a portrait and templates; used by both sides.
absl::Status CheckTaken(const CaseServiceDeps& deps, const v1::Retake& retake);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_CASES_ACCEPTING_SIDE_H_
