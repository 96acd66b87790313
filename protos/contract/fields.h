// Small judgements of single fields, shared by the parsers of this folder.
#ifndef YIZHAN_PROTOS_CONTRACT_FIELDS_H_
#define YIZHAN_PROTOS_CONTRACT_FIELDS_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/common.pb.h"

namespace yizhan::contract {

// A rule of one field, and the sentence for where it does not hold.
struct FieldRule {
  bool holds;
  const char* text;
};

// The sentence of the first that does not hold; nullptr if all hold.
inline const char* FirstBroken(absl::Span<const FieldRule> rules) {
  for (const FieldRule& rule : rules) {
    if (!rule.holds) return rule.text;
  }
  return nullptr;
}

// proto3 enumerations are open: a number from the wire may have no enumerator.
template <typename Enum>
bool IsKnown(Enum value, bool (*is_valid)(int)) {
  return value != Enum{} && is_valid(static_cast<int>(value));
}

// 16 bytes, not all zero, in the TEST lane; empty in others. Zero is what the
// identity of a BUSINESS message has.
inline bool IsRunIdOfLane(v1::Lane lane, absl::string_view run_id) {
  if (lane != v1::LANE_TEST) return run_id.empty();
  const auto run = RunId::From(run_id);
  return run.has_value() && !run->is_zero();
}

// The head of an empty log may have no digest.
inline bool IsDirectoryHead(const v1::DirectoryHead& head) {
  return head.digest().size() == Digest::kSize || (head.size() == 0 && head.digest().empty());
}

// Who has not met the log yet tells an empty checkpoint.
inline bool IsLogCheckpoint(const v1::LogCheckpoint& checkpoint) {
  if (checkpoint.size() == 0 && checkpoint.digest().empty()) {
    return checkpoint.log_id().empty() || checkpoint.log_id().size() == LogId::kSize;
  }
  return checkpoint.log_id().size() == LogId::kSize && checkpoint.digest().size() == Digest::kSize;
}

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_FIELDS_H_
