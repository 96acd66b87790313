// Cases inside a node: what messages and commands do to them. The node's core
// calls it within its open transaction, so that a message, its dedup key, the
// case and what follows from it are one atomic write.
#ifndef YIZHAN_PROVINCE_NODES_CASES_CASE_SERVICE_H_
#define YIZHAN_PROVINCE_NODES_CASES_CASE_SERVICE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/platform/kv/transaction.h"
#include "protos/contract/crypto.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/case.pb.h"
#include "yizhan/v1/gateway.pb.h"
#include "yizhan/v1/payload.pb.h"
#include "yizhan/v1/policy.pb.h"

namespace yizhan::node {

// A message of a case, from the peer, or from this node itself when A = H.
struct InboundMessage {
  contract::ProvinceCode source;
  v1::MessageKind kind = v1::MESSAGE_KIND_UNSPECIFIED;
  contract::CaseHandle case_handle;
  std::uint64_t sequence = 0;
  contract::Digest header_digest;
  contract::MessageId message_id;
  v1::Payload payload;
  // What its sender had applied of the opposite direction; zero for nothing.
  contract::Digest last_applied_header_digest;
  // It is applied once more after a restore, and what this node sent in answer
  // to it comes by OnReturned: the case moves, but sends nothing.
  bool followed = false;
};

// A message that a case wants to send. The core hands it to the outbox, or, to
// the own province, straight to OnMessage of the other view.
struct OutgoingMessage {
  contract::ProvinceCode destination;
  v1::MessageKind kind = v1::MESSAGE_KIND_UNSPECIFIED;
  contract::CaseHandle case_handle;
  v1::Payload payload;
};

// Work for a provincial system, done outside of the core; its result comes back
// by OnRegisterAnswer and the like. Found again after a restart by
// PendingSystemTasks, so doing it twice must be harmless.
struct SystemTask {
  enum class Kind { kRegisterLookup, kRegisterRecordCard, kCardCentreOrder };
  Kind kind = Kind::kRegisterLookup;
  contract::CaseHandle case_handle;
  std::uint64_t of_sequence = 0;  // message that caused it
  contract::Digest of_header_digest;
  v1::Person person;
  std::string acceptance_number;
  std::string card_serial;
};

// The population register's answer about a person.
struct RegisterRecord {
  v1::Person person;
  bool has_history_photo = false;
  bool credit_listed = false;
};

// A registered caller of the gateway.
struct Caller {
  std::string name;
  std::vector<v1::CallerRole> roles;
  std::vector<std::string> points;     // codes or prefixes, "*"
  std::vector<std::string> divisions;  // codes or prefixes, "*"
};

// What a call wants done beside its changes to the transaction.
struct CaseEffects {
  std::vector<OutgoingMessage> messages;
  std::vector<SystemTask> tasks;
  std::vector<v1::CaseView> changed;  // for watchers, complete views
};

// One thread (the core's). Every call either changes the transaction and fills
// `effects`, or returns an error and changes nothing (the caller rolls back to
// its mark in any case).
class CaseService {
 public:
  virtual ~CaseService() = default;

  // --- exchange side ---
  // An error is a final refusal of the message: CASE_RULE_VIOLATED,
  // KIND_NOT_ALLOWED (role), PAYLOAD_MALFORMED, FIELD_INVALID, ...
  virtual absl::Status OnMessage(platform::Transaction& txn, const InboundMessage& message,
                                 CaseEffects& effects) = 0;
  // The outbox numbered an outgoing message, or learned how far one came. The
  // case shows it and, on refusal or notice, records it for people.
  virtual absl::Status OnPassage(platform::Transaction& txn,
                                 const contract::CaseHandle& case_handle,
                                 const v1::CaseMessage& message, CaseEffects& effects) = 0;

  // --- recovery of a restored store ---
  // A message that this node had sent after the backup: the case moves as it did
  // when it was sent, and sends nothing. One that does not fit is noted for
  // people; only storage errors are returned. Its passage follows by OnPassage.
  virtual absl::Status OnReturned(platform::Transaction&, const OutgoingMessage&, CaseEffects&) {
    return absl::OkStatus();
  }
  // Numbers that the lost store may have given to people are given no more.
  virtual absl::Status OnRecoveryBegan(platform::Transaction&, absl::Time /*now*/) {
    return absl::OkStatus();
  }

  // --- provincial systems ---
  virtual absl::Status OnRegisterAnswer(platform::Transaction& txn, const SystemTask& task,
                                        const std::optional<RegisterRecord>& record,
                                        CaseEffects& effects) = 0;
  // applied, or rejected with a code and detail; becomes a SYSTEM_OUTCOME message.
  virtual absl::Status OnSystemOutcome(platform::Transaction& txn, const SystemTask& task,
                                       const v1::SystemOutcome& outcome, CaseEffects& effects) = 0;
  virtual absl::StatusOr<std::vector<SystemTask>> PendingSystemTasks(
      const platform::Transaction& txn) = 0;

  // --- gateway commands: authorised by caller, idempotent by request id ---
  virtual absl::StatusOr<v1::CaseView> Apply(platform::Transaction&, const Caller&,
                                             const v1::ApplyRequest&, CaseEffects&) = 0;
  virtual absl::StatusOr<v1::CaseView> RecordReview(platform::Transaction&, const Caller&,
                                                    const v1::RecordReviewRequest&,
                                                    CaseEffects&) = 0;
  virtual absl::StatusOr<v1::CaseView> RecordQualityFeedback(
      platform::Transaction&, const Caller&, const v1::RecordQualityFeedbackRequest&,
      CaseEffects&) = 0;
  virtual absl::StatusOr<v1::CaseView> RecordRetake(platform::Transaction&, const Caller&,
                                                    const v1::RecordRetakeRequest&,
                                                    CaseEffects&) = 0;
  virtual absl::StatusOr<v1::CaseView> RecordProduction(platform::Transaction&, const Caller&,
                                                        const v1::RecordProductionRequest&,
                                                        CaseEffects&) = 0;
  virtual absl::StatusOr<v1::CaseView> RecordReady(platform::Transaction&, const Caller&,
                                                   const v1::RecordReadyRequest&, CaseEffects&) = 0;
  virtual absl::StatusOr<v1::CaseView> RecordHandOver(platform::Transaction&, const Caller&,
                                                      const v1::RecordHandOverRequest&,
                                                      CaseEffects&) = 0;
  virtual absl::StatusOr<v1::CaseView> RecordInformed(platform::Transaction&, const Caller&,
                                                      const v1::RecordInformedRequest&,
                                                      CaseEffects&) = 0;
  virtual absl::StatusOr<v1::CaseView> RecordRefunded(platform::Transaction&, const Caller&,
                                                      const v1::RecordRefundedRequest&,
                                                      CaseEffects&) = 0;
  virtual absl::StatusOr<v1::CaseView> RecordSystemOutcome(platform::Transaction&, const Caller&,
                                                           const v1::RecordSystemOutcomeRequest&,
                                                           CaseEffects&) = 0;

  // --- queries ---
  virtual absl::StatusOr<v1::CaseView> GetCase(const platform::Transaction&, const Caller&,
                                               const v1::GetCaseRequest&) = 0;
  virtual absl::StatusOr<v1::ListCasesResponse> ListCases(const platform::Transaction&,
                                                          const Caller&,
                                                          const v1::ListCasesRequest&) = 0;
  virtual absl::StatusOr<v1::ListWorkResponse> ListWork(const platform::Transaction&, const Caller&,
                                                        const v1::ListWorkRequest&) = 0;
  // Changes after a revision, for a watcher that comes back.
  virtual absl::StatusOr<std::vector<v1::CaseView>> ChangesAfter(const platform::Transaction&,
                                                                 const Caller&,
                                                                 std::uint64_t revision,
                                                                 std::size_t limit) = 0;

  // For metrics: cases by (role, state), and open clocks in warning and breach.
  struct Statistics {
    std::vector<std::pair<std::pair<v1::CaseRole, v1::CaseState>, std::uint64_t>> cases;
    std::uint64_t clocks_warning = 0;
    std::uint64_t clocks_breached = 0;
  };
  virtual absl::StatusOr<Statistics> Collect(const platform::Transaction& txn,
                                             absl::Time as_of) = 0;
};

// What an implementation needs; pointers must outlive it. Thread rule: called on
// the core's thread alone.
struct CaseServiceDeps {
  contract::ProvinceCode province;
  const contract::Hasher* hasher = nullptr;
  contract::Random* random = nullptr;
  const v1::Policy* policy = nullptr;  // validated
  // Prefix of all its storage keys, so that a TEST run's cases lie apart.
  std::string key_prefix;
  // True: acceptance numbers of the TEST range, no designated point needed.
  bool test_lane = false;
  // Route state as of now; true for the own province.
  std::function<bool(contract::ProvinceCode home)> link_open;
  // Designated, known and valid on that day.
  std::function<bool(const std::string& point, absl::CivilDay day)> point_designated;
  std::function<bool(absl::string_view division6)> division_known;
  // adapters/platform/image
  std::function<absl::Status(absl::string_view jpeg)> check_portrait;
};

std::unique_ptr<CaseService> NewCaseService(CaseServiceDeps deps);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_CASES_CASE_SERVICE_H_
