// S01: one bit of the body is flipped on the wire; the broker refuses it, then
// takes the true bytes.
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "province_nodes/linktest/link_case.h"
#include "province_nodes/linktest/probe.h"

namespace yizhan::node {
namespace {

constexpr std::uint64_t kAlteredTag = kTapTag | 0x501;

// Holds the true item back and sends an altered one in its place, once.
struct Swap {
  bool done = false;
  v1::SubmitItem held;
};

SubmitTap SwapFirst(std::shared_ptr<Swap> swap, const contract::Hasher* hasher,
                    contract::Digest header) {
  return [=](v1::SubmitItem item) {
    std::vector<v1::SubmitItem> out;
    const bool ours = item.has_envelope() && !item.envelope().body().empty() &&
                      hasher->Hash(item.envelope().header()) == header;
    if (!ours || swap->done) {
      out.push_back(std::move(item));
      return out;
    }
    swap->done = true;
    swap->held = item;
    std::string& body = *item.mutable_envelope()->mutable_body();
    body[body.size() / 2] = static_cast<char>(body[body.size() / 2] ^ 0x10);
    item.set_tag(kAlteredTag);
    out.push_back(std::move(item));
    return out;
  };
}

class CaseS01 final : public LinkTestCase {
 public:
  const contract::LinkCase& describe() const override { return *contract::FindLinkCase("S01"); }
  std::vector<absl::string_view> steps() const override {
    return {"make a test message and flip one bit of its sealed body on the wire",
            "the broker must refuse it with BODY_DIGEST_MISMATCH, in-band",
            "send the true bytes: they must be accepted and receipted",
            "the recipient must have applied it exactly once"};
  }
  void Run(RunLane& lane, const CaseBounds& bounds, CaseOutcome& outcome) const override {
    Probe probe(lane, bounds, outcome);
    if (!probe.Make("S01")) return;
    outcome.Message(probe.header().view());
    auto swap = std::make_shared<Swap>();
    lane.tap().set_submit_tap(SwapFirst(swap, lane.deps().algorithms.hasher, probe.header()));
    SendAltered(lane, bounds, probe, outcome);
    lane.tap().set_submit_tap(nullptr);
    if (outcome.failed()) return;
    lane.SendBesideCore(std::move(swap->held));
    if (!probe.WaitForDelivery() || !probe.WaitForAnswer()) return;
    probe.CheckSeenOnce(probe.header(), probe.content());
  }

 private:
  static void SendAltered(RunLane& lane, const CaseBounds& bounds, const Probe& probe,
                          CaseOutcome& outcome) {
    const auto result = [&] { return lane.journal().FindResult(kAlteredTag); };
    if (!lane.PumpUntil([&] { return result() != nullptr; }, bounds.patience)) {
      FailWaiting(lane, probe.header(), "the broker's answer to the altered message", outcome);
      return;
    }
    const v1::SubmitResult& refused = *result();
    if (!refused.has_error() || refused.error().reason() != v1::BODY_DIGEST_MISMATCH) {
      outcome.Fail(FailedSide::kBroker, "the broker did not refuse the altered body",
                   "stop the exchange: the broker does not check what it takes");
      return;
    }
    outcome.Note(absl::StrCat("altered body: ", v1::ErrorReason_Name(refused.error().reason())));
    if (lane.journal().FindDelivery(probe.header()) != nullptr) {
      outcome.Fail(FailedSide::kBroker, "the altered message was delivered",
                   "stop the exchange: the broker does not check what it takes");
    }
  }
};

}  // namespace

std::unique_ptr<LinkTestCase> MakeCaseS01() { return std::make_unique<CaseS01>(); }

}  // namespace yizhan::node
