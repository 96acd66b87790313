#include "tests/integration/kills/told_history.h"

#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace yizhan::testing {
namespace {

using simulation::HistoryEvent;
using Kind = HistoryEvent::Kind;

std::string Show(const v1::NodeMessage& message) {
  return absl::StrCat(message.source(), "->", message.destination(), " case ",
                      Hex(message.case_handle()).substr(0, 8), " #", message.sequence());
}

class Teller {
 public:
  Teller(const Witnesses& witnesses, Told& told) : witnesses_(witnesses), told_(told) {}

  absl::Status ReadMessages() {
    for (const auto province : witnesses_.provinces()) {
      auto messages = witnesses_.All(province);
      if (!messages.ok()) return messages.status();
      for (v1::NodeMessage& message : *messages) {
        const bool sent = message.source() == province.value();
        if (sent) Add(Kind::kMade, message);
        (sent ? sent_ : received_)[message.message_id()] = std::move(message);
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadCases() {
    for (const auto province : witnesses_.provinces()) {
      const auto views = witnesses_.Cases(province);
      if (!views.ok()) return views.status();
      for (const v1::CaseView& view : *views) {
        views_[{province.value(), view.role(), view.case_handle()}] = view;
        ReadApplied(view);
      }
    }
    for (const auto& [id, message] : received_) {
      if (message.passage() == v1::PASSAGE_RECEIVED && !shown_.contains(id)) {
        Contradict("received, but its case does not show it: ", message);
      }
    }
    return absl::OkStatus();
  }

  void TellEnds() {
    for (const auto& [id, message] : sent_) {
      simulation::LastKnown& known = told_.history.last_known[NameOf(message)];
      switch (message.passage()) {
        case v1::PASSAGE_RECEIVED:
        case v1::PASSAGE_APPLIED:
        case v1::PASSAGE_REJECTED:
          known = simulation::LastKnown::kReceipted;
          Add(Kind::kReceipted, message);
          break;
        case v1::PASSAGE_REFUSED:
          known = simulation::LastKnown::kRefused;
          Add(Kind::kRefused, message);
          break;
        case v1::PASSAGE_NOT_DELIVERED:
          known = simulation::LastKnown::kNotDelivered;
          Add(Kind::kNoticed, message);
          break;
        default:
          break;
      }
    }
  }

  void TellCase(const LedCase& led) {
    const auto state = [&](contract::ProvinceCode province, v1::CaseRole role) {
      const auto view = views_.find({province.value(), role, led.handle});
      return view == views_.end() ? std::string("no case")
                                  : v1::CaseState_Name(view->second.state());
    };
    simulation::CaseEnding ending;
    ending.resident = Hex(led.handle).substr(0, 8);
    ending.case_hex = Hex(led.handle);
    ending.wanted = led.wanted;
    ending.accepting_state = state(led.accepting, v1::CASE_ROLE_ACCEPTING);
    ending.home_state = state(led.home, v1::CASE_ROLE_HOME);
    told_.history.endings.push_back(std::move(ending));
    if (!led.problem.empty()) {
      told_.contradictions.push_back(
          absl::StrCat("case ", Hex(led.handle).substr(0, 8), " was not led on: ", led.problem));
    }
  }

 private:
  // A view lists what it applied in the order in which it did.
  void ReadApplied(const v1::CaseView& view) {
    const bool home = view.role() == v1::CASE_ROLE_HOME;
    const std::uint32_t self = home ? view.home() : view.accepting();
    const std::uint32_t peer = home ? view.accepting() : view.home();
    if (self == peer) return;
    for (const v1::CaseMessage& message : view.messages()) {
      if (message.outgoing()) continue;
      const auto listed = received_.find(message.message_id());
      v1::NodeMessage applied;
      if (listed != received_.end()) applied.set_header_digest(listed->second.header_digest());
      applied.set_source(peer);
      applied.set_destination(self);
      applied.set_case_handle(view.case_handle());
      applied.set_sequence(message.sequence());
      Add(Kind::kApplied, applied);
      if (listed == received_.end()) Contradict("in its case, but never received: ", applied);
      shown_.insert(message.message_id());
    }
  }

  void Add(Kind kind, const v1::NodeMessage& message) {
    HistoryEvent event = {};
    event.kind = kind;
    event.message = NameOf(message);
    event.header_digest_hex = Hex(message.header_digest());
    told_.history.events.push_back(std::move(event));
  }

  void Contradict(absl::string_view what, const v1::NodeMessage& message) {
    told_.contradictions.push_back(absl::StrCat(what, Show(message)));
  }

  const Witnesses& witnesses_;
  Told& told_;
  // By message id.
  std::map<std::string, v1::NodeMessage> sent_;
  std::map<std::string, v1::NodeMessage> received_;
  std::set<std::string> shown_;
  std::map<std::tuple<std::uint32_t, v1::CaseRole, std::string>, v1::CaseView> views_;
};

}  // namespace

absl::StatusOr<Told> TellHistory(const Witnesses& witnesses, const std::vector<LedCase>& cases) {
  Told told;
  Teller teller(witnesses, told);
  if (absl::Status read = teller.ReadMessages(); !read.ok()) return read;
  if (absl::Status read = teller.ReadCases(); !read.ok()) return read;
  teller.TellEnds();
  for (const LedCase& led : cases) teller.TellCase(led);
  return told;
}

std::vector<std::string> SecurityLines(const std::string& log) {
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(log, '\n')) {
    if (absl::StrContains(line, "component=broker.security") ||
        absl::StrContains(line, "component=node.security")) {
      lines.emplace_back(line);
    }
  }
  return lines;
}

}  // namespace yizhan::testing
