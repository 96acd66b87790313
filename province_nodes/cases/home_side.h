// What happens to the home view of a case.
#ifndef YIZHAN_PROVINCE_NODES_CASES_HOME_SIDE_H_
#define YIZHAN_PROVINCE_NODES_CASES_HOME_SIDE_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "province_nodes/cases/case_book.h"

namespace yizhan::node {

// The first message of a case: opens the view. The caller saves it.
absl::StatusOr<OpenCase> OnQuery(const InboundMessage& message, CaseBook& book);
// Every other message of the accepting province, not yet saved.
absl::Status OnAcceptingMessage(const InboundMessage& message, const cases::MessageRecord& received,
                                CaseBook& book, OpenCase& open);
// One of its own messages has come further.
void OnHomePassage(const cases::MessageRecord& message, OpenCase& open);

// The register's answer to a query, sent on to the accepting province.
absl::Status AnswerQuery(const std::optional<RegisterRecord>& record, CaseBook& book,
                         OpenCase& open);

// Commands of the county. Each authorises, changes and saves.
absl::StatusOr<v1::CaseView> Review(CaseBook& book, const Caller& caller,
                                    const v1::RecordReviewRequest& request);
absl::StatusOr<v1::CaseView> SendBack(CaseBook& book, const Caller& caller,
                                      const v1::RecordQualityFeedbackRequest& request);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_CASES_HOME_SIDE_H_
