#include "tests/simulation/checker.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

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
  bool stored_now = false;  // the broker has not lost its disk since
  std::uint64_t applied = 0;
  bool ever_applied = false;
  std::int64_t applied_at = 0;
  bool receipted = false;
  bool lost_by_source = false;  // its store is older than the message
  bool may_be_forgotten = false;
};

// What a province's disk holds.
struct Disk {
  std::set<MessageName> made;
  std::set<MessageName> applied;
};

struct Closed {
  std::int64_t from = 0;
  bool cut = false;            // else suspended
  std::uint64_t position = 0;  // of the entry
};

class Judge {
 public:
  explicit Judge(const History& history) : history_(history) {}

  std::vector<std::string> Run() {
    for (const HistoryEvent& event : history_.events) Look(event);
    // Who died in that moment was told, but did not tell us.
    for (const auto& [m, known] : history_.last_known) {
      const bool without = known == LastKnown::kRefused || known == LastKnown::kNotDelivered;
      if (without) told_cases_.insert(m.case_hex);
    }
    for (const MessageName& message : passed_over_) JudgeHole(message);
    for (const auto& [message, fate] : fates_) JudgeFate(message, fate);
    for (const auto& [message, known] : history_.last_known) JudgeSilent(message, known);
    for (const auto& [province, keys] : history_.sealed_to) JudgeKeys(province, keys);
    for (const CaseEnding& ending : history_.endings) JudgeEnding(ending);
    for (const SecurityReport& report : history_.security) JudgeReport(report);
    JudgeLog();
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
        disks_[m.source].made.insert(m);
        if (fate.made.size() == 2 && !Lies(m.source) && !fate.may_be_forgotten) {
          Wrong("two-headers", Show(m));
        }
        return;
      }
      case Kind::kStored: {
        Fate& fate = fates_[m];
        fate.stored_now = true;
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
        fate.stored_now = false;  // the broker has no body of it any more
        if (!fate.ever_applied && Honest(m)) Wrong("receipt-first", Show(m));
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
        closed_[{m.source, m.destination}] = {event.at_us, event.kind == Kind::kPairCut,
                                              m.sequence};
        ever_closed_.insert(std::minmax(m.source, m.destination));
        return;
      case Kind::kRouteOpened:
        closed_.erase({m.source, m.destination});
        if (m.source == m.destination) shut_.erase(m.source);
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
      case Kind::kBackedUp:
        backups_[{m.source, m.sequence}] = disks_[m.source];
        return;
      case Kind::kRestored:
        return LookRestored(m.source, backups_[{m.source, m.sequence}]);
      case Kind::kBrokerWiped:
        return LookWiped();
      case Kind::kBrokerKnows:
        broker_knows_ = m.sequence;
        return;
      case Kind::kNodeKnows:
        node_knows_[m.source] = m.sequence;
        return;
      case Kind::kMemberShut:
        shut_[m.source] = {event.at_us, false, m.sequence};
        ever_shut_.insert(m.source);
        return;
      case Kind::kFenced:
        fenced_.insert(m.sequence);
        return;
      case Kind::kSessionAsked:
        if (!fenced_.contains(m.sequence)) return;
        return Wrong("fenced-returns", "a process of " + std::to_string(m.source) +
                                           " whose place another has taken asked for a session");
    }
  }

  void LookRestored(std::uint32_t province, const Disk& backup) {
    const Disk lost = std::exchange(disks_[province], backup);
    for (const MessageName& m : backup.made) fates_[m].lost_by_source = false;
    for (const MessageName& m : lost.made) {
      Fate& fate = fates_[m];
      if (backup.made.contains(m)) continue;
      fate.lost_by_source = true;
      // What the broker holds may run out of time before anybody hears of it.
      fate.may_be_forgotten |=
          fate.applied == 0 && (!fate.stored_now || history_.messages_may_expire);
    }
    for (const MessageName& m : lost.applied) {
      Fate& fate = fates_[m];
      if (backup.applied.contains(m)) continue;
      fate.applied = 0;
      fate.may_be_forgotten |= fate.lost_by_source;
    }
    for (const MessageName& m : backup.applied) fates_[m].applied = 1;
    // Its streams go on after what the backup has applied.
    std::erase_if(last_applied_,
                  [&](const auto& stream) { return std::get<1>(stream.first) == province; });
    std::erase_if(passed_over_, [&](const MessageName& m) { return m.destination == province; });
    for (const MessageName& m : backup.applied) GoOn(m);
  }

  void LookWiped() {
    broker_knows_ = 0;
    for (auto& [m, fate] : fates_) {
      fate.stored_now = false;
      if (fate.lost_by_source && fate.applied == 0) fate.may_be_forgotten = true;
    }
  }

  // As far as `known` entries tell: one that lost its disk learns it again.
  const Closed* ClosedAt(const Route& route, std::uint64_t known) const {
    const auto closed = closed_.find(route);
    if (closed == closed_.end() || closed->second.position > known) return nullptr;
    return &closed->second;
  }
  const Closed* ClosedNow(const Route& route) const { return ClosedAt(route, broker_knows_); }

  bool ShutAt(std::uint32_t province, const HistoryEvent& event) const {
    const auto shut = shut_.find(province);
    return shut != shut_.end() && shut->second.position <= broker_knows_ &&
           event.at_us >= shut->second.from;
  }

  // What came once more after a restore is taken past every closure.
  void JudgeCutAtRecipient(const MessageName& m) {
    const auto known = node_knows_.find(m.destination);
    if (known == node_knows_.end()) return;
    const Closed* const forth = ClosedAt({m.source, m.destination}, known->second);
    const Closed* const back = ClosedAt({m.destination, m.source}, known->second);
    if (forth != nullptr && back != nullptr && forth->cut && back->cut) {
      Wrong("past-the-cut", Show(m) + " was applied");
    }
  }

  // A stored event tells the time of the receipt, which may have been given
  // before the route was closed and shown again since.
  void JudgePassage(const HistoryEvent& event, const char* what) {
    const MessageName& m = event.message;
    const Closed* const forth = ClosedNow({m.source, m.destination});
    const Closed* const back = ClosedNow({m.destination, m.source});
    const bool cut = forth != nullptr && back != nullptr && forth->cut && back->cut &&
                     event.at_us >= std::max(forth->from, back->from);
    // Home answers with numbers of its own: the first of those opens no case.
    const bool opens =
        m.sequence == 1 && openers_.emplace(m.case_hex, m.source).first->second == m.source;
    const bool suspended =
        event.kind == Kind::kStored && opens && forth != nullptr && event.at_us >= forth->from;
    if (!m.case_hex.empty() && m.sequence == 1) openers_.emplace(m.case_hex, m.source);
    if (cut || suspended) Wrong("closed-route", Show(m) + " was " + what);
    const bool shut = ShutAt(m.source, event) || ShutAt(m.destination, event);
    if (shut && event.kind == Kind::kStored) Wrong("shut-out", Show(m) + " was stored");
  }

  void LookApplied(const HistoryEvent& event) {
    const MessageName& m = event.message;
    Fate& fate = fates_[m];
    if (!fate.made.contains(event.header_digest_hex) && !Lies(m.source)) {
      Wrong("nobody-sent", Show(m) + " was applied");
    }
    if (++fate.applied > 1) Wrong("second-effect", Show(m));
    fate.applied_at = event.at_us;
    if (!std::exchange(fate.ever_applied, true)) JudgeCutAtRecipient(m);
    disks_[m.destination].applied.insert(m);
    const std::uint64_t last = LastApplied(m);
    if (m.sequence <= last) {
      Wrong("out-of-order", Show(m) + " applied after #" + std::to_string(last));
    }
    GoOn(m);
  }

  std::uint64_t& LastApplied(const MessageName& m) {
    return last_applied_[Stream(m.source, m.destination, m.case_hex)];
  }

  void GoOn(const MessageName& m) {
    std::uint64_t& last = LastApplied(m);
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
    const bool forgotten = fate != fates_.end() && fate->second.may_be_forgotten;
    if (Lies(m.source) || (without_effect && (told || forgotten))) return;
    Wrong("hole", Show(m) + " was passed over, but has not ended without effect");
  }

  void JudgeFate(const MessageName& m, const Fate& fate) {
    const LastKnown last = Last(m);
    const bool ended = last != LastKnown::kWaiting && last != LastKnown::kAccepted;
    if (!Honest(m) || fate.made.empty()) return;
    if (!ended && !fate.may_be_forgotten) {
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
                           ever_shut_.contains(m.source) || ever_shut_.contains(m.destination) ||
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
    if (known != LastKnown::kWaiting && !Lies(m.source)) {
      Wrong("never-made", Show(m) + " is known to its sender");
    } else if (Honest(m))
      Wrong("never-learned", Show(m) + " was numbered and never sent");
  }

  void JudgeKeys(std::uint32_t province, const std::set<std::string>& keys) {
    const auto own = history_.own_keys.find(province);
    for (const std::string& key : keys) {
      if (own != history_.own_keys.end() && own->second.contains(key)) continue;
      Wrong("false-entry", "a message for " + std::to_string(province) + " was sealed to " + key);
    }
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

  void JudgeLog() {
    for (const auto& [province, seen] : history_.seen_of_lost_log) {
      const auto named = history_.earlier_logs.find(seen.log_id_hex);
      const std::uint64_t size = named == history_.earlier_logs.end() ? 0 : named->second;
      if (size >= seen.size) continue;
      Wrong("log-forgotten", std::to_string(province) + " had seen " + std::to_string(seen.size) +
                                 " entries of the lost log, the new one tells of " +
                                 std::to_string(size));
    }
  }

  const History& history_;
  std::vector<std::string> wrong_;
  std::map<MessageName, Fate> fates_;
  std::map<Stream, std::uint64_t> last_applied_;
  std::set<MessageName> passed_over_;
  std::set<std::string> told_cases_;  // of which a message was given up at some time
  std::map<Route, Closed> closed_;
  std::set<Route> ever_closed_;
  std::map<std::uint32_t, Closed> shut_;  // suspended provinces
  std::set<std::uint32_t> ever_shut_;
  std::map<std::uint32_t, std::uint64_t> node_knows_;
  std::map<std::string, std::uint32_t> openers_;  // of cases: who sent the first #1
  std::map<std::uint32_t, std::int64_t> damaged_;
  std::set<std::uint64_t> fenced_;  // processes
  std::map<std::uint32_t, Disk> disks_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, Disk> backups_;
  std::uint64_t broker_knows_ = std::numeric_limits<std::uint64_t>::max();
};

}  // namespace

std::vector<std::string> CheckHistory(const History& history) { return Judge(history).Run(); }

}  // namespace yizhan::simulation
