// The cases that one call opens, changes and saves.
#ifndef YIZHAN_PROVINCE_NODES_CASES_CASE_BOOK_H_
#define YIZHAN_PROVINCE_NODES_CASES_CASE_BOOK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "province_nodes/cases/case_record.pb.h"
#include "province_nodes/cases/case_service.h"
#include "province_nodes/cases/case_store.h"
#include "province_nodes/cases/transitions.h"

namespace yizhan::node {

// When on the case clock, and who.
struct Moment {
  std::int64_t at_us = 0;
  v1::Officer officer;
};

// The officer of what a system does by itself.
v1::Officer SystemOfficer(absl::string_view unit);
Moment MomentOf(const v1::CommandContext& context);
Moment MomentOf(const v1::Payload& payload);

// A case that a call has open. `before` is what lies in the store.
struct OpenCase {
  std::optional<cases::CaseRecord> before;
  cases::CaseRecord now;
};

// Lives for one call; what it was made of must outlive it.
// Invariant: a record that was opened and changed is saved once, by Save.
class CaseBook {
 public:
  CaseBook(const CaseServiceDeps& service_deps, const CaseStore& case_store,
           platform::Transaction& transaction, CaseEffects& call_effects)
      : deps(service_deps), store(case_store), txn(transaction), effects(call_effects) {}

  absl::StatusOr<std::optional<OpenCase>> Find(const contract::CaseHandle& handle,
                                               v1::CaseRole role) const;
  absl::StatusOr<OpenCase> Open(const v1::CaseKey& key, v1::CaseRole role) const;
  static OpenCase New(const contract::CaseHandle& handle, v1::CaseRole role,
                      contract::ProvinceCode accepting, contract::ProvinceCode home);

  // Moves the case, starts and meets clocks, notes the event. The reason shown
  // becomes `reason`. STATE_NOT_ALLOWED where the act does not fit.
  absl::Status Step(OpenCase& open, CaseAct act, const Moment& moment,
                    v1::ErrorReason reason = v1::ERROR_REASON_UNSPECIFIED,
                    absl::string_view detail = "") const;
  // A step that leaves the reason as it is.
  absl::Status StepKeepingReason(OpenCase& open, CaseAct act, const Moment& moment) const;
  // An event that moves nothing.
  void Note(OpenCase& open, absl::string_view what, const Moment& moment,
            v1::ErrorReason reason) const;

  // To the other party of the case; `payload` has its body set.
  void Send(const OpenCase& open, v1::MessageKind kind, v1::Payload payload, const Moment& moment);
  // Asks a system about what `cause`, a received message, brought.
  void Ask(const OpenCase& open, SystemTask::Kind kind, const cases::MessageRecord& cause);
  // Saves, tells watchers, and gives the view as of its last event.
  absl::StatusOr<v1::CaseView> Save(OpenCase& open);

  const CaseServiceDeps& deps;
  const CaseStore& store;
  platform::Transaction& txn;
  CaseEffects& effects;
};

// A case by handle or acceptance number; CASE_NOT_FOUND, REQUEST_MALFORMED.
absl::StatusOr<cases::CaseRecord> LoadByKey(const platform::Transaction& txn,
                                            const CaseStore& store, const v1::CaseKey& key,
                                            v1::CaseRole role);

// The task as others see it, from what is stored of it and its case.
SystemTask TaskOf(const cases::PendingTask& task, const cases::CaseRecord& record);

contract::ProvinceCode PeerOf(const cases::CaseRecord& record);

// Errors of commands and messages, in the words that people meet.
absl::Status FieldError(v1::ErrorReason reason, absl::string_view field, absl::string_view problem);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_CASES_CASE_BOOK_H_
