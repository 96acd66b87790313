// What a core tells its owner.
#ifndef YIZHAN_PROVINCE_NODES_APP_NODE_OBSERVER_H_
#define YIZHAN_PROVINCE_NODES_APP_NODE_OBSERVER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "protos/contract/control.h"
#include "province_nodes/cases/case_service.h"
#include "province_nodes/store/statistics.h"
#include "yizhan/v1/case.pb.h"
#include "yizhan/v1/exchange.pb.h"
#include "yizhan/v1/linktest.pb.h"

namespace yizhan::node {

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
  // A step of a recovery, of this node or of a peer; a sentence for the log.
  virtual void OnRecovery(const std::string&) {}
  // A TEST_MESSAGE, inside its transaction. An error refuses it finally.
  virtual absl::Status OnTestMessage(const InboundMessage&) { return absl::OkStatus(); }
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_APP_NODE_OBSERVER_H_
