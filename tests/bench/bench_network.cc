#include "tests/bench/bench_network.h"

#include <unistd.h>

#include <filesystem>
#include <map>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/config/text_proto.h"
#include "adapters/platform/crypto/key_files.h"
#include "adapters/platform/crypto/suite.h"
#include "adapters/platform/mutex/mutex.h"
#include "protos/contract/directory.h"
#include "protos/contract/limits.h"
#include "protos/contract/signing.h"
#include "tools/yizhan/network_init.h"
#include "yizhan/v1/directory.pb.h"

namespace yizhan::bench {
namespace {

namespace fs = std::filesystem;
using contract::ProvinceCode;

constexpr std::uint32_t kFirstProvince = 11;
constexpr absl::Duration kStartPatience = absl::Seconds(60);

// Divisions with names for codes that no real province has.
absl::Status WriteDivisions(const std::string& path, int provinces) {
  auto text = platform::ReadFile(absl::StrCat(YIZHAN_SOURCE_DIR, "/deploy/data/divisions.csv"));
  if (!text.ok()) return text.status();
  for (int i = 0; i < provinces; ++i) {
    const std::uint32_t code = kFirstProvince + static_cast<std::uint32_t>(i);
    if (!absl::StrContains(*text, absl::StrCat("\n", code, ","))) {
      absl::StrAppend(&*text, code, ",Bench ", code, ",\n");
    }
  }
  return platform::WriteFileAtomically(path, *text);
}

// Both directions of a pair, as if every case of the connectivity test had passed.
v1::DirectoryEntry MakeReport(const contract::Digest& genesis, ProvinceCode a, ProvinceCode b,
                              absl::Time now) {
  v1::DirectoryEntry entry;
  entry.set_format_version(contract::kFormatVersion);
  entry.set_suite(v1::SUITE_SM);
  entry.set_created_unix_us(absl::ToUnixMicros(now));
  entry.set_network_genesis(genesis.str());
  v1::LinkReport* report = entry.mutable_link_report();
  report->set_run_id(std::string(14, 'b') + static_cast<char>(a.value()) +
                     static_cast<char>(b.value()));
  report->set_suite_version(1);
  report->set_initiator(a.value());
  report->set_counterpart(b.value());
  report->set_started_unix_us(absl::ToUnixMicros(now - absl::Minutes(1)));
  report->set_ended_unix_us(absl::ToUnixMicros(now));
  report->set_certified_until_unix_us(absl::ToUnixMicros(now + contract::kCertificationLife));
  report->set_doubles(true);
  report->set_fast(true);
  for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
    v1::RouteCertification* route = report->add_routes();
    route->set_accepting(from.value());
    route->set_home(to.value());
    route->set_version(1);
    for (const absl::string_view id : contract::MandatoryCases(report->suite_version())) {
      v1::CaseVerdict* verdict = report->add_verdicts();
      verdict->set_case_id(std::string(id));
      verdict->set_from(from.value());
      verdict->set_to(to.value());
      verdict->set_verdict(v1::VERDICT_PASS);
    }
  }
  return entry;
}

absl::Status AddSignature(v1::SignedEntry& entry, v1::SignerRole role, std::uint32_t province,
                          const contract::Signer& signer) {
  const absl::string_view parts[] = {entry.entry()};
  auto signature =
      contract::SignOne(signer, *platform::SmSuite().hasher, contract::kDirectoryEntryType, parts);
  if (!signature.ok()) return signature.status();
  v1::EntrySignature* out = entry.add_signatures();
  out->set_role(role);
  out->set_province(province);
  *out->mutable_signature() = *std::move(signature);
  return absl::OkStatus();
}

// Value in KiB of a line of /proc/PID/status, in MiB.
double StatusMiB(pid_t pid, absl::string_view field) {
  const auto text = platform::ReadFile(absl::StrCat("/proc/", pid, "/status"));
  if (!text.ok()) return 0;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    if (!absl::StartsWith(line, field)) continue;
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    double kib = 0;
    if (words.size() > 1 && absl::SimpleAtod(words[1], &kib)) return kib / 1024;
  }
  return 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BenchNetwork>> BenchNetwork::Make(const std::string& dir,
                                                                 int provinces,
                                                                 const Pairs& routes) {
  std::unique_ptr<BenchNetwork> network(new BenchNetwork(dir));
  if (absl::Status s = network->Init(provinces); !s.ok()) return s;
  if (absl::Status s = network->OpenRoutes(routes); !s.ok()) return s;
  return network;
}

BenchNetwork::~BenchNetwork() {
  StopBroker();
  std::error_code ignored;
  fs::remove_all(dir_, ignored);
}

absl::Status BenchNetwork::Init(int provinces) {
  if (absl::Status s = platform::MakeDirectories(dir_); !s.ok()) return s;
  const std::string divisions = dir_ + "/divisions.csv";
  if (absl::Status s = WriteDivisions(divisions, provinces); !s.ok()) return s;
  tools::NetworkInitOptions options;
  options.dir = dir_ + "/lab";
  for (int i = 0; i < provinces; ++i) {
    options.provinces.emplace_back(kFirstProvince + static_cast<std::uint32_t>(i));
  }
  options.data.policy = absl::StrCat(YIZHAN_SOURCE_DIR, "/deploy/data/policy.textproto");
  options.data.points = absl::StrCat(YIZHAN_SOURCE_DIR, "/tools/demo/sample/points.jsonl");
  options.data.divisions = divisions;
  options.now = absl::Now();
  platform::SystemRandom random;
  auto lab = tools::InitNetwork(options, random);
  if (!lab.ok()) return lab.status();
  lab_ = *std::move(lab);
  return absl::OkStatus();
}

absl::Status BenchNetwork::OpenRoutes(const Pairs& routes) {
  const std::string path = lab_.dir + "/broker/directory.bin";
  auto bytes = platform::ReadFile(path);
  if (!bytes.ok()) return bytes.status();
  v1::DirectoryEntries entries;
  if (!entries.ParseFromString(*bytes)) return absl::DataLossError(path);
  const contract::Digest genesis =
      platform::SmSuite().hasher->Hash(absl::string_view(entries.entries(0).entry()));
  const auto broker = platform::LoadSigner(lab_.dir + "/broker/keys/sign.pem");
  if (!broker.ok()) return broker.status();
  const absl::Time now = absl::Now();
  for (const auto& [a, b] : routes) {
    v1::SignedEntry* entry = entries.add_entries();
    entry->set_entry(MakeReport(genesis, a, b, now).SerializeAsString());
    for (const ProvinceCode province : {a, b}) {
      const auto signer =
          platform::LoadSigner(absl::StrCat(lab_.dir, "/node-", province.str(), "/keys/sign.pem"));
      if (!signer.ok()) return signer.status();
      absl::Status s = AddSignature(*entry, v1::SIGNER_MEMBER, province.value(), **signer);
      if (!s.ok()) return s;
    }
    if (absl::Status s = AddSignature(*entry, v1::SIGNER_BROKER, 0, **broker); !s.ok()) return s;
  }
  return platform::WriteFileAtomically(path, entries.SerializeAsString());
}

absl::Status BenchNetwork::StartBroker(const std::string& program) {
  auto process = tools::ChildProcess::Start(
      "broker", {program, "--config", lab_.dir + "/broker/broker.textproto"}, dir_ + "/broker.log",
      /*dies_with_us=*/true);
  if (!process.ok()) return process.status();
  broker_ = *std::move(process);
  const std::string ready = lab_.dir + "/broker/ports";
  platform::Mutex mutex;
  platform::CondVar never;
  const absl::Time end = absl::Now() + kStartPatience;
  while (!fs::exists(ready)) {
    if (broker_->Ended() || absl::Now() > end) {
      return absl::UnavailableError(
          absl::StrCat("the broker does not come up: ", broker_->LogTail()));
    }
    platform::MutexLock lock(&mutex);
    never.WaitFor(&mutex, absl::Milliseconds(20));
  }
  return absl::OkStatus();
}

void BenchNetwork::StopBroker() {
  if (broker_ != nullptr) broker_->Stop(absl::Seconds(30));
  broker_ = nullptr;
  std::error_code ignored;
  fs::remove(lab_.dir + "/broker/ports", ignored);
}

double BenchNetwork::BrokerCpuSeconds() const {
  const auto text = platform::ReadFile(absl::StrCat("/proc/", broker_pid(), "/stat"));
  if (!text.ok()) return 0;
  // After the name in brackets: state is the first, utime the 12th, stime the 13th.
  const std::vector<absl::string_view> words =
      absl::StrSplit(absl::string_view(*text).substr(text->rfind(')') + 2), ' ');
  double user = 0;
  double system = 0;
  if (words.size() < 13 || !absl::SimpleAtod(words[11], &user) ||
      !absl::SimpleAtod(words[12], &system)) {
    return 0;
  }
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double BenchNetwork::BrokerResidentMiB() const { return StatusMiB(broker_pid(), "VmRSS:"); }
double BenchNetwork::BrokerPeakMiB() const { return StatusMiB(broker_pid(), "VmHWM:"); }

}  // namespace yizhan::bench
