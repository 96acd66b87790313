// Where messages were on their way when processes were killed.
#ifndef YIZHAN_TESTS_INTEGRATION_KILLS_PHASES_H_
#define YIZHAN_TESTS_INTEGRATION_KILLS_PHASES_H_

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/integration/kills/witnesses.h"

namespace yizhan::testing {

// On the way of one message, in its order.
enum class Phase {
  kBeforeCommit,     // in the sender's outbox; the broker had not committed it
  kAfterCommit,      // committed by the broker; its acceptance not yet with the sender
  kInMailbox,        // acceptance with the sender; not yet applied by the recipient
  kBeforeReceipt,    // applied by the recipient; its receipt not yet in the broker's log
  kReceiptOnItsWay,  // receipt in the broker's log, not yet with the sender
};
inline constexpr std::size_t kPhases = 5;
const char* NameOf(Phase phase);

// Messages in flight at a kill, by phase.
struct InFlight {
  std::array<std::uint64_t, kPhases> messages = {};
  std::uint64_t total() const;
};

// Gathers what was in flight at one kill. One thread. What is counted was made
// before the kill and not receipted to its sender when looked at after it: a
// lower bound, since receipts may come home between kill and look.
class KillScene {
 public:
  using Province = contract::ProvinceCode;
  // `killed_nodes` is empty where the broker died: then every message counts,
  // else those from and to these nodes.
  KillScene(const Witnesses* witnesses, absl::Time killed, std::set<Province> killed_nodes)
      : witnesses_(witnesses), killed_(killed), killed_nodes_(std::move(killed_nodes)) {}

  // The node's lists of now: of those alive at once, of the killed ones as soon
  // as they are back.
  absl::Status Look(Province node);
  // When the broker is back, too: asks its log about each.
  absl::StatusOr<InFlight> Judge() const;

 private:
  bool Concerns(const v1::NodeMessage& message) const;
  absl::StatusOr<Phase> PhaseOf(const v1::NodeMessage& message) const;

  const Witnesses* const witnesses_;
  const absl::Time killed_;
  const std::set<Province> killed_nodes_;
  std::vector<v1::NodeMessage> unended_;       // as their senders tell
  std::set<simulation::MessageName> applied_;  // as their recipients tell
};

}  // namespace yizhan::testing

#endif  // YIZHAN_TESTS_INTEGRATION_KILLS_PHASES_H_
