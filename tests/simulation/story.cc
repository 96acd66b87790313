#include "tests/simulation/story.h"

#include <algorithm>
#include <cstddef>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace yizhan::simulation {
namespace {

constexpr std::size_t kMaxEvents = 60;

const char* Name(HistoryEvent::Kind kind) {
  switch (kind) {
    case HistoryEvent::Kind::kMade:
      return "sent";
    case HistoryEvent::Kind::kStored:
      return "stored by the broker";
    case HistoryEvent::Kind::kHandedOut:
      return "handed out";
    case HistoryEvent::Kind::kApplied:
      return "APPLIED";
    case HistoryEvent::Kind::kReceipted:
      return "receipt held";
    case HistoryEvent::Kind::kRefused:
      return "refusal held";
    case HistoryEvent::Kind::kNoticed:
      return "notice held, or given up";
    case HistoryEvent::Kind::kPairCut:
      return "route cut";
    case HistoryEvent::Kind::kRouteSuspended:
      return "route suspended";
    case HistoryEvent::Kind::kRouteOpened:
      return "route opened";
    case HistoryEvent::Kind::kReadDamaged:
      return "damaged read";
    case HistoryEvent::Kind::kStopped:
      return "stopped";
    case HistoryEvent::Kind::kDied:
      return "DIED";
    case HistoryEvent::Kind::kMisdelivered:
      return "given to another";
    case HistoryEvent::Kind::kBackedUp:
      return "backed up";
    case HistoryEvent::Kind::kRestored:
      return "RESTORED";
    case HistoryEvent::Kind::kBrokerWiped:
      return "BROKER WIPED";
    case HistoryEvent::Kind::kBrokerKnows:
      return "directory entries at the broker";
    case HistoryEvent::Kind::kNodeKnows:
      return "directory entries at the node";
    case HistoryEvent::Kind::kMemberShut:
      return "province suspended";
    case HistoryEvent::Kind::kSessionAsked:
      return "asks for a session";
    case HistoryEvent::Kind::kFenced:
      return "FENCED";
  }
  return "?";
}

// Without ever larger parts, then ever smaller ones, down to single elements.
template <typename Element>
void ShrinkList(Plan& plan, std::vector<Element> Plan::*list,
                const std::function<bool(const Plan&)>& fails) {
  std::size_t part = std::max<std::size_t>((plan.*list).size() / 2, 1);
  for (;; part /= 2) {
    for (std::size_t begin = 0; begin < (plan.*list).size();) {
      Plan shorter = plan;
      auto& rest = shorter.*list;
      const auto from = rest.begin() + static_cast<std::ptrdiff_t>(begin);
      const auto count = std::min(part, rest.size() - begin);
      rest.erase(from, from + static_cast<std::ptrdiff_t>(count));
      if (fails(shorter)) {
        plan = std::move(shorter);
      } else {
        begin += count;
      }
    }
    if (part == 1) return;
  }
}

}  // namespace

Plan Shrink(Plan plan, const std::function<bool(const Plan&)>& fails, int budget) {
  const auto within_budget = [&](const Plan& shorter) { return --budget >= 0 && fails(shorter); };
  Plan honest = plan;
  honest.lying_peer = false;
  honest.broker_lies_one_in = 0;
  if (within_budget(honest)) plan = honest;
  ShrinkList(plan, &Plan::residents, within_budget);
  ShrinkList(plan, &Plan::injections, within_budget);
  return plan;
}

std::vector<std::string> BrokenRules(const std::vector<std::string>& violations) {
  std::set<std::string> rules;
  for (const std::string& violation : violations) {
    rules.insert(violation.substr(0, violation.find(':')));
  }
  return {rules.begin(), rules.end()};
}

std::string TellStory(const Plan& plan, const ScenarioResult& result) {
  std::string out = absl::StrCat("seed ", plan.seed, "\n");
  if (plan.lying_peer) absl::StrAppend(&out, "  province ", kLiar, " lies\n");
  if (plan.broker_lies_one_in != 0) {
    absl::StrAppend(&out, "  the broker lies in one of ", plan.broker_lies_one_in, " frames\n");
  }
  for (const ResidentPlan& resident : plan.residents) {
    absl::StrAppend(&out, "  ", Describe(resident), "\n");
  }
  for (const Injection& injection : plan.injections) {
    absl::StrAppend(&out, "  ", Describe(injection), "\n");
  }
  for (const std::string& violation : result.violations) {
    absl::StrAppend(&out, "  VIOLATED ", violation, "\n");
  }
  const std::int64_t start = result.history.events.empty() ? 0 : 1790000000000000;
  std::size_t told = 0;
  for (const HistoryEvent& event : result.history.events) {
    const std::string name = absl::StrCat("case ", event.message.case_hex.substr(0, 8));
    const bool named = std::any_of(
        result.violations.begin(), result.violations.end(), [&](const std::string& violation) {
          return !event.message.case_hex.empty() && absl::StrContains(violation, name);
        });
    const bool of_route = event.message.case_hex.empty();
    if ((!named && !of_route) || ++told > kMaxEvents) continue;
    absl::StrAppendFormat(&out, "  %10.3f s  %d->%d %s #%d  %s\n",
                          static_cast<double>(event.at_us - start) / 1e6, event.message.source,
                          event.message.destination, of_route ? "" : name, event.message.sequence,
                          Name(event.kind));
  }
  return out;
}

}  // namespace yizhan::simulation
