// What happened, as plain records. The checker (checker.h) reads nothing else,
// and neither shares code with the product: identities are strings here.
#ifndef YIZHAN_TESTS_SIMULATION_HISTORY_H_
#define YIZHAN_TESTS_SIMULATION_HISTORY_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace yizhan::simulation {

// A message as its sender made it. An event of a route uses source (accepting
// side) and destination (home side), and the position of its entry in the
// directory as sequence.
struct MessageName {
  std::uint32_t source = 0;
  std::uint32_t destination = 0;
  std::string case_hex;
  std::uint64_t sequence = 0;
  auto operator<=>(const MessageName&) const = default;
};

struct HistoryEvent {
  enum class Kind {
    kMade,            // sender numbered and signed it, and let it out
    kStored,          // an acceptance receipt left the broker
    kHandedOut,       // the broker gave it to its recipient
    kApplied,         // recipient's provincial side saw the effect, durably
    kReceipted,       // sender holds the recipient's delivery receipt
    kRefused,         // sender holds a final refusal
    kNoticed,         // sender holds a notice, or gave the message up itself
    kPairCut,         // the broker's directory holds the cut of both routes
    kRouteSuspended,  // ... or takes no new cases on this route
    kRouteOpened,     // ... or has lifted both
    kReadDamaged,     // a process was told by its disk that a read is damaged
    kStopped,         // and it stopped (source: province, 0 the broker)
    kDied,            // a process died although its disk did nothing wrong
    kMisdelivered,    // the broker gave it to another province than its recipient
    kBackedUp,        // a province's disk was copied: backup number `sequence`
    kRestored,        // ... and that backup was put in its place
    kBrokerWiped,     // the broker lost its whole disk
    kBrokerKnows,     // its directory has `sequence` entries
    kNodeKnows,       // and that of a province's node
    kMemberShut,      // a province (as source and destination) is suspended
    kSessionAsked,    // process `sequence` of a province asks for a session
    kFenced,          // ... and was told that another has taken its place
  };
  Kind kind;
  MessageName message;
  std::string header_digest_hex;
  std::int64_t at_us = 0;  // virtual time; kStored: as the receipt says
};

// How far a message had come for its sender when everything was over.
enum class LastKnown { kWaiting, kAccepted, kReceipted, kRefused, kNotDelivered };

// How one resident's case ended, told by both parties' views.
struct CaseEnding {
  std::string resident;
  std::string case_hex;
  std::string wanted;
  std::string accepting_state;
  std::string home_state;
};

struct SecurityReport {
  std::uint32_t witness = 0;  // who reports; 0 the broker
  std::uint32_t accused = 0;  // 0: nobody, or the broker
  std::string text;
};

// How much of a broker's evidence log a node had seen.
struct SeenLog {
  std::string log_id_hex;
  std::uint64_t size = 0;
};

struct History {
  std::vector<HistoryEvent> events;
  std::map<MessageName, LastKnown> last_known;
  std::vector<CaseEnding> endings;
  std::vector<SecurityReport> security;
  // When the broker's disk was lost last: what each node had seen of its log; and
  // the earlier logs that the broker's present one names.
  std::map<std::uint32_t, SeenLog> seen_of_lost_log;
  std::map<std::string, std::uint64_t> earlier_logs;
  // Sealing keys to which messages for a province were sealed, and those that it
  // ever had.
  std::map<std::uint32_t, std::set<std::string>> sealed_to;
  std::map<std::uint32_t, std::set<std::string>> own_keys;
  // Injected faults by kind.
  std::map<std::string, std::uint64_t> faults;
  std::uint64_t processes = 0;  // of nodes that ever ran

  // What the checker must know of the cast: provinces that lie, whether the
  // broker does, and pairs that no trouble came near.
  std::set<std::uint32_t> liars;
  bool broker_lies = false;
  // Somebody was away for longer than a message lives.
  bool messages_may_expire = false;
  std::set<std::pair<std::uint32_t, std::uint32_t>> calm_pairs;
  std::int64_t calm_bound_us = 0;
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_HISTORY_H_
