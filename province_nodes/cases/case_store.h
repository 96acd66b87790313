// Where cases lie in the node's store, with the indexes that keep lists from
// scanning everything.
#ifndef YIZHAN_PROVINCE_NODES_CASES_CASE_STORE_H_
#define YIZHAN_PROVINCE_NODES_CASES_CASE_STORE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "adapters/platform/kv/transaction.h"
#include "protos/contract/ids.h"
#include "province_nodes/cases/case_record.pb.h"

namespace yizhan::node {

// Keys, each after the prefix (numbers big-endian, so that they sort):
//
//   'r' handle[16] role[1]                            CaseRecord
//   'b' handle[16] role[1]                            Biometrics
//   'n' acceptance number[22]                         handle[16]
//   'w' role[1] state[1] scope '/' handle[16]         empty     work and lists
//   'v' revision[8]                                   handle[16] role[1]
//   'd' warns[8] handle[16] role[1] kind[1]           due[8]    open clocks
//   'c' role[1] state[1]                              count[8]
//   'q' point[9] day[10]                              last sequence[8]
//   'Q'                                               day[10] floor[8] of a recovery
//   't' handle[16] kind[1]                            PendingTask
//   'i' caller 0x00 request id                        AnsweredRequest
//   'R'                                               last revision[8]
//
// scope: the point in the accepting view, the home division in the other.
// Records carry format_version 1; Load refuses others. One thread. Invariant:
// the index entries of a record are those of its last Save.
class CaseStore {
 public:
  explicit CaseStore(std::string prefix) : prefix_(std::move(prefix)) {}

  using Key = std::pair<contract::CaseHandle, v1::CaseRole>;

  absl::StatusOr<std::optional<cases::CaseRecord>> Load(const platform::Transaction& txn,
                                                        const Key& key) const;
  // Gives the record its revision. `before` is what Load gave, or nothing.
  absl::Status Save(platform::Transaction& txn, const std::optional<cases::CaseRecord>& before,
                    cases::CaseRecord& record) const;

  absl::StatusOr<cases::Biometrics> LoadBiometrics(const platform::Transaction& txn,
                                                   const Key& key) const;
  void SaveBiometrics(platform::Transaction& txn, const Key& key,
                      const cases::Biometrics& biometrics) const;
  void DeleteBiometrics(platform::Transaction& txn, const Key& key) const;

  absl::StatusOr<std::optional<contract::CaseHandle>> FindNumber(const platform::Transaction& txn,
                                                                 absl::string_view number) const;
  // Next sequence of this point and day; the first one is `first`.
  absl::StatusOr<std::uint32_t> NextSequence(platform::Transaction& txn, absl::string_view point,
                                             absl::string_view day, std::uint32_t first) const;

  // Sequences of today and before go on beyond what a lost store may have given.
  absl::Status JumpSequences(platform::Transaction& txn, absl::Time now) const;

  void PutTask(platform::Transaction& txn, const cases::PendingTask& task) const;
  absl::StatusOr<std::optional<cases::PendingTask>> FindTask(const platform::Transaction& txn,
                                                             const contract::CaseHandle& handle,
                                                             std::uint32_t kind) const;
  void DeleteTask(platform::Transaction& txn, const contract::CaseHandle& handle,
                  std::uint32_t kind) const;
  absl::StatusOr<std::vector<cases::PendingTask>> Tasks(const platform::Transaction& txn) const;

  absl::StatusOr<std::optional<cases::AnsweredRequest>> FindAnswer(const platform::Transaction& txn,
                                                                   absl::string_view caller,
                                                                   absl::string_view request) const;
  void PutAnswer(platform::Transaction& txn, absl::string_view caller, absl::string_view request,
                 const cases::AnsweredRequest& answer) const;

  // A place in the 'w' index: what stands after the prefix's 'w'.
  static std::string WorkPrefix(v1::CaseRole role, v1::CaseState state, absl::string_view scope);
  // Cases of [begin, end) of the 'w' index with their places, until false.
  absl::Status VisitWork(
      const platform::Transaction& txn, absl::string_view begin, absl::string_view end,
      const std::function<bool(absl::string_view place, const Key& key)>& visit) const;
  // Changes after a revision, oldest first, until false.
  absl::Status VisitChanges(const platform::Transaction& txn, std::uint64_t after,
                            const std::function<bool(const Key& key)>& visit) const;

  // Open clocks that warn at or before `as_of_us`, by their warning time, from
  // `begin` (a place, or empty) on, until false.
  struct DueClock {
    Key key;
    v1::ClockKind kind = v1::CLOCK_KIND_UNSPECIFIED;
    std::int64_t warns_us = 0;
    std::int64_t due_us = 0;
  };
  absl::Status VisitDue(
      const platform::Transaction& txn, absl::string_view begin, std::int64_t as_of_us,
      const std::function<bool(absl::string_view place, const DueClock& clock)>& visit) const;

  absl::Status VisitCounts(
      const platform::Transaction& txn,
      const std::function<bool(v1::CaseRole, v1::CaseState, std::uint64_t)>& visit) const;

 private:
  std::string At(char kind, absl::string_view rest) const;
  absl::StatusOr<std::uint64_t> Number(const platform::Transaction& txn,
                                       absl::string_view key) const;
  absl::Status Count(platform::Transaction& txn, const cases::CaseRecord& record,
                     std::int64_t change) const;

  const std::string prefix_;
};

// The key of a record that was made by this room.
CaseStore::Key KeyOf(const cases::CaseRecord& record);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_CASES_CASE_STORE_H_
