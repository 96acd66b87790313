#include "province_nodes/app/process_observer.h"

#include <string>

namespace yizhan::node {

void ProcessObserver::OnSecurityEvent(const SecurityEvent& event) {
  // A peer can make these as often as it likes; the counters see all of them.
  const auto skipped = events_limit_.Pass();
  if (!skipped.has_value()) return;
  platform::LogWarning("node.security", event.what,
                       {{"reason", v1::ErrorReason_Name(event.reason)},
                        {"peer", event.peer.valid() ? event.peer.str() : std::string("broker")},
                        {"skipped", *skipped}});
}

void ProcessObserver::OnSessionChanged(const absl::Status& status) {
  if (status.ok()) {
    platform::LogInfo("node.session", "the session with the broker is open");
    tester_->OnConnected();
    return;
  }
  const auto skipped = session_limit_.Pass();
  if (!skipped.has_value()) return;
  platform::LogWarning("node.session", "no session with the broker; the node works on",
                       {{"error", status}, {"skipped", *skipped}});
}

}  // namespace yizhan::node
