#include "province_nodes/cases/transitions.h"

#include "absl/strings/strip.h"

namespace yizhan::node {
namespace {

constexpr v1::CaseRole kA = v1::CASE_ROLE_ACCEPTING;
constexpr v1::CaseRole kH = v1::CASE_ROLE_HOME;
constexpr v1::CaseState kNone = v1::CASE_STATE_UNSPECIFIED;

constexpr Transition kTransitions[] = {
    {kA, kNone, CaseAct::kApply, v1::CASE_APPLIED},
    {kA, kNone, CaseAct::kNotAccept, v1::CASE_NOT_ACCEPTED},
    {kA, v1::CASE_APPLIED, CaseAct::kAnswerPositive, v1::CASE_ELIGIBLE},
    {kA, v1::CASE_APPLIED, CaseAct::kAnswerNegative, v1::CASE_NOT_ACCEPTED},
    {kA, v1::CASE_APPLIED, CaseAct::kQueryFailed, v1::CASE_NOT_ACCEPTED},
    {kA, v1::CASE_NOT_ACCEPTED, CaseAct::kLateAnswer, v1::CASE_NOT_ACCEPTED},
    {kA, v1::CASE_ELIGIBLE, CaseAct::kAccept, v1::CASE_ACCEPTED},
    {kA, v1::CASE_ACCEPTED, CaseAct::kAcceptanceReceived, v1::CASE_UNDER_REVIEW},
    {kA, v1::CASE_UNDER_REVIEW, CaseAct::kSigned, v1::CASE_SIGNED},
    {kA, v1::CASE_UNDER_REVIEW, CaseAct::kRefused, v1::CASE_REFUSED},
    {kA, v1::CASE_UNDER_REVIEW, CaseAct::kQualityFeedback, v1::CASE_RECOLLECT},
    {kA, v1::CASE_RECOLLECT, CaseAct::kRetake, v1::CASE_UNDER_REVIEW},
    {kA, v1::CASE_SIGNED, CaseAct::kCentreQualityFeedback, v1::CASE_RECOLLECT},
    {kA, v1::CASE_IN_PRODUCTION, CaseAct::kCentreQualityFeedback, v1::CASE_RECOLLECT},
    {kA, v1::CASE_REMAKE, CaseAct::kCentreQualityFeedback, v1::CASE_RECOLLECT},
    {kA, v1::CASE_SIGNED, CaseAct::kProductionStarted, v1::CASE_IN_PRODUCTION},
    {kA, v1::CASE_REMAKE, CaseAct::kProductionStarted, v1::CASE_IN_PRODUCTION},
    {kA, v1::CASE_IN_PRODUCTION, CaseAct::kProductionFailed, v1::CASE_REMAKE},
    {kA, v1::CASE_IN_PRODUCTION, CaseAct::kProductionMade, v1::CASE_PRODUCED},
    {kA, v1::CASE_PRODUCED, CaseAct::kReady, v1::CASE_READY},
    {kA, v1::CASE_READY, CaseAct::kToldReady, v1::CASE_READY},
    {kA, v1::CASE_READY, CaseAct::kOldCardKept, v1::CASE_READY},
    {kA, v1::CASE_READY, CaseAct::kHandedOver, v1::CASE_HANDED_OVER},
    {kA, v1::CASE_REFUSED, CaseAct::kInformed, v1::CASE_REFUSED},
    {kA, v1::CASE_REFUSED, CaseAct::kRefunded, v1::CASE_REFUSED},
    {kA, v1::CASE_REFUSED, CaseAct::kClosedRefused, v1::CASE_CLOSED_REFUSED},

    {kH, kNone, CaseAct::kQueryArrived, v1::CASE_APPLIED},
    {kH, v1::CASE_APPLIED, CaseAct::kAnswerPositive, v1::CASE_ELIGIBLE},
    // The accepting side ends the case; its closure ends this view.
    {kH, v1::CASE_APPLIED, CaseAct::kAnswerNegative, v1::CASE_APPLIED},
    {kH, v1::CASE_APPLIED, CaseAct::kClosedNotAccepted, v1::CASE_NOT_ACCEPTED},
    {kH, v1::CASE_ELIGIBLE, CaseAct::kClosedNotAccepted, v1::CASE_NOT_ACCEPTED},
    {kH, v1::CASE_ELIGIBLE, CaseAct::kAcceptanceReceived, v1::CASE_UNDER_REVIEW},
    {kH, v1::CASE_UNDER_REVIEW, CaseAct::kSigned, v1::CASE_SIGNED},
    {kH, v1::CASE_UNDER_REVIEW, CaseAct::kRefused, v1::CASE_REFUSED},
    {kH, v1::CASE_UNDER_REVIEW, CaseAct::kQualityFeedback, v1::CASE_RECOLLECT},
    {kH, v1::CASE_RECOLLECT, CaseAct::kRetake, v1::CASE_UNDER_REVIEW},
    // The accepting province's card centre asked for it: review anew.
    {kH, v1::CASE_SIGNED, CaseAct::kRetake, v1::CASE_UNDER_REVIEW},
    {kH, v1::CASE_REMAKE, CaseAct::kRetake, v1::CASE_UNDER_REVIEW},
    {kH, v1::CASE_SIGNED, CaseAct::kProductionFailed, v1::CASE_REMAKE},
    {kH, v1::CASE_REMAKE, CaseAct::kProductionFailed, v1::CASE_REMAKE},
    {kH, v1::CASE_SIGNED, CaseAct::kProductionMade, v1::CASE_PRODUCED},
    {kH, v1::CASE_REMAKE, CaseAct::kProductionMade, v1::CASE_PRODUCED},
    {kH, v1::CASE_PRODUCED, CaseAct::kHandedOver, v1::CASE_HANDED_OVER},
    {kH, v1::CASE_REFUSED, CaseAct::kInformed, v1::CASE_REFUSED},
    {kH, v1::CASE_REFUSED, CaseAct::kRefunded, v1::CASE_REFUSED},
    {kH, v1::CASE_REFUSED, CaseAct::kClosedRefused, v1::CASE_CLOSED_REFUSED},
};

}  // namespace

absl::Span<const Transition> AllTransitions() { return kTransitions; }

std::optional<v1::CaseState> NextState(v1::CaseRole role, v1::CaseState from, CaseAct act) {
  for (const Transition& t : kTransitions) {
    if (t.role == role && t.from == from && t.act == act) return t.to;
  }
  return std::nullopt;
}

absl::string_view ActText(CaseAct act) {
  switch (act) {
    case CaseAct::kApply:
      return "application taken, register asked";
    case CaseAct::kNotAccept:
      return "not accepted by rule";
    case CaseAct::kQueryArrived:
      return "eligibility query arrived";
    case CaseAct::kAnswerPositive:
      return "register answered: eligible";
    case CaseAct::kAnswerNegative:
      return "register answered: not eligible";
    case CaseAct::kQueryFailed:
      return "eligibility query did not reach the home province";
    case CaseAct::kLateAnswer:
      return "register answered after the end of the case";
    case CaseAct::kAccept:
      return "accepted, fee taken";
    case CaseAct::kAcceptanceReceived:
      return "acceptance received by the home province";
    case CaseAct::kSigned:
      return "review signed";
    case CaseAct::kRefused:
      return "review refused";
    case CaseAct::kQualityFeedback:
      return "home county asks for a retake";
    case CaseAct::kCentreQualityFeedback:
      return "card centre asks for a retake";
    case CaseAct::kRetake:
      return "taken again";
    case CaseAct::kProductionStarted:
      return "production started";
    case CaseAct::kProductionFailed:
      return "production failed";
    case CaseAct::kProductionMade:
      return "card made";
    case CaseAct::kReady:
      return "card ready for collection";
    case CaseAct::kToldReady:
      return "applicant told that the card is ready";
    case CaseAct::kOldCardKept:
      return "not handed over: old card not surrendered";
    case CaseAct::kHandedOver:
      return "card handed over";
    case CaseAct::kInformed:
      return "applicant informed of the refusal";
    case CaseAct::kRefunded:
      return "fee refunded";
    case CaseAct::kClosedRefused:
      return "closed after refusal";
    case CaseAct::kClosedNotAccepted:
      return "not accepted by the accepting province";
  }
  return "";
}

absl::string_view StateText(v1::CaseState state) {
  return absl::StripPrefix(absl::string_view(v1::CaseState_Name(state)), "CASE_");
}

v1::CaseRole SenderRole(v1::MessageKind kind) {
  switch (kind) {
    case v1::ELIGIBILITY_QUERY:
    case v1::ACCEPTANCE:
    case v1::RETAKE:
    case v1::PRODUCTION_FEEDBACK:
    case v1::HAND_OVER:
    case v1::CLOSURE:
      return v1::CASE_ROLE_ACCEPTING;
    case v1::ELIGIBILITY_ANSWER:
    case v1::REVIEW_DECISION:
    case v1::QUALITY_FEEDBACK:
      return v1::CASE_ROLE_HOME;
    default:
      return v1::CASE_ROLE_UNSPECIFIED;
  }
}

}  // namespace yizhan::node
