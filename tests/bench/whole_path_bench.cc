// The whole path: durable nodes that seal, sign, send, take in and receipt, with a
// real broker process between them, all on this machine.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "adapters/platform/mutex/mutex.h"
#include "tests/bench/bench_network.h"
#include "tests/bench/bench_node.h"
#include "tools/load/load_run.h"
#include "tools/yizhan/data_files.h"
#include "tools/yizhan/flags.h"

namespace yizhan::bench {
namespace {

using contract::ProvinceCode;

constexpr absl::Duration kLook = absl::Milliseconds(2);
constexpr absl::Duration kPatience = absl::Seconds(60);
// Messages handed to a node in one event, as a busy gateway would in a moment.
constexpr std::uint64_t kTogether = 64;

ProvinceCode Province(int index) { return ProvinceCode(11 + static_cast<std::uint32_t>(index)); }

void Declare(tools::FlagSet& flags) {
  flags.AddNumber("mailboxes", "N", 1, 1, 31, "Receiving nodes.");
  flags.AddNumber("senders", "N", 1, 1, 31, "Sending nodes.");
  flags.AddNumber("messages", "N", 20'000, 1, 10'000'000, "Messages of all senders.");
  flags.AddNumber("body", "BYTES", 1024, 512, 1 << 20, "Sealed body.");
  flags.AddNumber("window", "N", 4096, 64, 1 << 20, "Messages of a sender without receipt.");
}

// Looks until it holds or `patience` passed.
bool Await(const std::function<bool()>& holds, absl::Duration patience) {
  platform::Mutex mutex;
  platform::CondVar never;
  const absl::Time end = absl::Now() + patience;
  while (!holds()) {
    if (absl::Now() > end) return false;
    platform::MutexLock lock(&mutex);
    never.WaitFor(&mutex, kLook);
  }
  return true;
}

struct Run {
  std::vector<std::unique_ptr<BenchNode>> senders;
  std::vector<std::unique_ptr<BenchNode>> recipients;

  template <typename Member>
  std::uint64_t Sum(const std::vector<std::unique_ptr<BenchNode>>& nodes, Member member) const {
    std::uint64_t sum = 0;
    for (const auto& node : nodes) sum += node->counts().*member;
    return sum;
  }
  std::uint64_t Done() const { return Sum(senders, &NodeCounts::done); }
};

// Hands messages in as long as the window allows; false where nothing moves.
bool Drive(const Run& run, std::uint64_t messages, std::uint64_t window, std::size_t body) {
  const std::uint64_t each = messages / run.senders.size();
  std::vector<std::uint64_t> sent(run.senders.size());
  std::size_t next = 0;
  std::uint64_t before = 0;
  absl::Time moved = absl::Now();
  return Await(
             [&] {
               for (std::size_t i = 0; i < run.senders.size(); ++i) {
                 while (sent[i] < each &&
                        sent[i] - run.senders[i]->counts().done + kTogether <= window) {
                   const std::uint64_t more = std::min(kTogether, each - sent[i]);
                   run.senders[i]->Send(Province(static_cast<int>(next++ % run.recipients.size())),
                                        more, body);
                   sent[i] += more;
                 }
               }
               const std::uint64_t done = run.Done();
               if (done != before) moved = absl::Now();
               before = done;
               if (run.Sum(run.senders, &NodeCounts::failed) > 0) return true;
               return done >= each * run.senders.size() || absl::Now() - moved > kPatience;
             },
             absl::Hours(1)) &&
         run.Done() >= each * run.senders.size();
}

void Print(const Run& run, double seconds, const tools::BrokerFigures& before,
           const tools::BrokerFigures& after, double broker_cpu) {
  const auto done = static_cast<double>(run.Done());
  const auto grew = [&](const char* name) { return after.at(name) - before.at(name); };
  std::printf("%.0f messages, all receipted: %.0f/s (%.2f s)\n", done, done / seconds, seconds);
  const auto print = [&](const char* who, const std::vector<std::unique_ptr<BenchNode>>& nodes) {
    const auto syncs = static_cast<double>(run.Sum(nodes, &NodeCounts::syncs));
    std::printf("  %s: %.0f syncs (%.1f messages each), %lu seals, %lu signatures\n", who, syncs,
                done / syncs, run.Sum(nodes, &NodeCounts::sealed),
                run.Sum(nodes, &NodeCounts::signatures));
  };
  print("senders", run.senders);
  print("recipients", run.recipients);
  const double syncs = grew("yizhan_broker_commit_seconds_count");
  std::printf(
      "  broker: %.0f syncs (%.1f messages each), %.0f verifications, %.0f signatures, "
      "%.1f us CPU a message\n",
      syncs, done / syncs, grew("yizhan_broker_signature_verifications_total"),
      grew("yizhan_broker_signatures_total"), broker_cpu * 1e6 / done);
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}

int Main(int argc, char** argv) {
  tools::FlagSet flags;
  Declare(flags);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (absl::Status s = flags.Parse(arguments); !s.ok()) {
    std::fprintf(stderr, "%s", flags.Help().c_str());
    return Fail(s) + 1;
  }
  const int mailboxes = static_cast<int>(flags.Number("mailboxes"));
  const int senders = static_cast<int>(flags.Number("senders"));
  Pairs routes;
  for (int r = 0; r < mailboxes; ++r) {
    for (int s = 0; s < senders; ++s) routes.push_back({Province(mailboxes + s), Province(r)});
  }
  auto network = BenchNetwork::Make(
      absl::StrCat(std::filesystem::temp_directory_path().string(), "/yizhan-bench-", getpid()),
      mailboxes + senders, routes);
  if (!network.ok()) return Fail(network.status());
  absl::Status started = (*network)->StartBroker(tools::ProgramFolder() + "/yizhan-broker");
  if (!started.ok()) return Fail(started);
  Run run;
  for (int i = 0; i < mailboxes + senders; ++i) {
    auto node = BenchNode::Start((*network)->lab(), Province(i));
    if (!node.ok()) return Fail(node.status());
    (i < mailboxes ? run.recipients : run.senders).push_back(*std::move(node));
  }
  const std::uint64_t directory =
      1 + static_cast<std::uint64_t>(mailboxes + senders) + routes.size();
  for (const auto* nodes : {&run.senders, &run.recipients}) {
    for (const auto& node : *nodes) {
      if (!Await([&] { return node->Ready(directory); }, kPatience)) {
        return Fail(absl::DeadlineExceededError("a node gets no session"));
      }
    }
  }
  std::printf("%d senders, %d mailboxes: ready\n", senders, mailboxes);
  std::fflush(stdout);
  const auto before = tools::ReadBrokerFigures((*network)->lab());
  if (!before.ok()) return Fail(before.status());
  const double cpu = (*network)->BrokerCpuSeconds();
  const absl::Time start = absl::Now();
  const bool complete = Drive(run, static_cast<std::uint64_t>(flags.Number("messages")),
                              static_cast<std::uint64_t>(flags.Number("window")),
                              static_cast<std::size_t>(flags.Number("body")));
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
  // The broker's page is renewed every second.
  Await([] { return false; }, absl::Milliseconds(1500));
  const auto after = tools::ReadBrokerFigures((*network)->lab());
  if (!after.ok()) return Fail(after.status());
  Print(run, seconds, *before, *after, (*network)->BrokerCpuSeconds() - cpu);
  return complete ? 0 : 1;
}

}  // namespace
}  // namespace yizhan::bench

int main(int argc, char** argv) { return yizhan::bench::Main(argc, argv); }
