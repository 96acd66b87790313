// Two provinces, a broker's table of connectivity tests, and an evidence log
// that a test writes by hand.
#ifndef YIZHAN_TESTS_UNIT_BROKER_LINK_RUNS_FIXTURE_H_
#define YIZHAN_TESTS_UNIT_BROKER_LINK_RUNS_FIXTURE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "adapters/platform/kv/memory_store.h"
#include "adapters/platform/kv/transaction.h"
#include "broker/service/link_runs.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "protos/contract/link_suite.h"
#include "protos/contract/signing.h"
#include "tests/support/lab_directory.h"
#include "tests/support/seeded_random.h"

namespace yizhan::broker {

using contract::Digest;
using contract::ProvinceCode;

// The broker around the runs: the directory of a lab, and a log.
class FakeRunHost final : public LinkRunHost {
 public:
  FakeRunHost(contract::DirectoryState state, const contract::SuiteAlgorithms& algorithms)
      : state_(std::move(state)),
        algorithms_(algorithms),
        checker_(algorithms.hasher, algorithms.verifier) {}

  const contract::DirectoryState& directory() const override { return state_; }
  absl::Status AppendReport(const v1::SignedEntry& entry, Moment now) override {
    return state_.Apply(*algorithms_.hasher, checker_, entry, Digest(), now.wall);
  }
  absl::StatusOr<std::vector<v1::TraceStep>> Trace(const Digest& header) override {
    return log[header];
  }
  void PushRun(ProvinceCode province, const v1::LinkRun& run) override {
    pushed[province.value()].push_back(run);
  }
  void CloseRun(const contract::RunId& run) override { closed.push_back(run); }

  std::map<Digest, std::vector<v1::TraceStep>> log;
  std::map<std::uint32_t, std::vector<v1::LinkRun>> pushed;
  std::vector<contract::RunId> closed;
  contract::DirectoryState state_;

 private:
  const contract::SuiteAlgorithms algorithms_;
  contract::SignatureChecker checker_;
};

class LinkRunsTest : public ::testing::Test {
 protected:
  explicit LinkRunsTest(std::vector<std::uint32_t> provinces = {32, 34, 41})
      : lab_(provinces, start_),
        host_(lab_.state(), lab_.algorithms()),
        checker_(lab_.algorithms().hasher, lab_.algorithms().verifier) {
    RestartBroker();
  }

  // The object forgets everything; the store stays.
  void RestartBroker();
  void Commit() { ASSERT_TRUE(txn_->Commit().ok()); }

  v1::SignedArming Statement(std::uint32_t province, std::uint32_t peer, absl::Duration window,
                             const contract::Signer* signer = nullptr);
  absl::Status Arm(std::uint32_t province, std::uint32_t peer,
                   absl::Duration window = absl::Hours(2));
  absl::StatusOr<v1::LinkRun> Start(std::uint32_t province, std::uint32_t peer);
  v1::LinkRun ArmedRun();
  v1::LinkRun Now(const v1::LinkRun& run);

  // --- the log ---
  v1::TraceStep Step(const v1::LinkRun& run, v1::TraceEvent event, v1::MessageKind kind,
                     std::uint32_t source, std::uint32_t destination);
  // Accepted and receipted.
  Digest Flow(const v1::LinkRun& run, v1::MessageKind kind, std::uint32_t source,
              std::uint32_t destination);
  Digest FlowAfterAlteredBody(const v1::LinkRun& run, std::uint32_t from, std::uint32_t to);
  Digest RefusedForLink(const v1::LinkRun& run, std::uint32_t from, std::uint32_t to);

  // --- verdicts ---
  static void AddVerdict(v1::PostVerdictsRequest& request, const contract::Hasher& hasher,
                         const std::string& case_id, std::uint32_t from, std::uint32_t to,
                         const std::vector<Digest>& headers);
  v1::PostVerdictsRequest PartyOf(const v1::LinkRun& run);
  // All five cases of one direction, with messages that flowed.
  v1::PostVerdictsRequest AllPassed(const v1::LinkRun& run, std::uint32_t from, std::uint32_t to);
  absl::StatusOr<v1::LinkRun> Post(std::uint32_t province, const v1::PostVerdictsRequest& request);
  // Both directions passed; the report waits for signatures.
  v1::LinkRun RunInSigning();
  absl::StatusOr<v1::LinkRun> Sign(std::uint32_t province, const v1::LinkRun& run,
                                   const contract::Signer* signer = nullptr,
                                   const std::string* other_bytes = nullptr);
  int OpenRoutes() const;

  const absl::Time start_ = absl::FromUnixSeconds(1'772'413'200);
  absl::Time now_ = start_ + absl::Minutes(1);
  platform::SeededRandom random_{7};
  testing::LabDirectory lab_;
  FakeRunHost host_;
  contract::SignatureChecker checker_;
  platform::MemoryStore store_;
  std::unique_ptr<platform::Transaction> txn_;
  std::unique_ptr<LinkRuns> runs_;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_TESTS_UNIT_BROKER_LINK_RUNS_FIXTURE_H_
