// M01: a test message is receipted, and is in nobody's business inbox.
#include "absl/strings/str_cat.h"
#include "province_nodes/linktest/link_case.h"
#include "province_nodes/linktest/probe.h"

namespace yizhan::node {
namespace {

class CaseM01 final : public LinkTestCase {
 public:
  const contract::LinkCase& describe() const override { return *contract::FindLinkCase("M01"); }
  std::vector<absl::string_view> steps() const override {
    return {"send a test message in the test lane", "wait for the recipient's signed receipt",
            "let the recipient say what it applied, and count the case in its business store",
            "count the case in the own business store"};
  }
  void Run(RunLane& lane, const CaseBounds& bounds, CaseOutcome& outcome) const override {
    Probe probe(lane, bounds, outcome);
    if (!probe.Make("M01")) return;
    outcome.Message(probe.header().view());
    if (!probe.WaitForDelivery() || !probe.WaitForAnswer()) return;
    if (!probe.CheckSeenOnce(probe.header(), probe.content())) return;
    const std::uint32_t own = lane.CountInBusinessStore(probe.handle());
    outcome.Note(absl::StrCat("keys of the case in the business stores: own ", own, ", peer ",
                              probe.SightingOf(probe.header())->in_business_store()));
    if (own != 0) {
      outcome.Fail(FailedSide::kMine, "the test message is in the own business store",
                   "stop the node: its lanes are not apart");
    }
  }
};

}  // namespace

std::unique_ptr<LinkTestCase> MakeCaseM01() { return std::make_unique<CaseM01>(); }

}  // namespace yizhan::node
