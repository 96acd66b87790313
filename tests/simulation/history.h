// What happened, as plain records, and the checker that reads nothing else. It
// shares no code with the product: identities are strings here.
#ifndef YIZHAN_TESTS_SIMULATION_HISTORY_H_
#define YIZHAN_TESTS_SIMULATION_HISTORY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace yizhan::simulation {

// A message as its sender made it.
struct MessageName {
  std::uint32_t source = 0;
  std::uint32_t destination = 0;
  std::string case_hex;
  std::uint64_t sequence = 0;
  auto operator<=>(const MessageName&) const = default;
};

struct HistoryEvent {
  enum class Kind {
    kMade,       // sender numbered and signed it
    kAccepted,   // sender holds the broker's receipt
    kApplied,    // recipient's provincial side saw the effect
    kReceipted,  // sender holds the recipient's delivery receipt
    kRefused,    // sender holds a final refusal
    kNoticed,    // sender holds a notice
  };
  Kind kind;
  MessageName message;
  std::string header_digest_hex;
  std::string at;
};

// How one resident's case ended, told by both parties' views.
struct CaseEnding {
  std::string resident;
  std::string wanted;
  std::string accepting_state;
  std::string home_state;
};

struct History {
  std::vector<HistoryEvent> events;
  std::vector<CaseEnding> endings;
  std::vector<std::string> security_events;
  // Injected faults by kind.
  std::map<std::string, std::uint64_t> faults;
};

// Violations of the promises; empty if there are none.
std::vector<std::string> CheckHistory(const History& history);

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_HISTORY_H_
