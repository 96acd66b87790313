// M03: a whole case of the test person from query to review, with portrait and
// fingerprints; the accepting side checks that what came back decides about
// what it sent.
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "province_nodes/linktest/home_desk.h"
#include "province_nodes/linktest/link_case.h"
#include "province_nodes/linktest/probe.h"
#include "province_nodes/linktest/test_person.h"

namespace yizhan::node {
namespace {

using contract::CaseHandle;
using contract::Digest;

class CaseM03 final : public LinkTestCase {
 public:
  const contract::LinkCase& describe() const override { return *contract::FindLinkCase("M03"); }
  std::vector<absl::string_view> steps() const override {
    return {"apply for the test person: eligibility query, and its answer from the peer's lane",
            "acceptance with portrait and fingerprints, receipted",
            "the peer's lane signs the review and names the digest of what it opened",
            "answer and review must name the messages that they answer, and that digest must fit"};
  }
  void Run(RunLane& lane, const CaseBounds& bounds, CaseOutcome& outcome) const override {
    v1::ApplyRequest request;
    const std::optional<CaseHandle> handle = Apply(lane, request, outcome);
    if (!handle || !WaitForReview(lane, bounds, *handle, outcome)) return;
    CheckMessages(lane, bounds, *handle, request.application(), outcome);
  }

 private:
  static std::optional<CaseHandle> Apply(RunLane& lane, v1::ApplyRequest& request,
                                         CaseOutcome& outcome) {
    const LinkTestDeps& deps = lane.deps();
    absl::StatusOr<v1::Application> application = TestApplication(
        *deps.algorithms.hasher, *deps.policy, deps.province, lane.peer(), lane.run(), lane.now());
    absl::Status applied = application.status();
    v1::CaseView view;
    if (application.ok()) {
      request.mutable_context()->set_request_id(absl::StrCat("M03 ", lane.run().hex()));
      *request.mutable_context()->mutable_officer() = HomeDesk::Officer(deps.province);
      request.mutable_context()->set_case_time_unix_us(absl::ToUnixMicros(lane.now()));
      *request.mutable_application() = *std::move(application);
      applied = lane.RunCommand([&](platform::Transaction& txn, CaseService& cases,
                                    CaseEffects& effects) {
        absl::StatusOr<v1::CaseView> made = cases.Apply(txn, HomeDesk::Anybody(), request, effects);
        if (made.ok()) view = *made;
        return made.status();
      });
    }
    const std::optional<CaseHandle> handle = CaseHandle::From(view.case_handle());
    if (applied.ok() && handle && view.state() != v1::CASE_NOT_ACCEPTED) return handle;
    outcome.Fail(FailedSide::kMine,
                 applied.ok() ? absl::StrCat("the test application was not accepted: ",
                                             v1::ErrorReason_Name(view.reason()))
                              : std::string(applied.message()),
                 "compare this province's policy.textproto with the shipped one");
    return std::nullopt;
  }

  static bool WaitForReview(RunLane& lane, const CaseBounds& bounds, const CaseHandle& handle,
                            CaseOutcome& outcome) {
    const auto state = [&] {
      const v1::CaseView* view = lane.journal().FindCase(handle, v1::CASE_ROLE_ACCEPTING);
      return view == nullptr ? v1::CASE_APPLIED : view->state();
    };
    const auto over = [&] {
      return state() == v1::CASE_NOT_ACCEPTED ||
             lane.journal().FindReceived(handle, v1::REVIEW_DECISION) != nullptr;
    };
    const bool ended = lane.PumpUntil(over, bounds.patience);
    if (ended && state() != v1::CASE_NOT_ACCEPTED) return true;
    if (ended) {
      const v1::CaseView* view = lane.journal().FindCase(handle, v1::CASE_ROLE_ACCEPTING);
      outcome.Fail(FailedSide::kTheirs,
                   absl::StrCat("the peer's lane refused its own test person: ",
                                v1::ErrorReason_Name(view->reason())),
                   "compare the builds of both nodes");
      return false;
    }
    for (v1::MessageKind kind : {v1::ACCEPTANCE, v1::ELIGIBILITY_QUERY}) {
      const LaneJournal::Made* made = lane.journal().FindMade(handle, kind);
      if (made == nullptr) continue;
      FailWaiting(lane, HeaderOf(lane, *made),
                  kind == v1::ACCEPTANCE ? "the review" : "the eligibility answer", outcome);
      return false;
    }
    outcome.Fail(FailedSide::kMine, "the case sent no eligibility query", "see the node's log");
    return false;
  }

  static Digest HeaderOf(const RunLane& lane, const LaneJournal::Made& made) {
    return lane.deps().algorithms.hasher->Hash(made.envelope.header());
  }

  // Both own messages receipted, both of the peer decide about them.
  static void CheckMessages(RunLane& lane, const CaseBounds& bounds, const CaseHandle& handle,
                            const v1::Application& application, CaseOutcome& outcome) {
    const LaneJournal& journal = lane.journal();
    const LaneJournal::Made* query = journal.FindMade(handle, v1::ELIGIBILITY_QUERY);
    const LaneJournal::Made* acceptance = journal.FindMade(handle, v1::ACCEPTANCE);
    const LaneJournal::Received* answer = journal.FindReceived(handle, v1::ELIGIBILITY_ANSWER);
    const LaneJournal::Received* review = journal.FindReceived(handle, v1::REVIEW_DECISION);
    if (query == nullptr || acceptance == nullptr || answer == nullptr || review == nullptr) {
      outcome.Fail(FailedSide::kMine, "a message of the round trip is missing",
                   "see the node's log");
      return;
    }
    for (const LaneJournal::Made* made : {query, acceptance}) {
      const Digest header = HeaderOf(lane, *made);
      outcome.Message(header.view());
      if (!lane.PumpUntil([&] { return journal.FindDelivery(header) != nullptr; },
                          bounds.patience)) {
        FailWaiting(lane, header, "the recipient's receipt", outcome);
        return;
      }
      outcome.Receipt(*journal.FindDelivery(header));
    }
    outcome.Message(answer->message.header_digest.view());
    outcome.Message(review->message.header_digest.view());
    const bool fits = Answers(*answer, HeaderOf(lane, *query), outcome) &&
                      Answers(*review, HeaderOf(lane, *acceptance), outcome);
    if (fits) CheckReview(lane, *review, application, outcome);
  }

  static bool Answers(const LaneJournal::Received& received, const Digest& sent,
                      CaseOutcome& outcome) {
    if (received.message.last_applied_header_digest == sent) return true;
    outcome.Fail(FailedSide::kTheirs,
                 absl::StrCat(v1::MessageKind_Name(received.message.kind),
                              " does not name the message that it decides about"),
                 "compare the builds of both nodes");
    return false;
  }

  static void CheckReview(const RunLane& lane, const LaneJournal::Received& received,
                          const v1::Application& application, CaseOutcome& outcome) {
    const v1::ReviewDecision& review = received.message.payload.review_decision();
    const Digest sent = BiometricsDigest(*lane.deps().algorithms.hasher, application.portrait(),
                                         application.fingerprints());
    outcome.Note(absl::StrCat("portrait and fingerprints: ", sent.hex()));
    if (review.outcome() != v1::REVIEW_SIGNED || review.valid_from().empty()) {
      outcome.Fail(FailedSide::kTheirs, "the review of the test case was not signed with validity",
                   "compare the builds and policies of both nodes");
    } else if (review.issuing_office() != HomeDesk::OfficeText(lane.peer(), sent)) {
      outcome.Fail(FailedSide::kTheirs,
                   "the peer opened another portrait or other fingerprints than were sent",
                   "compare the builds of both nodes");
    }
  }
};

}  // namespace

std::unique_ptr<LinkTestCase> MakeCaseM03() { return std::make_unique<CaseM03>(); }

}  // namespace yizhan::node
