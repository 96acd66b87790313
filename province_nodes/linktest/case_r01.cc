// R01: the same bytes twice, and again after the receipt: one delivery, the
// same receipts.
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "province_nodes/linktest/link_case.h"
#include "province_nodes/linktest/probe.h"

namespace yizhan::node {
namespace {

constexpr std::uint64_t kTwinTag = kTapTag | 0x101;
constexpr std::uint64_t kLateTag = kTapTag | 0x102;

// Sends every item of `header` twice while it is set; keeps the first.
SubmitTap Twice(std::shared_ptr<v1::SubmitItem> kept, const contract::Hasher* hasher,
                contract::Digest header) {
  return [=](v1::SubmitItem item) {
    std::vector<v1::SubmitItem> out;
    const bool ours = item.has_envelope() && hasher->Hash(item.envelope().header()) == header;
    if (ours && !kept->has_envelope()) {
      *kept = item;
      out.push_back(item);
      item.set_tag(kTwinTag);
    }
    out.push_back(std::move(item));
    return out;
  };
}

class CaseR01 final : public LinkTestCase {
 public:
  const contract::LinkCase& describe() const override { return *contract::FindLinkCase("R01"); }
  std::vector<absl::string_view> steps() const override {
    return {"submit the same bytes twice at once: both get the same acceptance receipt",
            "wait for the recipient's receipt",
            "submit the bytes once more: the answer is that receipt again",
            "the recipient must have applied the message exactly once"};
  }
  void Run(RunLane& lane, const CaseBounds& bounds, CaseOutcome& outcome) const override {
    Probe probe(lane, bounds, outcome);
    if (!probe.Make("R01")) return;
    outcome.Message(probe.header().view());
    auto kept = std::make_shared<v1::SubmitItem>();
    lane.tap().set_submit_tap(Twice(kept, lane.deps().algorithms.hasher, probe.header()));
    const bool delivered = probe.WaitForDelivery();
    lane.tap().set_submit_tap(nullptr);
    if (!delivered || !CheckTwin(lane, bounds, probe, outcome)) return;
    v1::SubmitItem late = *kept;
    late.set_tag(kLateTag);
    lane.SendBesideCore(std::move(late));
    if (!CheckLate(lane, bounds, probe, outcome)) return;
    if (!probe.WaitForAnswer()) return;
    // Asked afresh, so that the answer is of after the third copy.
    Probe question(lane, bounds, outcome);
    if (!question.Make("R01", {probe.header()}) || !question.WaitForAnswer()) return;
    question.CheckSeenOnce(probe.header(), probe.content());
  }

 private:
  static const v1::SubmitResult* Await(RunLane& lane, const CaseBounds& bounds, const Probe& probe,
                                       std::uint64_t tag, CaseOutcome& outcome) {
    if (!lane.PumpUntil([&] { return lane.journal().FindResult(tag) != nullptr; },
                        bounds.patience)) {
      FailWaiting(lane, probe.header(), "the broker's answer to the repeated message", outcome);
      return nullptr;
    }
    return lane.journal().FindResult(tag);
  }
  static bool Same(const v1::ControlRecord* own, const v1::SubmitResult& answer) {
    return own != nullptr && answer.has_receipt() && own->record() == answer.receipt().record();
  }
  static bool CheckTwin(RunLane& lane, const CaseBounds& bounds, const Probe& probe,
                        CaseOutcome& outcome) {
    const v1::SubmitResult* twin = Await(lane, bounds, probe, kTwinTag, outcome);
    if (twin == nullptr) return false;
    const bool same = Same(lane.journal().FindAcceptance(probe.header()), *twin) ||
                      Same(lane.journal().FindDelivery(probe.header()), *twin);
    if (!same) {
      outcome.Fail(FailedSide::kBroker, "the same message again got another receipt",
                   "ask the broker's operator to trace the message");
      return false;
    }
    outcome.Receipt(twin->receipt());
    return true;
  }
  static bool CheckLate(RunLane& lane, const CaseBounds& bounds, const Probe& probe,
                        CaseOutcome& outcome) {
    const v1::SubmitResult* late = Await(lane, bounds, probe, kLateTag, outcome);
    if (late == nullptr) return false;
    if (!Same(lane.journal().FindDelivery(probe.header()), *late)) {
      outcome.Fail(FailedSide::kBroker,
                   "a receipted message sent again was not answered by its receipt",
                   "ask the broker's operator to trace the message");
      return false;
    }
    return true;
  }
};

}  // namespace

std::unique_ptr<LinkTestCase> MakeCaseR01() { return std::make_unique<CaseR01>(); }

}  // namespace yizhan::node
