// The case machine as data.
#ifndef YIZHAN_PROVINCE_NODES_CASES_TRANSITIONS_H_
#define YIZHAN_PROVINCE_NODES_CASES_TRANSITIONS_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "yizhan/v1/case.pb.h"
#include "yizhan/v1/common.pb.h"

namespace yizhan::node {

// What happens to a case. In the accepting view an act is done or learned there;
// the home view mirrors it.
enum class CaseAct {
  kApply,
  kNotAccept,     // by a rule at the point
  kQueryArrived,  // home
  kAnswerPositive,
  kAnswerNegative,
  kQueryFailed,  // refused on the way, or not delivered
  kLateAnswer,   // to a case that has ended meanwhile
  kAccept,
  kAcceptanceReceived,
  kSigned,
  kRefused,
  kQualityFeedback,        // by the home county
  kCentreQualityFeedback,  // by the accepting province's card centre
  kRetake,
  kProductionStarted,
  kProductionFailed,
  kProductionMade,
  kReady,
  kToldReady,
  kOldCardKept,
  kHandedOver,
  kInformed,
  kRefunded,
  kClosedRefused,
  kClosedNotAccepted,  // home
};

struct Transition {
  v1::CaseRole role;
  v1::CaseState from;  // unspecified: no case yet
  CaseAct act;
  v1::CaseState to;
};

// Every transition there is.
absl::Span<const Transition> AllTransitions();

// Nothing where the act does not fit.
std::optional<v1::CaseState> NextState(v1::CaseRole role, v1::CaseState from, CaseAct act);

// For events and errors, e.g. "review signed".
absl::string_view ActText(CaseAct act);

// "UNDER_REVIEW" of CASE_UNDER_REVIEW.
absl::string_view StateText(v1::CaseState state);

// The view whose owner may send this kind; unspecified where both or none may.
v1::CaseRole SenderRole(v1::MessageKind kind);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_CASES_TRANSITIONS_H_
