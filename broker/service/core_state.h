// What the rooms of the core share. Private to broker/service.
#ifndef YIZHAN_BROKER_SERVICE_CORE_STATE_H_
#define YIZHAN_BROKER_SERVICE_CORE_STATE_H_

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "broker/admission/admission.h"
#include "broker/delivery/dispatcher.h"
#include "broker/directory/directory_store.h"
#include "broker/evidence/evidence_log.h"
#include "broker/service/broker_core.h"
#include "broker/service/pilot_quota.h"
#include "broker/service/record_signer.h"
#include "broker/service/route_proposals.h"
#include "broker/service/sessions.h"
#include "broker/service/store_progress.h"
#include "broker/store/boxes.h"
#include "broker/store/mailboxes.h"
#include "broker/store/records.h"
#include "broker/store/stored.pb.h"
#include "broker/store/timers.h"

namespace yizhan::broker {

// One thread. Members are used in the order of declaration.
struct CoreState {
  explicit CoreState(BrokerCore::Options the_options);

  // For what an operator must see, and for what smells of an attack.
  void Log(LogLine::Level level, std::string text);
  void Security(v1::ErrorReason reason, std::string text);

  Dispatcher& DispatcherOf(const BoxKey& box);
  Dispatcher* FindDispatcher(const BoxKey& box);
  // A control record of ours as of now, without its kind.
  v1::Control NewControl(Moment now) const;
  // An evidence entry about a message.
  contract::LogPosition LogEvent(v1::TraceEvent event, const v1::MessageRef& message,
                                 v1::MessageKind kind, v1::ErrorReason reason, std::string detail,
                                 Moment now);
  // The broker's acceptance of a message that it knows, once more: it is not
  // stored, because what it says is. `copy` must live until the group is signed.
  void SignAcceptance(const v1::MessageRef& message, const stored::StoredKnown& known,
                      v1::ControlRecord* copy);
  // When a message that expires then is given up.
  absl::Time GivenUpAt(v1::Lane lane, absl::Time expires) const;
  // Where the terminal record of an identity is, and a new place in its
  // sender's control queue.
  std::string TerminalKey(const contract::Identity& identity) const;
  std::string NextSenderControl(const contract::Identity& identity);
  // Takes the message from its mailbox, if it is there.
  void TakeOut(const contract::Identity& identity, stored::StoredKnown& known);

  BrokerCore::Options options;
  Records records;
  Boxes boxes;
  Mailboxes mailboxes;
  ControlQueues controls;
  Timers timers;
  EvidenceLog evidence;
  DirectoryStore directory;
  RouteProposals proposals;
  PilotQuota pilots;
  Admission admission;
  RecordSigner outgoing;
  std::map<BoxKey, Dispatcher> dispatchers;
  Sessions sessions;
  StoreProgresses progresses;
  TestRuns* runs = nullptr;

  stored::StoredMeta meta;
  contract::BootNonce boot_nonce;
  std::uint64_t free_disk_bytes = std::numeric_limits<std::uint64_t>::max();
  bool leasing = true;
  std::map<contract::ProvinceCode, std::vector<v1::LinkRun>> pushed_runs;
  BrokerStats stats;
  std::vector<Effect> effects;   // of the open group
  std::vector<Effect> released;  // of committed groups, not taken yet
  std::vector<LogLine> log_lines;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_CORE_STATE_H_
