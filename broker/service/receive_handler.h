// What a recipient says in its Receive stream: receipts, cursor, held reports.
#ifndef YIZHAN_BROKER_SERVICE_RECEIVE_HANDLER_H_
#define YIZHAN_BROKER_SERVICE_RECEIVE_HANDLER_H_

#include "broker/service/core_state.h"

namespace yizhan::broker {

// Used for one frame and dropped. `state` and `session` must outlive it.
//
// Invariants:
//  1. A record that does not verify, or is not this recipient's to give, changes
//     nothing: its sender goes on sending.
//  2. The first final record of a recipient stands; it outranks notices of ours.
class ReceiveHandler {
 public:
  ReceiveHandler(CoreState& state, Session& session, Moment now)
      : state_(state), session_(session), now_(now) {}

  // An error ends the stream.
  absl::Status Handle(const v1::ReceiveRequest& request);

 private:
  absl::Status HandleReceipt(const v1::ControlRecord& record);
  void End(const v1::ControlRecord& record, const contract::ParsedControl& parsed,
           stored::StoredKnown known);
  // Refusal that asks for another sealing.
  void AskForSeal(const v1::ControlRecord& record, const contract::ParsedControl& parsed,
                  const stored::StoredKnown& known);
  void HandleHeld(const v1::HeldReport& held);
  bool IsMine(const contract::Identity& identity) const;

  CoreState& state_;
  Session& session_;
  const Moment now_;
};

// Puts on the session's Receive stream what it may have now: control records,
// deliveries, the directory's head, runs.
void Pump(CoreState& state, Session& session, Moment now);

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_RECEIVE_HANDLER_H_
