#include "broker/app/broker_metrics.h"

#include <utility>

#include "yizhan/v1/broker_admin.pb.h"

namespace yizhan::broker {
namespace {

std::string LaneName(v1::Lane lane) { return lane == v1::LANE_TEST ? "test" : "business"; }

}  // namespace

BrokerMetrics::BrokerMetrics(platform::MetricsRegistry* registry, const std::string& version)
    : registry_(registry),
      commit_seconds_(registry->AddHistogram("yizhan_broker_commit_seconds",
                                             "Time of one synced group commit, signing included.",
                                             platform::LatencyBuckets())),
      commit_frames_(registry->AddHistogram("yizhan_broker_commit_frames",
                                            "Stream frames in one group commit.",
                                            platform::CountBuckets())) {
  registry->AddGauge("yizhan_broker_build_info", "Build of this process.", {{"version", version}})
      ->Set(1);
}

void BrokerMetrics::OnCommit(absl::Duration took, std::size_t frames) {
  commit_seconds_->Observe(absl::ToDoubleSeconds(took));
  commit_frames_->Observe(static_cast<double>(frames));
}

void BrokerMetrics::Follow(const char* name, const char* help, const platform::MetricLabels& labels,
                           std::uint64_t value) {
  platform::Counter* counter = registry_->AddCounter(name, help, labels);
  const double more = static_cast<double>(value) - counter->Value();
  if (more > 0) counter->Increment(more);
}

void BrokerMetrics::Set(const char* name, const char* help, const platform::MetricLabels& labels,
                        double value) {
  platform::Gauge* gauge = registry_->AddGauge(name, help, labels);
  gauge->Set(value);
  gauges_[gauge] = true;
}

void BrokerMetrics::ZeroTheRest() {
  for (auto& [gauge, set] : gauges_) {
    if (!std::exchange(set, false)) gauge->Set(0);
  }
}

void BrokerMetrics::Update(BrokerCore& core, Moment now) {
  UpdateCounters(core.stats());
  Follow("yizhan_broker_signature_verifications_total", "Asymmetric verifications made.", {},
         core.checker().verifications());
  UpdateMailboxes(core, now);
  UpdateRoutes(core, now);
  ZeroTheRest();
}

void BrokerMetrics::UpdateCounters(const BrokerStats& stats) {
  const std::pair<const char*, const std::map<v1::Lane, std::uint64_t>*> by_lane[] = {
      {"yizhan_broker_messages_accepted_total", &stats.accepted},
      {"yizhan_broker_messages_delivered_total", &stats.delivered},
      {"yizhan_broker_messages_noticed_total", &stats.notices},
      {"yizhan_broker_messages_repeated_total", &stats.duplicates},
      {"yizhan_broker_messages_redelivered_total", &stats.redeliveries},
  };
  const char* const helps[] = {
      "Messages accepted.", "Messages ended by the recipient's delivery receipt.",
      "Messages ended by a notice.", "Submissions of a message that was known already.",
      "Deliveries after the first attempt."};
  for (std::size_t i = 0; i < std::size(by_lane); ++i) {
    for (const v1::Lane lane : {v1::LANE_BUSINESS, v1::LANE_TEST}) {
      const auto found = by_lane[i].second->find(lane);
      Follow(by_lane[i].first, helps[i], {{"lane", LaneName(lane)}},
             found == by_lane[i].second->end() ? 0 : found->second);
    }
  }
  const auto by_reason = [&](const char* name, const char* help,
                             const std::map<v1::ErrorReason, std::uint64_t>& counts) {
    for (const auto& [reason, count] : counts) {
      Follow(name, help, {{"reason", v1::ErrorReason_Name(reason)}}, count);
    }
  };
  by_reason("yizhan_broker_messages_refused_total", "Submissions refused by the broker.",
            stats.refused);
  by_reason("yizhan_broker_messages_refused_by_recipient_total", "Refusals of recipients.",
            stats.refused_by_recipient);
  by_reason("yizhan_broker_security_events_total",
            "Spoofed sources, conflicts, forged or contradictory records.", stats.security_events);
  Follow("yizhan_broker_signatures_total", "Batch signatures made.", {}, stats.signatures);
  Follow("yizhan_broker_signature_failures_total", "Signatures that did not verify.", {},
         stats.signature_failures);
  Follow("yizhan_broker_sessions_opened_total", "Sessions opened.", {}, stats.sessions_opened);
  Follow("yizhan_broker_sessions_fenced_total", "Sessions replaced by another process.", {},
         stats.sessions_fenced);
}

void BrokerMetrics::UpdateMailboxes(BrokerCore& core, Moment now) {
  const v1::ListMailboxesResponse all = core.ListMailboxes(now);
  for (const v1::MailboxInfo& box : all.mailboxes()) {
    const platform::MetricLabels labels = {{"province", std::to_string(box.province())},
                                           {"lane", LaneName(box.lane())}};
    const auto number = [](std::uint64_t n) { return static_cast<double>(n); };
    Set("yizhan_broker_mailbox_messages", "Messages that wait for a province.", labels,
        number(box.messages()));
    Set("yizhan_broker_mailbox_bytes", "Bytes that wait for a province.", labels,
        number(box.bytes()));
    Set("yizhan_broker_mailbox_oldest_age_seconds", "Age of the oldest waiting message.", labels,
        static_cast<double>(box.oldest_age_ms()) / 1000);
    Set("yizhan_broker_mailbox_leased_messages", "Messages delivered and not receipted yet.",
        labels, number(box.leased()));
    Set("yizhan_broker_mailbox_parked_messages", "Messages parked for an operator.", labels,
        number(box.parked()));
    Set("yizhan_broker_control_records", "Control records that wait for a province.", labels,
        number(box.control_records()));
    Set("yizhan_broker_session_active", "1 while the province has a session.", labels,
        box.session_active() ? 1 : 0);
  }
}

void BrokerMetrics::UpdateRoutes(BrokerCore& core, Moment now) {
  std::map<v1::RouteState, int> states;
  const v1::ListRoutesResponse routes = core.ListRoutes(now);
  for (const v1::RouteInfo& route : routes.routes()) ++states[route.state()];
  for (int state = v1::ROUTE_REQUESTED; state <= v1::ROUTE_FAILED; ++state) {
    const auto value = static_cast<v1::RouteState>(state);
    Set("yizhan_broker_routes", "Routes by state.", {{"state", v1::RouteState_Name(value)}},
        states[value]);
  }
  Set("yizhan_broker_directory_entries", "Entries of the directory.", {},
      static_cast<double>(routes.head().size()));
}

}  // namespace yizhan::broker
