// What an envelope must pass before anything of it is stored.
#ifndef YIZHAN_BROKER_ADMISSION_ADMISSION_H_
#define YIZHAN_BROKER_ADMISSION_ADMISSION_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/admission/budget.h"
#include "broker/admission/test_runs.h"
#include "broker/directory/directory_store.h"
#include "broker/store/keys.h"
#include "broker/store/moment.h"
#include "protos/contract/control.h"
#include "protos/contract/crypto.h"
#include "protos/contract/envelope.h"

namespace yizhan::broker {

// An envelope after its first look.
struct Looked {
  contract::ParsedEnvelope parsed;
  absl::Status refusal;  // OK, or BODY_TOO_LARGE, which is final once the signature verifies
};

// Judges; stores nothing. One thread; what the pointers name must outlive this
// object. The caller asks in the order of the declarations, cheap before dear.
class Admission {
 public:
  Admission(DirectoryStore* directory, const contract::Hasher* hasher,
            std::uint32_t asymmetric_per_second)
      : directory_(directory), hasher_(hasher), budget_(asymmetric_per_second) {}

  void SetTestRuns(const TestRuns* runs) { runs_ = runs; }

  absl::StatusOr<Looked> Parse(const v1::Envelope& envelope) const;
  // Source, lane and run are the session's: SPOOFED_SOURCE, HEADER_MALFORMED.
  absl::Status CheckSource(const contract::ParsedEnvelope& parsed, const BoxKey& session) const;
  // Times, then route (or the run).
  absl::Status CheckPassage(const contract::ParsedEnvelope& parsed, absl::Time now) const;
  // OK, or LINK_CUT: what waits for or comes from a cut route is held.
  absl::Status CheckNotCut(contract::ProvinceCode source, contract::ProvinceCode destination,
                           absl::Time now) const;
  // Key's owner, budget, signature: SIGNER_UNKNOWN, SIGNER_NOT_SOURCE,
  // VERIFICATION_BUDGET_EXCEEDED, SIGNATURE_INVALID.
  absl::Status CheckSignature(const v1::Envelope& envelope, const contract::ParsedEnvelope& parsed,
                              Moment now);
  // BODY_DIGEST_MISMATCH, RECIPIENT_KEY_UNKNOWN.
  absl::Status CheckBody(const v1::Envelope& envelope,
                         const contract::ParsedEnvelope& parsed) const;
  // Signature and issuer of a control record that `caller` brought.
  absl::Status CheckControl(const v1::ControlRecord& record, const contract::ParsedControl& parsed,
                            contract::ProvinceCode caller, Moment now);

  // Does this refusal, signed by us, end the message?
  static bool IsFinal(v1::ErrorReason reason);

 private:
  absl::Status CheckRun(const contract::ParsedEnvelope& parsed, absl::Time now) const;

  DirectoryStore* const directory_;
  const contract::Hasher* const hasher_;
  Budget budget_;
  const TestRuns* runs_ = nullptr;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_ADMISSION_ADMISSION_H_
