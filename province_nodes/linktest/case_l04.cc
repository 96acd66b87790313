// L04, the part of the closed pair: a business message over a route without a
// report is refused before anything is stored.
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "adapters/platform/mutex/mutex.h"
#include "province_nodes/linktest/closed_link.h"
#include "province_nodes/linktest/link_case.h"

namespace yizhan::node {
namespace {

// The answer to a probe, which may come after its case gave up.
class Answer {
 public:
  void Set(const v1::SubmitResult& result) {
    platform::MutexLock lock(&mutex_);
    result_ = result;
  }
  std::optional<v1::SubmitResult> Get() const {
    platform::MutexLock lock(&mutex_);
    return result_;
  }

 private:
  mutable platform::Mutex mutex_;
  std::optional<v1::SubmitResult> result_ ABSL_GUARDED_BY(mutex_);
};

bool RefusedForItsLink(const v1::SubmitResult& result) {
  if (!result.has_error()) return false;
  const v1::ErrorReason reason = result.error().reason();
  return reason == v1::ENVELOPE_LINK_NOT_OPEN || reason == v1::NEW_CASE_ON_SUSPENDED_ROUTE ||
         reason == v1::DESTINATION_UNKNOWN;
}

class CaseL04 final : public LinkTestCase {
 public:
  const contract::LinkCase& describe() const override { return *contract::FindLinkCase("L04"); }
  std::vector<absl::string_view> steps() const override {
    return {"make a business eligibility query outside of the outbox, sealed and signed",
            "submit it over the business session while the route is closed",
            "the broker must refuse it for its link, and show nothing accepted"};
  }
  void Run(RunLane& lane, const CaseBounds& bounds, CaseOutcome& outcome) const override {
    const LinkTestDeps& deps = lane.deps();
    const contract::DirectoryState& directory = lane.core().directory();
    const contract::ProvinceCode to =
        ClosedDestination(directory, deps.province, lane.peer(), lane.now());
    absl::StatusOr<v1::Envelope> envelope =
        ClosedLinkQuery(deps, directory, to, lane.peer(), lane.random(), lane.now());
    if (!envelope.ok()) {
      outcome.Fail(FailedSide::kMine, std::string(envelope.status().message()),
                   "see the node's log");
      return;
    }
    if (to != lane.peer()) {
      outcome.Note(absl::StrCat("the route to ", lane.peer().value(),
                                " is open already; shown at destination ", to.value()));
    }
    outcome.Message(deps.algorithms.hasher->Hash(envelope->header()).view());
    const std::optional<v1::SubmitResult> result = Submit(lane, bounds, *envelope);
    if (!result) {
      outcome.Fail(FailedSide::kNetwork, "the business session gave no answer",
                   "check that the node is connected (yizhan link list), then test again");
    } else if (!RefusedForItsLink(*result)) {
      outcome.Fail(FailedSide::kBroker,
                   result->has_error()
                       ? absl::StrCat("refused for another reason: ",
                                      v1::ErrorReason_Name(result->error().reason()), ": ",
                                      result->error().what())
                       : std::string("a business message passed a closed route"),
                   "stop the exchange and ask the broker's operator");
    } else {
      outcome.Note(absl::StrCat("refused: ", v1::ErrorReason_Name(result->error().reason())));
    }
  }

 private:
  // Submitted anew now and then: a session that ends drops its answers.
  static std::optional<v1::SubmitResult> Submit(RunLane& lane, const CaseBounds& bounds,
                                                const v1::Envelope& envelope) {
    constexpr int kAttempts = 4;
    auto answer = std::make_shared<Answer>();
    for (int attempt = 0; attempt < kAttempts && !answer->Get(); ++attempt) {
      v1::SubmitItem item;
      *item.mutable_envelope() = envelope;
      lane.deps().business->Submit(
          std::move(item), [answer](const v1::SubmitResult& result) { answer->Set(result); });
      lane.PumpUntil([&] { return answer->Get().has_value(); }, bounds.patience / kAttempts);
    }
    return answer->Get();
  }
};

}  // namespace

std::unique_ptr<LinkTestCase> MakeCaseL04() { return std::make_unique<CaseL04>(); }

}  // namespace yizhan::node
