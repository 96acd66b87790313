// The broker measure: a real broker process; senders with messages made
// beforehand; ends in memory.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/bench/bench_network.h"
#include "tests/bench/peers.h"
#include "tools/load/load_run.h"
#include "tools/yizhan/data_files.h"
#include "tools/yizhan/flags.h"

namespace yizhan::bench {
namespace {

using contract::ProvinceCode;

// What some senders sign at once at such a rate.
constexpr std::size_t kPacedBatch = 16;
constexpr double kFixedRate = 10'000;
constexpr double kPacedSeconds = 5;

ProvinceCode Province(int index) { return ProvinceCode(11 + static_cast<std::uint32_t>(index)); }

void Declare(tools::FlagSet& flags) {
  flags.AddNumber("mailboxes", "N", 1, 1, 31, "Recipients.");
  flags.AddNumber("senders", "N", 4, 1, 31, "Busy senders.");
  flags.AddNumber("quiet", "N", 0, 0, 31, "Quiet senders.");
  flags.AddNumber("messages", "N", 100000, 1, 10000000, "Messages.");
  flags.AddNumber("body", "BYTES", 1024, 512, 1 << 20, "Sealed body.");
  flags.AddNumber("batch", "N", 256, 1, 256, "Messages a frame.");
  flags.AddNumber("rate", "N", 0, 0, 1000000, "Messages a second.");
  flags.AddNumber("runs", "N", 1, 1, 100, "Runs on one broker.");
  flags.AddDuration("peers", absl::ZeroDuration(), "Time for each peer; 0: none.");
  flags.AddNumber("dead", "N", 0, 0, 10'000'000,
                  "First, so many messages wait for a province that never fetches them.");
  flags.AddSwitch("paced", "Then at 10,000 a second, and at half of the best.");
  flags.AddSwitch("hold", "Recipients begin when all is accepted.");
  flags.AddSwitch("no-receive", "Nothing is taken out.");
  flags.AddText("dir", "DIR", "",
                "Folder for the network, else a temporary one; removed at the end.");
}

void Print(const tools::LoadReport& r, double cpu, double rss, double peak) {
  const auto n = [&](const char* name) {
    const auto at = r.broker.find(name);
    return at == r.broker.end() ? 0.0 : at->second;
  };
  const double commits = n("yizhan_broker_commit_seconds_count");
  std::printf(
      "accepted %lu refused %lu delivered %lu again %lu receipted %lu %s\n"
      "  accept %.0f/s deliver %.0f/s (%.2f s)  ack p50 %.2f p99 %.2f max %.2f ms   "
      "receipt p50 %.2f p99 %.2f ms\n"
      "  quiet ack p50 %.2f p99 %.2f ms (%zu)\n"
      "  syncs %.0f (%.1f msg each, %.2f ms, %.2f frames) verifications %.0f; signed by senders "
      "%lu recipients %lu\n"
      "  broker CPU %.1f us/message, RSS %.0f MiB peak %.0f MiB\n",
      r.accepted, r.refused, r.delivered, r.delivered_again, r.receipted, r.first_refusal.c_str(),
      r.AcceptedPerSecond(), r.DeliveredPerSecond(), absl::ToDoubleSeconds(r.delivering),
      r.accepted_after.p50_ms, r.accepted_after.p99_ms, r.accepted_after.max_ms,
      r.receipted_after.p50_ms, r.receipted_after.p99_ms, r.quiet_accepted_after.p50_ms,
      r.quiet_accepted_after.p99_ms, r.quiet_accepted_after.count, commits,
      static_cast<double>(r.accepted) / commits,
      1e3 * n("yizhan_broker_commit_seconds_sum") / commits,
      n("yizhan_broker_commit_frames_sum") / commits,
      n("yizhan_broker_signature_verifications_total"), r.sender_signatures, r.recipient_signatures,
      cpu * 1e6 / static_cast<double>(r.accepted), rss, peak);
  std::fflush(stdout);
}

struct Peers {
  double echo_1 = 0;
  double echo_64 = 0;
  double store_256 = 0;
};

Peers MeasurePeers(const std::string& dir, std::size_t body, absl::Duration each) {
  const Peers peers = {GrpcEchoPerSecond(1, body, each), GrpcEchoPerSecond(64, body, each),
                       StorePerSecond(256, body, each, dir)};
  std::printf(
      "peers, %zu bytes, nothing signed: gRPC echo 1 a frame %.0f/s, 64 a frame %.0f/s; store 1 a "
      "sync %.0f/s, 16 a sync %.0f/s, 256 a sync %.0f/s\n",
      body, peers.echo_1, peers.echo_64, StorePerSecond(1, body, each, dir),
      StorePerSecond(16, body, each, dir), peers.store_256);
  std::fflush(stdout);
  return peers;
}

void PrintRatios(const Peers& peers, double per_second) {
  if (peers.echo_1 <= 0) return;
  std::printf(
      "  ratios: %.3f of gRPC echo 1 a frame, %.3f of 64 a frame, %.3f of store 256 a sync\n",
      per_second / peers.echo_1, per_second / peers.echo_64, per_second / peers.store_256);
}

int Main(int argc, char** argv) {
  tools::FlagSet flags;
  Declare(flags);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (absl::Status s = flags.Parse(arguments); !s.ok()) {
    std::fprintf(stderr, "%s\n%s", s.ToString().c_str(), flags.Help().c_str());
    return 2;
  }
  const int mailboxes = static_cast<int>(flags.Number("mailboxes"));
  const int senders = static_cast<int>(flags.Number("senders"));
  const int quiet = static_cast<int>(flags.Number("quiet"));
  const std::string dir = flags.Text("dir").empty()
                              ? absl::StrCat(std::filesystem::temp_directory_path().string(),
                                             "/yizhan-bench-", getpid())
                              : flags.Text("dir");
  tools::LoadPlan plan;
  Pairs routes;
  for (int r = 0; r < mailboxes; ++r) plan.recipients.push_back(Province(r));
  for (int s = 0; s < senders; ++s) plan.senders.push_back(Province(mailboxes + s));
  for (int q = 0; q < quiet; ++q) plan.quiet.push_back(Province(mailboxes + senders + q));
  for (const ProvinceCode to : plan.recipients) {
    for (const ProvinceCode from : plan.senders) routes.push_back({from, to});
    for (const ProvinceCode from : plan.quiet) routes.push_back({from, to});
  }
  const int dead = flags.Number("dead") > 0 ? 1 : 0;
  for (const ProvinceCode from : plan.senders) {
    if (dead > 0) routes.push_back({from, Province(mailboxes + senders + quiet)});
  }
  plan.messages = static_cast<std::uint64_t>(flags.Number("messages"));
  plan.body_bytes = static_cast<std::size_t>(flags.Number("body"));
  plan.batch = static_cast<std::size_t>(flags.Number("batch"));
  plan.per_second = static_cast<double>(flags.Number("rate"));
  plan.hold_recipients = flags.Switch("hold");
  plan.receive = !flags.Switch("no-receive");
  auto network = BenchNetwork::Make(dir, mailboxes + senders + quiet + dead, routes);
  if (!network.ok()) {
    std::fprintf(stderr, "%s\n", network.status().ToString().c_str());
    return 1;
  }
  const absl::Status started = (*network)->StartBroker(tools::ProgramFolder() + "/yizhan-broker");
  if (!started.ok()) {
    std::fprintf(stderr, "%s\n", started.ToString().c_str());
    return 1;
  }
  Peers peers;
  if (flags.Duration("peers") > absl::ZeroDuration()) {
    peers = MeasurePeers(dir + "-peer", plan.body_bytes, flags.Duration("peers"));
  }
  std::printf("broker pid %d\n", (*network)->broker_pid());
  bool complete = true;
  double peak = 0;
  const auto run = [&](absl::string_view what) {
    const double before = (*network)->BrokerCpuSeconds();
    const auto report = tools::RunLoad((*network)->lab(), plan);
    if (!report.ok()) {
      std::fprintf(stderr, "%s\n", report.status().ToString().c_str());
      complete = false;
      return;
    }
    std::printf("%s, %zu bytes, %d a frame: ", std::string(what).c_str(), plan.body_bytes,
                static_cast<int>(plan.batch));
    Print(*report, (*network)->BrokerCpuSeconds() - before, (*network)->BrokerResidentMiB(),
          (*network)->BrokerPeakMiB());
    PrintRatios(peers, report->DeliveredPerSecond());
    peak = std::max(peak, report->DeliveredPerSecond());
    complete = complete && report->Complete();
  };
  if (flags.Number("dead") > 0) {
    tools::LoadPlan living = plan;
    plan.recipients = {Province(mailboxes + senders + quiet)};
    plan.quiet.clear();
    plan.messages = static_cast<std::uint64_t>(flags.Number("dead"));
    plan.receive = false;
    run("for a dead province");
    plan = living;
    peak = 0;
  }
  for (int i = 0; i < flags.Number("runs"); ++i) run("as fast as credit allows");
  if (flags.Switch("paced") && complete) {
    plan.batch = kPacedBatch;
    for (const double rate : {kFixedRate, peak / 2}) {
      plan.per_second = rate;
      plan.messages = static_cast<std::uint64_t>(rate * kPacedSeconds);
      run(absl::StrCat("at ", static_cast<int>(rate), "/s"));
    }
  }
  return complete ? 0 : 1;
}

}  // namespace
}  // namespace yizhan::bench

int main(int argc, char** argv) { return yizhan::bench::Main(argc, argv); }
