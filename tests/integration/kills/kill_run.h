// Kills the processes of a network under load, again and again, and asks in the
// end whether anything was lost or happened twice.
#ifndef YIZHAN_TESTS_INTEGRATION_KILLS_KILL_RUN_H_
#define YIZHAN_TESTS_INTEGRATION_KILLS_KILL_RUN_H_

#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/integration/kills/case_load.h"
#include "tests/integration/kills/phases.h"
#include "tests/integration/kills/told_history.h"
#include "tests/integration/kills/witnesses.h"
#include "tests/support/process_network.h"

namespace yizhan::testing {

struct KillOptions {
  std::string binary_dir;
  std::string source_dir;
  std::uint64_t kills = 60;
  // Chooses victims and moments; what processes do in between is not repeatable.
  std::uint64_t seed = 1;
};

// Whom a kill hits.
enum class Victim { kBroker, kNode, kBoth };
inline constexpr std::size_t kVictims = 3;
const char* NameOf(Victim victim);

// Of the kills of one kind of victim.
struct KillTally {
  std::uint64_t kills = 0;
  std::array<std::uint64_t, kPhases> kills_in = {};  // with a message in that phase
  std::array<std::uint64_t, kPhases> messages = {};
};

// One thread. A failure of the network fails the test that runs it.
class KillRun {
 public:
  explicit KillRun(KillOptions options);
  ~KillRun();

  // A network of a broker and three nodes with open routes, under load.
  bool Begin();
  // Until so many kills found a message in flight; false where they do not.
  bool KillAll();
  // Lets the load end and everything arrive.
  bool ComeToRest();
  // Violations of the promises, with what the processes' logs say; and a table
  // of what was done, on standard output.
  std::vector<std::string> Judge();

 private:
  bool Check(const absl::Status& status);
  bool OneKill(Victim victim);
  void Kill(Victim victim, contract::ProvinceCode node, bool broker_first);
  bool StartAgain(Victim victim, contract::ProvinceCode node, bool broker_first, KillScene& scene);
  bool StartNode(contract::ProvinceCode node, KillScene& scene);
  bool AtRest();
  void Count(Victim victim, const InFlight& found);
  void Print(const simulation::History& history, bool kept) const;
  absl::Duration Between(absl::Duration least, absl::Duration most);

  const KillOptions options_;
  std::mt19937_64 random_;
  std::unique_ptr<ProcessNetwork> network_;
  tools::Lab lab_;
  std::unique_ptr<Witnesses> witnesses_;
  std::unique_ptr<CaseLoad> load_;
  std::array<KillTally, kVictims> tallies_;
  std::uint64_t without_message_ = 0;
  absl::Time began_;
};

}  // namespace yizhan::testing

#endif  // YIZHAN_TESTS_INTEGRATION_KILLS_KILL_RUN_H_
