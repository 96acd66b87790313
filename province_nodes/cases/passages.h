// What a case knows of its messages, in and out.
#ifndef YIZHAN_PROVINCE_NODES_CASES_PASSAGES_H_
#define YIZHAN_PROVINCE_NODES_CASES_PASSAGES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "province_nodes/cases/case_book.h"

namespace yizhan::node {

// Notes a message that the case received.
cases::MessageRecord& NoteReceived(const InboundMessage& message, cases::CaseRecord& record);

// Notes how far an outgoing message has come; a later stage is never replaced by
// an earlier one. The record of the message, or null if nothing is new.
cases::MessageRecord* NotePassage(const v1::CaseMessage& news, cases::CaseRecord& record);

// Case time of the message and the exchange time that it was under way.
std::int64_t ArrivalCaseTime(const cases::MessageRecord& message);

// What the peer's system did with a message that this view sent.
absl::Status NoteOutcome(const v1::SystemOutcome& outcome, const Moment& moment, CaseBook& book,
                         OpenCase& open);

// What the own system did with a message that this view received: noted, and
// told to its sender (by a message, or at once where the sender is this node).
absl::Status ReportOutcome(const v1::SystemOutcome& outcome, const Moment& moment, CaseBook& book,
                           OpenCase& open);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_CASES_PASSAGES_H_
