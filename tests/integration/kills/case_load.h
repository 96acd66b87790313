// Cases that are led through the gateways of a lab without a pause, whatever
// happens to its processes.
#ifndef YIZHAN_TESTS_INTEGRATION_KILLS_CASE_LOAD_H_
#define YIZHAN_TESTS_INTEGRATION_KILLS_CASE_LOAD_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/platform/mutex/mutex.h"
#include "tools/demo/case_driver.h"
#include "tools/demo/input_folder.h"
#include "tools/demo/rpc_desk.h"
#include "tools/yizhan/lab.h"

namespace yizhan::testing {

// A case that was handed in, with how it must end.
struct LedCase {
  std::string handle;
  contract::ProvinceCode accepting;
  contract::ProvinceCode home;
  std::string wanted;   // "CASE_HANDED_OVER"
  std::string problem;  // empty, or why it could not be led to its end
  absl::Duration took;  // from the application to the end, as its applicant felt it
  absl::Time ended;
};

// Threads of its own play applicants and officers: of the shipped sample's cases
// between the lab's provinces, some refused by the county, some with a second
// portrait, some with a spoiled card. Public methods are for one thread.
class CaseLoad {
 public:
  struct Options {
    const tools::Lab* lab = nullptr;  // must outlive the load
    std::string source_dir;           // of the project, for the sample
    int in_flight = 12;               // cases led at the same time
    // Mean pause of an applicant between two cases: sets the pace.
    absl::Duration mean_pause = absl::Milliseconds(250);
    std::uint64_t seed = 1;
    // Cases with this other province alone; 0: all.
    std::uint32_t only_with = 0;
  };
  static absl::StatusOr<std::unique_ptr<CaseLoad>> Start(Options options);
  ~CaseLoad();

  // No new cases from now on; waits until those begun have ended. Cases that
  // have not by then are given back with a problem.
  void Finish(absl::Duration patience);
  // Cases that have ended so far (all, after Finish).
  std::vector<LedCase> Cases() const;

 private:
  // A line of the sample that is led again and again.
  struct Template {
    tools::ApplicationLine line;
    std::string retake_portrait;
    contract::ProvinceCode accepting;
    contract::ProvinceCode home;
  };

  explicit CaseLoad(Options options) : options_(std::move(options)) {}
  absl::Status LoadTemplates();
  void Lead(std::uint64_t thread);
  tools::CaseJob NewCase(std::uint64_t dice) const;
  LedCase DriveToItsEnd(tools::CaseDriver& driver, tools::CaseJob job);
  bool Pause(absl::Duration pause);  // false once no new cases shall begin

  const Options options_;
  // Constant after Start.
  std::vector<Template> templates_;
  std::unique_ptr<tools::RpcDesk> desk_;
  std::unique_ptr<tools::CaseWatchers> watchers_;
  // Safe by themselves.
  tools::CaseBoard board_;
  std::atomic<std::uint64_t> next_case_ = 1;
  std::atomic<bool> give_up_ = false;

  mutable platform::Mutex mutex_;
  platform::CondVar changed_;
  bool finishing_ ABSL_GUARDED_BY(mutex_) = false;
  int leading_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<LedCase> cases_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;  // last: they use all of the above
};

}  // namespace yizhan::testing

#endif  // YIZHAN_TESTS_INTEGRATION_KILLS_CASE_LOAD_H_
