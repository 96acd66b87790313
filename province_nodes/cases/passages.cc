#include "province_nodes/cases/passages.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"

namespace yizhan::node {
namespace {

int Stage(v1::Passage passage) {
  switch (passage) {
    case v1::PASSAGE_WAITING:
      return 1;
    case v1::PASSAGE_ACCEPTED:
    case v1::PASSAGE_HELD:
      return 2;
    case v1::PASSAGE_REFUSED:
    case v1::PASSAGE_NOT_DELIVERED:
      return 3;
    case v1::PASSAGE_RECEIVED:  // outranks a notice
      return 4;
    case v1::PASSAGE_APPLIED:
    case v1::PASSAGE_REJECTED:
      return 5;
    default:
      return 0;
  }
}

cases::MessageRecord* FindMessage(cases::CaseRecord& record, bool outgoing,
                                  std::uint64_t sequence) {
  for (cases::MessageRecord& entry : *record.mutable_messages()) {
    if (entry.message().outgoing() == outgoing && entry.message().sequence() == sequence) {
      return &entry;
    }
  }
  return nullptr;
}

void SetOutcome(const v1::SystemOutcome& outcome, v1::CaseMessage& message) {
  message.set_passage(outcome.applied() ? v1::PASSAGE_APPLIED : v1::PASSAGE_REJECTED);
  message.set_detail(outcome.applied() ? outcome.system()
                                       : absl::StrCat(outcome.system(), ": ", outcome.reject_code(),
                                                      " ", outcome.detail()));
}

std::string OutcomeText(const v1::SystemOutcome& outcome, v1::MessageKind kind) {
  return absl::StrCat(outcome.system(), outcome.applied() ? " applied " : " rejected ",
                      v1::MessageKind_Name(kind), outcome.applied() ? "" : ": ",
                      outcome.reject_code());
}

absl::Status UnknownMessage(std::uint64_t sequence) {
  return contract::MakeError(
      v1::CASE_RULE_VIOLATED, v1::SIDE_MINE,
      absl::StrCat("the outcome is of message ", sequence, ", which this case does not have"),
      "Name sequence and header digest of the message as it was received.");
}

}  // namespace

cases::MessageRecord& NoteReceived(const InboundMessage& message, cases::CaseRecord& record) {
  std::uint64_t sequence = message.sequence;
  if (sequence == 0) {  // within one node nobody numbers them
    sequence = 1;
    for (const cases::MessageRecord& entry : record.messages()) {
      if (!entry.message().outgoing()) {
        sequence = std::max(sequence, entry.message().sequence() + 1);
      }
    }
  }
  cases::MessageRecord& entry = *record.add_messages();
  entry.mutable_message()->set_message_id(message.message_id.str());
  entry.mutable_message()->set_kind(message.kind);
  entry.mutable_message()->set_sequence(sequence);
  entry.mutable_message()->set_passage(v1::PASSAGE_RECEIVED);
  entry.set_header_digest(message.header_digest.str());
  entry.set_case_time_unix_us(message.payload.case_time_unix_us());
  return entry;
}

cases::MessageRecord* NotePassage(const v1::CaseMessage& news, cases::CaseRecord& record) {
  cases::MessageRecord* entry = FindMessage(record, true, news.sequence());
  if (entry == nullptr) {
    entry = record.add_messages();
    entry->set_first_at_unix_us(news.at_unix_us());
    entry->set_case_time_unix_us(record.last_case_time_unix_us());
  } else if (Stage(news.passage()) < Stage(entry->message().passage()) ||
             (Stage(news.passage()) >= 3 &&
              Stage(news.passage()) == Stage(entry->message().passage()))) {
    return nullptr;
  }
  *entry->mutable_message() = news;
  entry->mutable_message()->set_outgoing(true);
  return entry;
}

std::int64_t ArrivalCaseTime(const cases::MessageRecord& message) {
  const std::int64_t under_way = message.message().at_unix_us() - message.first_at_unix_us();
  const bool known = message.first_at_unix_us() != 0 && message.message().at_unix_us() != 0;
  return message.case_time_unix_us() + (known ? std::max<std::int64_t>(under_way, 0) : 0);
}

absl::Status NoteOutcome(const v1::SystemOutcome& outcome, const Moment& moment, CaseBook& book,
                         OpenCase& open) {
  cases::MessageRecord* entry = FindMessage(open.now, true, outcome.of_sequence());
  if (entry == nullptr) return UnknownMessage(outcome.of_sequence());
  SetOutcome(outcome, *entry->mutable_message());
  book.Note(open, OutcomeText(outcome, entry->message().kind()), moment,
            v1::ERROR_REASON_UNSPECIFIED);
  return absl::OkStatus();
}

absl::Status ReportOutcome(const v1::SystemOutcome& outcome, const Moment& moment, CaseBook& book,
                           OpenCase& open) {
  cases::MessageRecord* entry = FindMessage(open.now, false, outcome.of_sequence());
  const bool same_digest =
      entry != nullptr &&
      (outcome.of_header_digest().empty() || outcome.of_header_digest() == entry->header_digest());
  if (!same_digest || entry->message().kind() == v1::SYSTEM_OUTCOME) {
    return UnknownMessage(outcome.of_sequence());
  }
  SetOutcome(outcome, *entry->mutable_message());
  const v1::MessageKind kind = entry->message().kind();
  v1::SystemOutcome report = outcome;
  report.set_of_header_digest(entry->header_digest());
  book.Note(open, OutcomeText(outcome, kind), moment, v1::ERROR_REASON_UNSPECIFIED);
  if (PeerOf(open.now) != book.deps.province) {
    v1::Payload payload;
    *payload.mutable_system_outcome() = report;
    book.Send(open, v1::SYSTEM_OUTCOME, std::move(payload), moment);
    return absl::OkStatus();
  }
  const v1::CaseRole other =
      open.now.role() == v1::CASE_ROLE_HOME ? v1::CASE_ROLE_ACCEPTING : v1::CASE_ROLE_HOME;
  auto sender = book.Find(KeyOf(open.now).first, other);
  if (!sender.ok()) return sender.status();
  if (!sender->has_value()) return UnknownMessage(outcome.of_sequence());
  if (absl::Status status = NoteOutcome(report, moment, book, **sender); !status.ok()) {
    return status;
  }
  return book.Save(**sender).status();
}

}  // namespace yizhan::node
