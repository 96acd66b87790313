#include "tests/simulation/residents.h"

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "protos/contract/errors.h"
#include "tests/simulation/naming.h"

namespace yizhan::simulation {
namespace {

const node::Caller& Everybody() {
  static const node::Caller* const caller =
      new node::Caller{"officers",
                       {v1::CALLER_POINT, v1::CALLER_COUNTY, v1::CALLER_CENTRE,
                        v1::CALLER_COLLECTION, v1::CALLER_OPERATOR},
                       {"*"},
                       {"*"}};
  return *caller;
}

// Check character by the published algorithm, written here anew.
std::string IdNumber(std::uint32_t province, std::uint64_t number) {
  std::string id = absl::StrFormat("%02d010119800101%03d", province, number % 1000);
  const int weights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
  int sum = 0;
  for (int i = 0; i < 17; ++i) sum += (id[static_cast<std::size_t>(i)] - '0') * weights[i];
  return id + "10X98765432"[sum % 11];
}

}  // namespace

Resident::Resident(std::uint64_t number, Province* accepting, Province* home, Plan plan)
    : number_(number), accepting_(accepting), home_(home), plan_(plan) {}

v1::CommandContext Resident::Context(const std::string& step, absl::Time now) const {
  v1::CommandContext context;
  context.set_request_id(absl::StrCat("r", number_, "-", step));
  context.mutable_officer()->set_number("000001");
  context.mutable_officer()->set_unit("simulation");
  context.set_case_time_unix_us(absl::ToUnixMicros(now));
  return context;
}

v1::CaseKey Resident::Key(v1::CaseRole role) const {
  v1::CaseKey key;
  key.set_case_handle(case_handle_);
  key.set_role(role);
  return key;
}

void Resident::Apply(absl::Time now) {
  if (applied_ == absl::Time()) applied_ = now;  // said again with the same words
  v1::ApplyRequest request;
  *request.mutable_context() = Context(absl::StrCat("apply", applications_), applied_);
  v1::Application& a = *request.mutable_application();
  a.set_accepting_point(absl::StrCat(accepting().province(), "0101001"));
  a.set_business(v1::LOSS_REPLACEMENT);
  a.set_in_person(true);
  v1::Person& p = *a.mutable_applicant();
  p.set_id_number(IdNumber(home().province(), number_));
  p.set_name(absl::StrCat("居民", number_));
  p.set_sex(p.id_number()[16] % 2 == 1 ? "1" : "2");
  p.set_ethnicity("01");
  p.set_birth_date("1980-01-01");
  p.set_home_division(absl::StrCat(home().province(), "0101"));
  p.set_home_address("示例街道1号");
  a.set_phone("13800000000");
  a.set_card_script(v1::HAN);
  a.set_basis(v1::STUDY);
  a.mutable_evidence()->set_kind(v1::RESIDENCE_PERMIT);
  a.mutable_evidence()->set_reference("1");
  a.mutable_evidence()->set_issuer_level(v1::CITY);
  a.mutable_officer_checks()->set_appearance(v1::MATCHES);
  a.mutable_officer_checks()->set_fingerprint(v1::CONFIRMED);
  a.mutable_officer_checks()->set_papers(v1::GENUINE);
  a.set_portrait(std::string(3000, 'p'));
  a.add_fingerprints(std::string(512, '1'));
  a.add_fingerprints(std::string(512, '2'));
  a.set_fee_fen(accepting().province() == 32 ? 2000 : 4000);
  const absl::Status status = accepting().Command(
      [&](platform::Transaction& txn, node::CaseService& cases, node::CaseEffects& effects) {
        absl::StatusOr<v1::CaseView> view = cases.Apply(txn, Everybody(), request, effects);
        if (!view.ok()) return view.status();
        case_handle_ = view->case_handle();
        return absl::OkStatus();
      });
  if (status.ok()) return;
  case_handle_.clear();
  const bool restored = contract::ReasonOf(status) == v1::RESTORED;
  if (!restored && !absl::IsUnavailable(status)) {
    std::fprintf(stderr, "simulation: an application is refused: %s\n", status.ToString().c_str());
    std::abort();
  }
}

std::optional<v1::CaseView> Resident::View(SimNode& node, v1::CaseRole role) const {
  std::optional<v1::CaseView> found;
  (void)node.Query([&](const platform::Transaction& txn, node::CaseService& cases) {
    v1::GetCaseRequest request;
    *request.mutable_case_() = Key(role);
    absl::StatusOr<v1::CaseView> view = cases.GetCase(txn, Everybody(), request);
    if (view.ok()) found = *std::move(view);
    return view.status();
  });
  return found;
}

// A message of the case ended without effect: an officer has to see to it.
bool Resident::GivenUp(const v1::CaseView& view) {
  for (const v1::CaseMessage& message : view.messages()) {
    if (message.passage() == v1::PASSAGE_REFUSED ||
        message.passage() == v1::PASSAGE_NOT_DELIVERED) {
      return true;
    }
  }
  return false;
}

void Resident::LookAgain(std::uint32_t province) {
  if (accepting().province() == province || home().province() == province) ended_ = false;
}

bool Resident::Recovering(const SimNode& node, const SimNode& peer) const {
  const v1::RecoveryStatus status = node.Recovery();
  if (status.restored()) return true;
  bool waits = status.recovering() && status.peers().empty();
  for (const v1::RecoveryPeerStatus& line : status.peers()) {
    waits |= line.peer() == peer.province() && !line.done();
  }
  return waits;
}

void Resident::Act(absl::Time now) {
  if (ended_ || !accepting().up()) return;
  if (case_handle_.empty()) {
    if (accepting().KnowsDirectory()) Apply(now);
    return;
  }
  const std::optional<v1::CaseView> here = View(accepting(), v1::CASE_ROLE_ACCEPTING);
  // Its node died before the application was on disk, or forgot it with its disk.
  if (!here.has_value()) {
    if (Recovering(accepting(), home())) return;
    case_handle_.clear();
    return;
  }
  if (here->state() == v1::CASE_NOT_ACCEPTED && here->reason() == v1::EVIDENCE_INSUFFICIENT) {
    // The folder was lost with the node's disk, and the point says so.
    ++applications_;
    applied_ = absl::Time();
    case_handle_.clear();
    return;
  }
  ActAtAccepting(*here, now);
  const std::optional<v1::CaseView> there = View(home(), v1::CASE_ROLE_HOME);
  if (there.has_value()) ActAtHome(*there, now);
  ended_ = here->state() == there.value_or(v1::CaseView()).state() &&
           (here->state() == v1::CASE_HANDED_OVER || here->state() == v1::CASE_CLOSED_REFUSED);
  ended_ |= here->state() == v1::CASE_NOT_ACCEPTED;
  ended_ |= GivenUp(*here) || (there.has_value() && GivenUp(*there));
}

void Resident::ActAtAccepting(const v1::CaseView& view, absl::Time now) {
  using Txn = platform::Transaction;
  const auto run = [&](auto method, auto request, const std::string& step) {
    *request.mutable_context() = Context(step, now);
    *request.mutable_case_() = Key(v1::CASE_ROLE_ACCEPTING);
    (void)accepting().Command([&](Txn& txn, node::CaseService& cases, node::CaseEffects& effects) {
      return (cases.*method)(txn, Everybody(), request, effects).status();
    });
  };
  const std::string turn = absl::StrCat("-", absl::ToUnixMicros(now));
  switch (view.state()) {
    case v1::CASE_RECOLLECT: {
      v1::RecordRetakeRequest request;
      request.set_portrait(std::string(2500, 'q'));
      return run(&node::CaseService::RecordRetake, request, "retake" + turn);
    }
    case v1::CASE_SIGNED:
    case v1::CASE_REMAKE: {
      v1::RecordProductionRequest request;
      request.set_step(v1::PRODUCTION_STARTED);
      return run(&node::CaseService::RecordProduction, request, "start" + turn);
    }
    case v1::CASE_IN_PRODUCTION: {
      v1::RecordProductionRequest request;
      const bool spoil = plan_ == Plan::kRemake && view.production_failures() == 0;
      request.set_step(spoil ? v1::PRODUCTION_FAILED : v1::PRODUCTION_MADE);
      if (spoil) request.set_failure_detail("spoiled");
      if (!spoil) request.set_card_serial(absl::StrCat("S", number_));
      return run(&node::CaseService::RecordProduction, request, "made" + turn);
    }
    case v1::CASE_PRODUCED:
      return run(&node::CaseService::RecordReady, v1::RecordReadyRequest(), "ready" + turn);
    case v1::CASE_READY: {
      v1::RecordHandOverRequest request;
      request.set_receipt_number("1");
      return run(&node::CaseService::RecordHandOver, request, "hand" + turn);
    }
    case v1::CASE_REFUSED: {
      if (!view.informed()) {
        return run(&node::CaseService::RecordInformed, v1::RecordInformedRequest(),
                   "inform" + turn);
      }
      v1::RecordRefundedRequest request;
      request.set_refund_fen(view.fee_fen());
      return run(&node::CaseService::RecordRefunded, request, "refund" + turn);
    }
    default:
      return;
  }
}

void Resident::ActAtHome(const v1::CaseView& view, absl::Time now) {
  if (view.state() != v1::CASE_UNDER_REVIEW) return;
  bool asked = false;
  for (const v1::CaseEvent& event : view.events()) asked |= event.state() == v1::CASE_RECOLLECT;
  (void)home().Command([&](platform::Transaction& txn, node::CaseService& cases,
                           node::CaseEffects& effects) -> absl::Status {
    const v1::CommandContext context =
        Context(absl::StrCat("review-", absl::ToUnixMicros(now)), now);
    if (plan_ == Plan::kRetake && !asked) {
      v1::RecordQualityFeedbackRequest request;
      *request.mutable_context() = context;
      *request.mutable_case_() = Key(v1::CASE_ROLE_HOME);
      request.set_reason(v1::RETAKE_PORTRAIT);
      request.set_detail("blurred");
      return cases.RecordQualityFeedback(txn, Everybody(), request, effects).status();
    }
    v1::RecordReviewRequest request;
    *request.mutable_context() = context;
    *request.mutable_case_() = Key(v1::CASE_ROLE_HOME);
    const bool refuse = plan_ == Plan::kRefused;
    request.set_outcome(refuse ? v1::REVIEW_REFUSED : v1::REVIEW_SIGNED);
    if (refuse) request.set_reason(v1::INFORMATION_ERROR);
    request.set_detail(refuse ? "address differs" : "");
    request.set_contact("12345");
    request.set_issuing_office("county police");
    return cases.RecordReview(txn, Everybody(), request, effects).status();
  });
}

std::string Resident::wanted() const {
  return plan_ == Plan::kRefused ? "CASE_CLOSED_REFUSED" : "CASE_HANDED_OVER";
}

CaseEnding Resident::Ending() const {
  const auto name = [](const std::optional<v1::CaseView>& view) {
    return view.has_value() ? v1::CaseState_Name(view->state()) : std::string("no case");
  };
  const std::optional<v1::CaseView> here = View(accepting(), v1::CASE_ROLE_ACCEPTING);
  CaseEnding ending{
      absl::StrCat(number_, " (", accepting().province(), "<-", home().province(), ")"),
      Hex(case_handle_), wanted(), name(here), name(View(home(), v1::CASE_ROLE_HOME))};
  // Where the route took no new cases, the point said so at once.
  if (here.has_value() && here->state() == v1::CASE_NOT_ACCEPTED &&
      here->reason() == v1::LINK_NOT_OPEN) {
    ending.wanted = ending.home_state = ending.accepting_state;
  }
  return ending;
}

}  // namespace yizhan::simulation
