#include "tests/simulation/history.h"

#include <set>
#include <tuple>

namespace yizhan::simulation {
namespace {

std::string Show(const MessageName& m) {
  return std::to_string(m.source) + "->" + std::to_string(m.destination) + " case " +
         m.case_hex.substr(0, 8) + " #" + std::to_string(m.sequence);
}

using Stream = std::tuple<std::uint32_t, std::uint32_t, std::string>;

struct Fate {
  std::set<std::string> made;  // header digests
  std::uint64_t applied = 0;
  bool receipted = false;
  bool refused = false;
  bool noticed = false;
};

}  // namespace

std::vector<std::string> CheckHistory(const History& history) {
  std::vector<std::string> wrong;
  std::map<MessageName, Fate> fates;
  std::map<Stream, std::uint64_t> last_applied;
  for (const HistoryEvent& event : history.events) {
    Fate& fate = fates[event.message];
    switch (event.kind) {
      case HistoryEvent::Kind::kMade:
        fate.made.insert(event.header_digest_hex);
        if (fate.made.size() > 1)
          wrong.push_back("two headers for one identity: " + Show(event.message));
        break;
      case HistoryEvent::Kind::kAccepted:
        if (fate.made.empty()) wrong.push_back("accepted, never made: " + Show(event.message));
        break;
      case HistoryEvent::Kind::kApplied: {
        if (!fate.made.contains(event.header_digest_hex)) {
          wrong.push_back("applied, but nobody sent it: " + Show(event.message));
        }
        if (++fate.applied > 1)
          wrong.push_back("second effect: " + Show(event.message) + " at " + event.at);
        std::uint64_t& last = last_applied[Stream(event.message.source, event.message.destination,
                                                  event.message.case_hex)];
        if (event.message.sequence != last + 1) {
          wrong.push_back("out of order: " + Show(event.message) + " applied after #" +
                          std::to_string(last));
        }
        last = event.message.sequence;
        break;
      }
      case HistoryEvent::Kind::kReceipted:
        fate.receipted = true;
        if (fate.applied == 0) wrong.push_back("receipt before effect: " + Show(event.message));
        break;
      case HistoryEvent::Kind::kRefused:
        fate.refused = true;
        break;
      case HistoryEvent::Kind::kNoticed:
        fate.noticed = true;
        break;
    }
  }
  for (const auto& [message, fate] : fates) {
    if (!fate.receipted && !fate.refused && !fate.noticed) {
      wrong.push_back("its sender never learned the end of " + Show(message));
    }
    if (fate.applied > 0 && !fate.receipted) {
      wrong.push_back("applied, but its sender holds no receipt: " + Show(message));
    }
  }
  for (const CaseEnding& ending : history.endings) {
    if (ending.accepting_state != ending.wanted || ending.home_state != ending.wanted) {
      wrong.push_back("resident " + ending.resident + " should end " + ending.wanted +
                      ", accepting view says " + ending.accepting_state + ", home view says " +
                      ending.home_state);
    }
  }
  for (const std::string& event : history.security_events) {
    wrong.push_back("security event among honest parties: " + event);
  }
  return wrong;
}

}  // namespace yizhan::simulation
