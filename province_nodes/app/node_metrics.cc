#include "province_nodes/app/node_metrics.h"

namespace yizhan::node {
namespace {

// ROUTE_OPEN reads better as "open": labels are for people.
std::string Lower(absl::string_view name, absl::string_view prefix) {
  if (name.substr(0, prefix.size()) == prefix) name.remove_prefix(prefix.size());
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

NodeMetrics::NodeMetrics(platform::MetricsRegistry* registry, NodeLoop* loop,
                         const platform::Clock* clock, const std::string& build)
    : registry_(registry),
      loop_(loop),
      clock_(clock),
      commit_seconds_(registry->AddHistogram(
          "yizhan_node_commit_seconds",
          "Time to seal, sign and write one group of events to stable storage",
          platform::LatencyBuckets())),
      group_events_(registry->AddHistogram("yizhan_node_commit_group_size",
                                           "Events committed together", platform::CountBuckets())) {
  registry_->AddGauge("yizhan_node_build_info", "Build of this node", {{"version", build}})->Set(1);
  registry_->AddCollector([this] { Collect(); });
}

void NodeMetrics::OnGroup(absl::Duration took, std::size_t events) {
  commit_seconds_->Observe(absl::ToDoubleSeconds(took));
  group_events_->Observe(static_cast<double>(events));
}

void NodeMetrics::OnGatewayCall(absl::string_view call, v1::ErrorReason reason) {
  registry_
      ->AddCounter(
          "yizhan_node_gateway_calls_total", "Ended gateway calls and their outcome",
          {{"call", std::string(call)},
           {"reason", reason == v1::ERROR_REASON_UNSPECIFIED ? std::string("OK")
                                                             : v1::ErrorReason_Name(reason)}})
      ->Increment();
}

void NodeMetrics::Total(const char* name, const char* help, double value,
                        const platform::MetricLabels& labels) {
  platform::Counter* counter = registry_->AddCounter(name, help, labels);
  const double before = counter->Value();
  if (value > before) counter->Increment(value - before);
}

void NodeMetrics::Now(const char* name, const char* help, double value,
                      const platform::MetricLabels& labels) {
  registry_->AddGauge(name, help, labels)->Set(value);
}

void NodeMetrics::Collect() {
  const absl::Status status = loop_->Call([this](NodeCore& core) {
    const absl::Time now = clock_->Now();
    ShowCore(core.Statistics(now));
    ShowSession(core.session());
    ShowRecovery(core.RecoveryStatus());
    ShowRoutes(core.directory(), now);
    return core.Read([this, now](const platform::Transaction& txn, CaseService& cases) {
      absl::StatusOr<CaseService::Statistics> counted = cases.Collect(txn, now);
      if (counted.ok()) ShowCases(*counted);
      return counted.status();
    });
  });
  Now("yizhan_node_core_up", "1 while the node's core answers", status.ok() ? 1 : 0);
}

void NodeMetrics::ShowCore(const NodeStatistics& s) {
  for (const auto& [destination, waiting] : s.outbox) {
    const platform::MetricLabels labels = {{"destination", destination.str()}};
    Now("yizhan_node_outbox_waiting_messages", "Sent messages without a final record",
        static_cast<double>(waiting.messages), labels);
    Now("yizhan_node_outbox_unaccepted_messages", "Messages that the broker has not accepted",
        static_cast<double>(waiting.unaccepted), labels);
    Now("yizhan_node_outbox_oldest_age_seconds", "Age of the oldest message without final record",
        absl::ToDoubleSeconds(waiting.oldest_age), labels);
  }
  Now("yizhan_node_inbox_held_messages", "Messages that wait for a predecessor of their case",
      static_cast<double>(s.inbox_held));
  Total("yizhan_node_messages_applied_total", "Messages of other provinces applied",
        static_cast<double>(s.applied));
  Total("yizhan_node_messages_duplicate_total", "Messages received again",
        static_cast<double>(s.duplicates));
  Total("yizhan_node_messages_accepted_total", "Own messages accepted by the broker",
        static_cast<double>(s.accepted));
  Total("yizhan_node_messages_receipted_total", "Own messages receipted by their recipient",
        static_cast<double>(s.receipted));
  Total("yizhan_node_messages_noticed_total", "Own messages reported as not delivered",
        static_cast<double>(s.notices));
  Total("yizhan_node_tombstones_total", "Tombstones made or received",
        static_cast<double>(s.tombstones));
  Total("yizhan_node_messages_sealed_again_total", "Own messages sealed again",
        static_cast<double>(s.sealed_again));
  Total("yizhan_node_signature_failures_total", "Signatures and digests that did not hold",
        static_cast<double>(s.signature_failures));
  Total("yizhan_node_signing_operations_total", "Batches signed",
        static_cast<double>(s.signing_operations));
  for (const auto& [reason, count] : s.refused_by_me) {
    Total("yizhan_node_messages_refused_total", "Messages refused, by whom and why",
          static_cast<double>(count), {{"by", "me"}, {"reason", v1::ErrorReason_Name(reason)}});
  }
  for (const auto& [reason, count] : s.refused_by_others) {
    Total("yizhan_node_messages_refused_total", "Messages refused, by whom and why",
          static_cast<double>(count), {{"by", "others"}, {"reason", v1::ErrorReason_Name(reason)}});
  }
  for (const auto& [reason, count] : s.security_events) {
    Total("yizhan_node_security_events_total", "What should not happen between honest parties",
          static_cast<double>(count), {{"reason", v1::ErrorReason_Name(reason)}});
  }
}

void NodeMetrics::ShowSession(const Session& session) {
  Now("yizhan_node_session_up", "1 while the session with the broker is open",
      session.open() ? 1 : 0);
  Now("yizhan_node_session_fenced", "1 while another process of this province has the session",
      session.state() == Session::State::kFenced ? 1 : 0);
  Now("yizhan_node_clock_offset_seconds", "The broker's clock minus ours",
      absl::ToDoubleSeconds(session.clock_offset()));
  Total("yizhan_node_sessions_opened_total", "Sessions opened since the start",
        static_cast<double>(session.sessions_opened()));
}

void NodeMetrics::ShowRecovery(const v1::RecoveryStatus& recovery) {
  Now("yizhan_node_store_restored", "1 while the store is behind and waits to be recovered",
      recovery.restored() ? 1 : 0);
  Now("yizhan_node_recovering_peers", "Provinces that have not given back everything yet",
      static_cast<double>(recovery.peers_asked() - recovery.peers_done()));
  Now("yizhan_node_recovery_own_returned_messages",
      "Own messages that peers gave back in the latest recovery",
      static_cast<double>(recovery.own_returned()));
  Total("yizhan_node_messages_received_again_total",
        "Messages of peers that came once more after a restore",
        static_cast<double>(recovery.received_again()));
}

void NodeMetrics::ShowRoutes(const contract::DirectoryState& directory, absl::Time now) {
  Now("yizhan_node_directory_entries", "Entries of the verified directory",
      static_cast<double>(directory.head().size()));
  for (const auto& [key, unused] : directory.routes()) {
    const v1::RouteState state = directory.Route(key, now).state;
    for (int i = v1::ROUTE_REQUESTED; i <= v1::RouteState_MAX; ++i) {
      const auto each = static_cast<v1::RouteState>(i);
      Now("yizhan_node_route_state", "1 for the state that a directed route is in",
          each == state ? 1 : 0,
          {{"accepting", key.accepting.str()},
           {"home", key.home.str()},
           {"state", Lower(v1::RouteState_Name(each), "ROUTE_")}});
    }
  }
}

void NodeMetrics::ShowCases(const CaseService::Statistics& cases) {
  // States that nobody is in any more must read 0, not their last number.
  std::map<std::pair<int, int>, std::uint64_t> counts;
  for (const int role : {v1::CASE_ROLE_ACCEPTING, v1::CASE_ROLE_HOME}) {
    for (int state = v1::CASE_APPLIED; state <= v1::CaseState_MAX; ++state) {
      counts[{role, state}] = 0;
    }
  }
  for (const auto& [where, count] : cases.cases) counts[{where.first, where.second}] = count;
  for (const auto& [where, count] : counts) {
    Now("yizhan_node_cases", "Cases by role and state", static_cast<double>(count),
        {{"role", Lower(v1::CaseRole_Name(static_cast<v1::CaseRole>(where.first)), "CASE_ROLE_")},
         {"state", Lower(v1::CaseState_Name(static_cast<v1::CaseState>(where.second)), "CASE_")}});
  }
  Now("yizhan_node_clocks_warning", "Open case clocks near their limit",
      static_cast<double>(cases.clocks_warning));
  Now("yizhan_node_clocks_breached", "Open case clocks past their limit",
      static_cast<double>(cases.clocks_breached));
}

}  // namespace yizhan::node
