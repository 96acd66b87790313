// The cases of the connectivity test, as one side runs them in its direction.
#ifndef YIZHAN_PROVINCE_NODES_LINKTEST_LINK_CASE_H_
#define YIZHAN_PROVINCE_NODES_LINKTEST_LINK_CASE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "protos/contract/link_suite.h"
#include "province_nodes/linktest/run_lane.h"
#include "yizhan/v1/linktest.pb.h"

namespace yizhan::node {

// Whose trouble a failure is, as reports spell it.
enum class FailedSide { kMine, kTheirs, kBroker, kNetwork };

// What became of a case. A value; PASS unless Fail was called.
class CaseOutcome {
 public:
  CaseOutcome(absl::string_view case_id, contract::ProvinceCode from, contract::ProvinceCode to);

  // The first call counts.
  void Fail(FailedSide side, absl::string_view cause, absl::string_view next_step);
  bool failed() const { return verdict_.verdict() == v1::VERDICT_FAIL; }
  // BLOCKED by an earlier case.
  void Block(absl::string_view cause, absl::string_view next_step);

  void Message(absl::string_view header_digest) {
    evidence_.add_header_digests(header_digest.data(), header_digest.size());
  }
  void Receipt(const v1::ControlRecord& record) {
    evidence_.add_receipts(record.SerializeAsString());
  }
  void Note(std::string note) { evidence_.add_notes(std::move(note)); }

  // With digest and times; evidence is the serialized CaseEvidence.
  v1::CaseVerdict Verdict(const contract::Hasher& hasher, v1::Judge judge, absl::Time started,
                          absl::Time ended, std::string* evidence) const;

 private:
  v1::CaseVerdict verdict_;
  v1::CaseEvidence evidence_;
};

// What a case gets beside the lane.
struct CaseBounds {
  absl::Duration patience;  // of every single wait
};

// One case. Runs on the run's thread; keeps nothing between runs.
class LinkTestCase {
 public:
  virtual ~LinkTestCase() = default;
  virtual const contract::LinkCase& describe() const = 0;
  // What it does, in order, for people.
  virtual std::vector<absl::string_view> steps() const = 0;
  virtual void Run(RunLane& lane, const CaseBounds& bounds, CaseOutcome& outcome) const = 0;
};

// The whole suite in the order in which it runs.
std::vector<std::unique_ptr<LinkTestCase>> MakeLinkTestSuite();

// One each; used by MakeLinkTestSuite.
std::unique_ptr<LinkTestCase> MakeCaseM01();
std::unique_ptr<LinkTestCase> MakeCaseM03();
std::unique_ptr<LinkTestCase> MakeCaseS01();
std::unique_ptr<LinkTestCase> MakeCaseR01();
std::unique_ptr<LinkTestCase> MakeCaseL04();

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_LINKTEST_LINK_CASE_H_
