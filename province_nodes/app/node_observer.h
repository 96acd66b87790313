// What a core tells its owner, and what it counts.
#ifndef YIZHAN_PROVINCE_NODES_APP_NODE_OBSERVER_H_
#define YIZHAN_PROVINCE_NODES_APP_NODE_OBSERVER_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "protos/contract/control.h"
#include "protos/contract/envelope.h"
#include "protos/contract/ids.h"
#include "province_nodes/cases/case_service.h"
#include "yizhan/v1/case.pb.h"
#include "yizhan/v1/exchange.pb.h"
#include "yizhan/v1/linktest.pb.h"

namespace yizhan::node {

// Something that should not happen between honest parties, or a decision that
// operators should know. `what` holds no personal data.
struct SecurityEvent {
  v1::ErrorReason reason = v1::ERROR_REASON_UNSPECIFIED;
  contract::ProvinceCode peer;  // invalid: the broker
  std::string what;
};

// Called on the core's thread, after the commit of what it tells (but
// OnTestMessage). Must not block nor call back into the core.
class NodeObserver {
 public:
  virtual ~NodeObserver() = default;
  virtual void OnCaseChanged(const v1::CaseView&) {}
  virtual void OnSystemTask(const SystemTask&) {}
  // How far an own message came.
  virtual void OnPassage(const v1::MessageRef&, const v1::CaseMessage&) {}
  // A verified control record: acceptances, receipts, refusals, notices,
  // tombstones of peers. For evidence.
  virtual void OnControl(const v1::ControlRecord&, const contract::ParsedControl&) {}
  // A message of this node was sealed and signed.
  virtual void OnEnvelopeMade(const v1::Envelope&) {}
  // A message was applied (or finally refused, see the receipt).
  virtual void OnApplied(const InboundMessage&, const v1::ControlRecord& /*receipt*/) {}
  virtual void OnSecurityEvent(const SecurityEvent&) {}
  virtual void OnRuns(const std::vector<v1::LinkRun>&) {}
  // A result whose tag is not the core's (see kTapTag).
  virtual void OnUnknownResult(const v1::SubmitResult&) {}
  // Session opened, closed or fenced; status is OK when open.
  virtual void OnSessionChanged(const absl::Status&) {}
  virtual void OnDirectoryChanged() {}
  // A TEST_MESSAGE, inside its transaction. An error refuses it finally.
  virtual absl::Status OnTestMessage(const InboundMessage&) { return absl::OkStatus(); }
};

// Numbers of a core since its start, or as of now.
struct NodeStatistics {
  struct Waiting {
    std::uint64_t messages = 0;  // without a terminal record
    std::uint64_t unaccepted = 0;
    absl::Duration oldest_age;
  };
  std::map<contract::ProvinceCode, Waiting> outbox;  // by destination
  std::uint64_t inbox_held = 0;
  std::uint64_t applied = 0;
  std::uint64_t duplicates = 0;
  std::map<v1::ErrorReason, std::uint64_t> refused_by_me;  // final and not
  std::map<v1::ErrorReason, std::uint64_t> refused_by_others;
  std::uint64_t accepted = 0;
  std::uint64_t receipted = 0;
  std::uint64_t notices = 0;
  std::uint64_t tombstones = 0;
  std::uint64_t sealed_again = 0;
  std::uint64_t signature_failures = 0;
  std::uint64_t signing_operations = 0;
  std::map<v1::ErrorReason, std::uint64_t> security_events;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_APP_NODE_OBSERVER_H_
