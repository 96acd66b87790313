#include "tests/simulation/checker.h"

#include <algorithm>
#include <optional>
#include <tuple>

namespace yizhan::simulation {
namespace {

using Kind = HistoryEvent::Kind;
using Stream = std::tuple<std::uint32_t, std::uint32_t, std::string>;
using Route = std::pair<std::uint32_t, std::uint32_t>;

std::string Show(const MessageName& m) {
  return std::to_string(m.source) + "->" + std::to_string(m.destination) + " case " +
         m.case_hex.substr(0, 8) + " #" + std::to_string(m.sequence);
}

struct Fate {
  std::set<std::string> made;  // header digests
  std::optional<std::int64_t> made_at;
  std::optional<std::int64_t> stored_at;
  std::uint64_t applied = 0;
  std::int64_t applied_at = 0;
  bool receipted = false;
};

struct Closed {
  std::int64_t from = 0;
  bool cut = false;  // else suspended
};

class Judge {
 public:
  explicit Judge(const History& history) : history_(history) {}

  std::vector<std::string> Run() {
    for (const HistoryEvent& event : history_.events) Look(event);
    for (const MessageName& message : passed_over_) JudgeHole(message);
    for (const auto& [message, fate] : fates_) JudgeFate(message, fate);
    for (const auto& [message, known] : history_.last_known) JudgeSilent(message, known);
    for (const CaseEnding& ending : history_.endings) JudgeEnding(ending);
    for (const SecurityReport& report : history_.security) JudgeReport(report);
    for (const auto& [process, at] : damaged_) {
      Wrong("worked-on",
            "process " + std::to_string(process) + " was told of a damaged read and did not stop");
    }
    return std::move(wrong_);
  }

 private:
  void Wrong(const std::string& rule, const std::string& what) {
    wrong_.push_back(rule + ": " + what);
  }
  bool Lies(std::uint32_t province) const { return history_.liars.contains(province); }
  bool Honest(const MessageName& m) const { return !Lies(m.source) && !Lies(m.destination); }

  void Look(const HistoryEvent& event) {
    const MessageName& m = event.message;
    switch (event.kind) {
      case Kind::kMade: {
        Fate& fate = fates_[m];
        fate.made.insert(event.header_digest_hex);
        if (!fate.made_at) fate.made_at = event.at_us;
        if (fate.made.size() == 2 && !Lies(m.source)) Wrong("two-headers", Show(m));
        return;
      }
      case Kind::kStored: {
        Fate& fate = fates_[m];
        if (fate.stored_at) return;
        fate.stored_at = event.at_us;
        return JudgePassage(event, "stored");
      }
      case Kind::kHandedOut:
        return JudgePassage(event, "handed out");
      case Kind::kApplied:
        return LookApplied(event);
      case Kind::kReceipted: {
        Fate& fate = fates_[m];
        fate.receipted = true;
        if (fate.applied == 0 && Honest(m)) Wrong("receipt-first", Show(m));
        return;
      }
      case Kind::kRefused:
      case Kind::kNoticed:
        told_cases_.insert(m.case_hex);
        if (fates_[m].receipted && Honest(m)) {
          Wrong("end-changed", Show(m) + " was delivered, then ended in another way");
        }
        return;
      case Kind::kPairCut:
      case Kind::kRouteSuspended:
        closed_[{m.source, m.destination}] = {event.at_us, event.kind == Kind::kPairCut};
        ever_closed_.insert(std::minmax(m.source, m.destination));
        return;
      case Kind::kRouteOpened:
        closed_.erase({m.source, m.destination});
        return;
      case Kind::kReadDamaged:
        damaged_.emplace(m.source, event.at_us);
        return;
      case Kind::kStopped:
        damaged_.erase(m.source);
        return;
      case Kind::kDied:
        return Wrong("died", "process " + std::to_string(m.source));
      case Kind::kMisdelivered:
        return Wrong("misdelivered", Show(m));
    }
  }

  // A stored event tells the time of the receipt, which may have been given
  // before the route was closed and shown again since.
  void JudgePassage(const HistoryEvent& event, const char* what) {
    const MessageName& m = event.message;
    const auto forth = closed_.find({m.source, m.destination});
    const auto back = closed_.find({m.destination, m.source});
    const bool cut = forth != closed_.end() && back != closed_.end() && forth->second.cut &&
                     back->second.cut &&
                     event.at_us >= std::max(forth->second.from, back->second.from);
    // Home answers with numbers of its own: the first of those opens no case.
    const bool opens =
        m.sequence == 1 && openers_.emplace(m.case_hex, m.source).first->second == m.source;
    const bool suspended = event.kind == Kind::kStored && opens && forth != closed_.end() &&
                           event.at_us >= forth->second.from;
    if (!m.case_hex.empty() && m.sequence == 1) openers_.emplace(m.case_hex, m.source);
    if (cut || suspended) Wrong("closed-route", Show(m) + " was " + what);
  }

  void LookApplied(const HistoryEvent& event) {
    const MessageName& m = event.message;
    Fate& fate = fates_[m];
    if (!fate.made.contains(event.header_digest_hex) && !Lies(m.source)) {
      Wrong("nobody-sent", Show(m) + " was applied");
    }
    if (++fate.applied > 1) Wrong("second-effect", Show(m));
    fate.applied_at = event.at_us;
    std::uint64_t& last = last_applied_[Stream(m.source, m.destination, m.case_hex)];
    if (m.sequence <= last) {
      Wrong("out-of-order", Show(m) + " applied after #" + std::to_string(last));
    }
    for (std::uint64_t passed = last + 1; passed < m.sequence; ++passed) {
      passed_over_.insert({m.source, m.destination, m.case_hex, passed});
    }
    last = std::max(last, m.sequence);
  }

  LastKnown Last(const MessageName& m) const {
    const auto found = history_.last_known.find(m);
    return found == history_.last_known.end() ? LastKnown::kWaiting : found->second;
  }

  void JudgeHole(const MessageName& m) {
    const LastKnown last = Last(m);
    const auto fate = fates_.find(m);
    const bool without_effect = fate == fates_.end() || fate->second.applied == 0;
    const bool told = last == LastKnown::kRefused || last == LastKnown::kNotDelivered;
    if (Lies(m.source) || (without_effect && told)) return;
    Wrong("hole", Show(m) + " was passed over, but has not ended without effect");
  }

  void JudgeFate(const MessageName& m, const Fate& fate) {
    const LastKnown last = Last(m);
    const bool ended = last != LastKnown::kWaiting && last != LastKnown::kAccepted;
    if (!Honest(m) || fate.made.empty()) return;
    if (!ended) {
      Wrong(fate.stored_at ? "lost" : "never-learned",
            Show(m) + (fate.applied > 0 ? " was applied;" : "") + " its sender never learned how " +
                "it ended");
    }
    if (fate.applied > 0 && ended && last != LastKnown::kReceipted) {
      Wrong("unreceipted", Show(m) + " was applied, but its sender was told otherwise");
    }
    if (last == LastKnown::kReceipted && fate.applied == 0) {
      Wrong("receipt-first", Show(m) + " is receipted at the end, and was never applied");
    }
    const bool without = last == LastKnown::kRefused || last == LastKnown::kNotDelivered;
    const bool explained = ever_closed_.contains(std::minmax(m.source, m.destination)) ||
                           history_.broker_lies || history_.messages_may_expire;
    if (without && !explained) Wrong("no-reason", Show(m) + " ended without effect");
    JudgeCalm(m, fate);
  }

  void JudgeCalm(const MessageName& m, const Fate& fate) {
    const Route pair = std::minmax(m.source, m.destination);
    if (!history_.calm_pairs.contains(pair) || !fate.made_at) return;
    if (fate.applied == 0) {
      Wrong("calm-pair", Show(m) + " was not applied");
    } else if (fate.applied_at - *fate.made_at > history_.calm_bound_us) {
      Wrong("calm-pair",
            Show(m) + " took " + std::to_string((fate.applied_at - *fate.made_at) / 1000) + " ms");
    }
  }

  // Numbered, but never let out.
  void JudgeSilent(const MessageName& m, LastKnown known) {
    const auto fate = fates_.find(m);
    if (fate != fates_.end() && !fate->second.made.empty()) return;
    if (known == LastKnown::kRefused || known == LastKnown::kNotDelivered) return;
    if (Honest(m)) Wrong("never-learned", Show(m) + " was numbered and never sent");
  }

  void JudgeEnding(const CaseEnding& ending) {
    if (ending.accepting_state == ending.wanted && ending.home_state == ending.wanted) return;
    // An officer was told that a message of it was given up, and sees to it.
    if (told_cases_.contains(ending.case_hex)) return;
    Wrong("case-unfinished", "resident " + ending.resident + " should end " + ending.wanted +
                                 ", accepting view says " + ending.accepting_state +
                                 ", home view says " + ending.home_state);
  }

  void JudgeReport(const SecurityReport& report) {
    if (history_.broker_lies || Lies(report.accused)) return;
    Wrong("accused", "by " + std::to_string(report.witness) + ": " + report.text);
  }

  const History& history_;
  std::vector<std::string> wrong_;
  std::map<MessageName, Fate> fates_;
  std::map<Stream, std::uint64_t> last_applied_;
  std::set<MessageName> passed_over_;
  std::set<std::string> told_cases_;  // of which a message was given up at some time
  std::map<Route, Closed> closed_;
  std::set<Route> ever_closed_;
  std::map<std::string, std::uint32_t> openers_;  // of cases: who sent the first #1
  std::map<std::uint32_t, std::int64_t> damaged_;
};

}  // namespace

std::vector<std::string> CheckHistory(const History& history) { return Judge(history).Run(); }

}  // namespace yizhan::simulation
