// A test message to the peer, its receipt, and what the peer says of it.
#ifndef YIZHAN_PROVINCE_NODES_LINKTEST_PROBE_H_
#define YIZHAN_PROVINCE_NODES_LINKTEST_PROBE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "protos/contract/ids.h"
#include "province_nodes/linktest/link_case.h"

namespace yizhan::node {

// One probe in a case of its own. What goes wrong is told to the outcome. One
// thread (the run's); lane and outcome must outlive this object.
class Probe {
 public:
  Probe(RunLane& lane, const CaseBounds& bounds, CaseOutcome& outcome)
      : lane_(lane), bounds_(bounds), outcome_(outcome) {}

  // Makes the message; it leaves with the next pump, so taps can be set between.
  bool Make(absl::string_view case_id, const std::vector<contract::Digest>& ask_about = {});
  bool WaitForDelivery();
  // The peer's answer in the same case.
  bool WaitForAnswer();

  const contract::Digest& header() const { return header_; }
  const contract::CaseHandle& handle() const { return handle_; }
  const std::string& content() const { return content_; }
  // Of the answer; null if the peer says nothing of that header.
  const v1::TestSighting* SightingOf(const contract::Digest& header) const;
  // Fails the case unless the peer applied the message once, in the test lane alone.
  bool CheckSeenOnce(const contract::Digest& header, const std::string& content);

 private:
  RunLane& lane_;
  const CaseBounds bounds_;
  CaseOutcome& outcome_;
  contract::CaseHandle handle_;
  contract::Digest header_;
  std::string content_;
  v1::TestContent answer_;
};

// Fails the case with the side that most likely keeps `header` from `missing`.
void FailWaiting(RunLane& lane, const contract::Digest& header, absl::string_view missing,
                 CaseOutcome& outcome);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_LINKTEST_PROBE_H_
