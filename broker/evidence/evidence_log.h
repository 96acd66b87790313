// The evidence log: what the broker did with which message, append-only and
// hash-chained, so that nobody changes the past unnoticed.
#ifndef YIZHAN_BROKER_EVIDENCE_EVIDENCE_LOG_H_
#define YIZHAN_BROKER_EVIDENCE_EVIDENCE_LOG_H_

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "broker/store/records.h"
#include "broker/store/stored.pb.h"
#include "protos/contract/crypto.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/broker_admin.pb.h"
#include "yizhan/v1/common.pb.h"

namespace yizhan::broker {

// One thread; what the pointers name must outlive this object.
//
//   entry   serialized v1.TraceStep, log_position set; positions begin at 1
//   digest  SM3(digest before | SM3(entry)), 32 zeros before the first
//
// Invariants:
//  1. An entry, its indexes, the counters and the head are in one group.
//  2. The log holds headers' identities and digests, never bodies.
class EvidenceLog {
 public:
  EvidenceLog(Records* records, const contract::Hasher* hasher)
      : records_(records), hasher_(hasher) {}

  // Begins a new log, with a new id, where the store has none.
  void Load(contract::Random& random);
  // `step` without position. Counts it for CountMessages too.
  contract::LogPosition Append(v1::TraceStep step);
  v1::LogCheckpoint checkpoint() const { return head_; }
  // Remembers a checkpoint of an earlier log, lost with its store. False where
  // a higher one is known, or too many logs are.
  bool NoteEarlier(const v1::LogCheckpoint& shown);
  const std::map<std::string, v1::LogCheckpoint>& earlier() const { return earlier_; }
  // Head and counters of the open group.
  void Flush();

  std::vector<v1::TraceStep> OfHeader(const contract::Digest& header_digest);
  std::vector<v1::TraceStep> OfMessage(const contract::MessageId& message_id);
  std::vector<v1::TraceStep> OfRun(const contract::RunId& run);
  std::vector<v1::MessageCount> Counts() const;

 private:
  using CountKey = std::tuple<v1::Lane, std::uint32_t, std::uint32_t, v1::MessageKind>;
  void Index(const v1::TraceStep& step);
  void CloseRow();
  void Count(const v1::TraceStep& step);
  std::vector<v1::TraceStep> Follow(char table, absl::string_view what);
  std::string CountKeyOf(const CountKey& key) const;

  Records* const records_;
  const contract::Hasher* const hasher_;
  v1::LogCheckpoint head_;
  stored::StoredEvidence open_;  // not written yet
  std::uint64_t open_begins_ = 0;
  std::map<std::string, v1::LogCheckpoint> earlier_;  // by log id
  bool head_changed_ = false;
  std::map<CountKey, v1::MessageCount> counts_;
  std::map<CountKey, bool> counts_changed_;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_EVIDENCE_EVIDENCE_LOG_H_
