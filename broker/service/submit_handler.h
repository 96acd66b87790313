// One submitted item: judged, remembered, answered.
#ifndef YIZHAN_BROKER_SERVICE_SUBMIT_HANDLER_H_
#define YIZHAN_BROKER_SERVICE_SUBMIT_HANDLER_H_

#include "broker/service/core_state.h"

namespace yizhan::broker {

// Used for one item and dropped. `state` and the result must live until the
// group is committed: receipts are filled in then.
//
// Invariants:
//  1. Exactly one outcome is set.
//  2. Nothing is disclosed or stored for an envelope whose signature did not
//     verify, but counters, and the evidence of a test run.
class SubmitHandler {
 public:
  SubmitHandler(CoreState& state, const BoxKey& session, Moment now, v1::SubmitResult* result)
      : state_(state), session_(session), now_(now), result_(result) {}

  void Handle(const v1::SubmitItem& item);

 private:
  using Parsed = contract::ParsedEnvelope;
  void HandleEnvelope(const v1::SubmitItem& item);
  // The identity is known already.
  void HandleKnown(const v1::SubmitItem& item, const Parsed& parsed, stored::StoredKnown known,
                   const absl::Status& passage);
  void OfferUnsealedAgain(const Parsed& parsed, const stored::StoredKnown& known);
  void HandleResealed(const v1::SubmitItem& item, const Parsed& parsed, stored::StoredKnown known,
                      const absl::Status& passage);
  // The identity is known with another header.
  void HandleConflict(const Parsed& parsed, const stored::StoredKnown& known);
  bool IsForgotten(const Parsed& parsed, const stored::StoredKnown& known) const;
  void TakeAnew(const v1::SubmitItem& item, const Parsed& parsed,
                const stored::StoredKnown& forgotten, const absl::Status& passage);
  void Accept(const v1::SubmitItem& item, const Parsed& parsed, stored::StoredKnown known);
  void ReplaceBody(const v1::SubmitItem& item, const Parsed& parsed, stored::StoredKnown known);
  void GiveReceipt(const Parsed& parsed, stored::StoredKnown& known,
                   const stored::StoredPlace& place, v1::TraceEvent event);
  absl::Status CheckRoom(const Parsed& parsed, std::size_t bytes);
  // Does the item show the recipient's own earlier receipt?
  bool ShowsEarlierReceipt(const v1::SubmitItem& item, const Parsed& parsed);

  void HandleControl(const v1::ControlRecord& record);
  void HandleTombstone(const v1::ControlRecord& record, const contract::ParsedControl& parsed);
  // submit_recovery.cc: records between a restored node and its peers.
  void HandleRecoveryRequest(const v1::ControlRecord& record,
                             const contract::ParsedControl& parsed);
  void HandleReturned(const v1::ControlRecord& record, const contract::ParsedControl& parsed);
  void HandleRecoveryAnswer(const v1::ControlRecord& record, const contract::ParsedControl& parsed);
  void QueueForPeer(contract::ProvinceCode peer, const v1::ControlRecord& record,
                    std::uint64_t most_waiting);

  void Refuse(const absl::Status& error, const Parsed* parsed);
  void RefuseFinally(const absl::Status& error, const Parsed& parsed);
  void LogRefusal(const Parsed& parsed, v1::ErrorReason reason);

  CoreState& state_;
  const BoxKey& session_;
  const Moment now_;
  v1::SubmitResult* const result_;
  bool charged_ = false;  // the run's budget, for this item
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_SUBMIT_HANDLER_H_
