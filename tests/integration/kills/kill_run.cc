#include "tests/integration/kills/kill_run.h"

#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/simulation/checker.h"
#include "tools/demo/message_counts.h"

namespace yizhan::testing {
namespace {

constexpr std::uint32_t kHub = 32;
constexpr std::uint32_t kPartners[] = {34, 51};
constexpr absl::Duration kToRest = absl::Minutes(2);
// A kill that finds nothing in flight is done again, but not for ever.
constexpr std::uint64_t kTriesPerKill = 4;

}  // namespace

const char* NameOf(Victim victim) {
  switch (victim) {
    case Victim::kBroker:
      return "broker";
    case Victim::kNode:
      return "a node";
    case Victim::kBoth:
      return "both";
  }
  return "";
}

KillRun::KillRun(KillOptions options) : options_(std::move(options)), random_(options_.seed) {}
KillRun::~KillRun() = default;

bool KillRun::Check(const absl::Status& status) {
  EXPECT_TRUE(status.ok()) << status;
  return status.ok();
}

absl::Duration KillRun::Between(absl::Duration least, absl::Duration most) {
  return least + (most - least) * (static_cast<double>(random_() % 10000) / 10000);
}

bool KillRun::Begin() {
  began_ = absl::Now();
  network_ = std::make_unique<ProcessNetwork>(
      options_.binary_dir, std::vector<std::uint32_t>{kHub, kPartners[0], kPartners[1]});
  if (!network_->StartAll()) return false;
  for (const std::uint32_t partner : kPartners) {
    if (!network_->OpenLink(kHub, partner)) return false;
  }
  auto lab = tools::LoadLab(network_->dir());
  if (!Check(lab.status())) return false;
  lab_ = *std::move(lab);
  auto witnesses = Witnesses::Connect(lab_);
  if (!Check(witnesses.status())) return false;
  witnesses_ = *std::move(witnesses);
  CaseLoad::Options load;
  load.lab = &lab_;
  load.source_dir = options_.source_dir;
  load.seed = options_.seed;
  auto started = CaseLoad::Start(std::move(load));
  if (!Check(started.status())) return false;
  load_ = *std::move(started);
  return true;
}

bool KillRun::KillAll() {
  std::uint64_t tries = 0;
  std::uint64_t done = 0;
  while (done < options_.kills) {
    if (++tries > options_.kills * kTriesPerKill) {
      ADD_FAILURE() << "only " << done << " of " << tries << " kills found a message in flight";
      return false;
    }
    const std::uint64_t before = without_message_;
    if (!OneKill(static_cast<Victim>(random_() % kVictims))) return false;
    if (without_message_ == before) ++done;
    if (done % 100 == 0 && without_message_ == before) {
      std::printf("%llu kills, %zu cases ended\n", static_cast<unsigned long long>(done),
                  load_->Cases().size());
      std::fflush(stdout);
    }
  }
  return true;
}

bool KillRun::OneKill(Victim victim) {
  const absl::Duration pause = Between(absl::Milliseconds(200), absl::Milliseconds(1200));
  ProcessNetwork::Eventually([] { return false; }, pause);
  const std::vector<contract::ProvinceCode>& nodes = witnesses_->provinces();
  const contract::ProvinceCode node = nodes[random_() % nodes.size()];
  const bool broker_first = random_() % 2 == 0;

  std::set<contract::ProvinceCode> killed;
  if (victim == Victim::kNode) killed.insert(node);
  KillScene scene(witnesses_.get(), absl::Now(), killed);
  Kill(victim, node, broker_first);
  for (const contract::ProvinceCode other : nodes) {
    if (other == node && victim != Victim::kBroker) continue;
    if (!Check(scene.Look(other))) return false;
  }
  ProcessNetwork::Eventually([] { return false; },
                             Between(absl::ZeroDuration(), absl::Milliseconds(400)));
  if (!StartAgain(victim, node, broker_first, scene)) return false;
  const auto found = scene.Judge();
  if (!Check(found.status())) return false;
  if (found->total() == 0) {
    ++without_message_;
  } else {
    Count(victim, *found);
  }
  return true;
}

void KillRun::Kill(Victim victim, contract::ProvinceCode node, bool broker_first) {
  if (victim == Victim::kBroker || (victim == Victim::kBoth && broker_first)) {
    network_->KillBroker();
  }
  if (victim != Victim::kBroker) network_->KillNode(node.value());
  if (victim == Victim::kBoth && !broker_first) network_->KillBroker();
}

bool KillRun::StartNode(contract::ProvinceCode node, KillScene& scene) {
  return network_->StartNode(node.value()) && Check(scene.Look(node));
}

bool KillRun::StartAgain(Victim victim, contract::ProvinceCode node, bool broker_first,
                         KillScene& scene) {
  if (victim == Victim::kNode) return StartNode(node, scene);
  if (victim == Victim::kBroker) return network_->StartBroker();
  if (broker_first) return network_->StartBroker() && StartNode(node, scene);
  return StartNode(node, scene) && network_->StartBroker();
}

void KillRun::Count(Victim victim, const InFlight& found) {
  KillTally& tally = tallies_[static_cast<std::size_t>(victim)];
  ++tally.kills;
  for (std::size_t phase = 0; phase < kPhases; ++phase) {
    tally.kills_in[phase] += found.messages[phase] > 0 ? 1 : 0;
    tally.messages[phase] += found.messages[phase];
  }
}

bool KillRun::AtRest() {
  for (const contract::ProvinceCode node : witnesses_->provinces()) {
    const auto status = witnesses_->StatusOf(node);
    if (!status.ok() || status->outbox_waiting() > 0 || status->inbox_held() > 0) return false;
  }
  const auto mailboxes = witnesses_->Mailboxes();
  if (!mailboxes.ok()) return false;
  for (const v1::MailboxInfo& box : mailboxes->mailboxes()) {
    if (box.lane() == v1::LANE_BUSINESS && box.messages() > 0) return false;
  }
  return true;
}

bool KillRun::ComeToRest() {
  load_->Finish(kToRest);
  const bool rests = ProcessNetwork::Eventually([this] { return AtRest(); }, kToRest);
  EXPECT_TRUE(rests) << "messages still wait " << kToRest << " after the last case";
  return rests;
}

std::vector<std::string> KillRun::Judge() {
  auto told = TellHistory(*witnesses_, load_->Cases());
  if (!Check(told.status())) return {"the network does not tell what happened"};
  for (std::size_t i = 0; i < kVictims; ++i) {
    told->history.faults[absl::StrCat("kill of ", NameOf(static_cast<Victim>(i)))] =
        tallies_[i].kills;
  }
  std::string logs = network_->BrokerLog();
  for (const contract::ProvinceCode node : witnesses_->provinces()) {
    absl::StrAppend(&logs, network_->NodeLog(node.value()));
  }
  for (const std::string& line : SecurityLines(logs)) {
    told->history.security.push_back({0, 0, line});
  }
  std::vector<std::string> wrong = simulation::CheckHistory(told->history);
  wrong.insert(wrong.end(), told->contradictions.begin(), told->contradictions.end());
  // The broker's log and both ends count the same, kind by kind.
  const std::set<contract::ProvinceCode> all(witnesses_->provinces().begin(),
                                             witnesses_->provinces().end());
  const auto flows = tools::FetchFlows(lab_, all, absl::Seconds(10));
  if (!Check(flows.status())) return wrong;
  for (const std::string& line : tools::Differences(*flows)) wrong.push_back(line);
  Print(told->history, wrong.empty());
  return wrong;
}

void KillRun::Print(const simulation::History& history, bool kept) const {
  std::uint64_t kills = 0;
  std::string table = absl::StrFormat("%-8s %6s", "killed", "kills");
  for (std::size_t phase = 0; phase < kPhases; ++phase) {
    absl::StrAppendFormat(&table, "  %15s", NameOf(static_cast<Phase>(phase)));
  }
  for (std::size_t i = 0; i < kVictims; ++i) {
    kills += tallies_[i].kills;
    absl::StrAppendFormat(&table, "\n%-8s %6d", NameOf(static_cast<Victim>(i)), tallies_[i].kills);
    for (std::size_t phase = 0; phase < kPhases; ++phase) {
      absl::StrAppendFormat(&table, "  %6d (%6d)", tallies_[i].kills_in[phase],
                            tallies_[i].messages[phase]);
    }
  }
  std::uint64_t applied = 0;
  for (const simulation::HistoryEvent& event : history.events) {
    applied += event.kind == simulation::HistoryEvent::Kind::kApplied ? 1 : 0;
  }
  std::printf(
      "Kills that found a message in that phase (and how many messages there were):\n%s\n"
      "%d further kills found nothing in flight and do not count.\n"
      "%d messages applied, %d cases, in %.0f s; seed %d.\n",
      table.c_str(), static_cast<int>(without_message_), static_cast<int>(applied),
      static_cast<int>(history.endings.size()), absl::ToDoubleSeconds(absl::Now() - began_),
      static_cast<int>(options_.seed));
  if (!kept) return;
  std::printf("no loss in %llu kills: below %.4f %% a kill at 95 %% (3/N)\n",
              static_cast<unsigned long long>(kills), 300.0 / static_cast<double>(kills));
}

}  // namespace yizhan::testing
