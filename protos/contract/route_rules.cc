#include "protos/contract/route_rules.h"

#include "protos/contract/directory_internal.h"
#include "protos/contract/fields.h"
#include "protos/contract/limits.h"

namespace yizhan::contract {

bool IsOpen(v1::RouteState state) { return state == v1::ROUTE_OPEN || state == v1::ROUTE_PILOT; }

Consent ConsentFor(v1::RouteState from, v1::RouteState to) {
  if (to == v1::ROUTE_CUT) return from == v1::ROUTE_CUT ? Consent::kNever : Consent::kEither;
  switch (from) {
    case v1::ROUTE_STATE_UNSPECIFIED:
    case v1::ROUTE_FAILED:
      return to == v1::ROUTE_REQUESTED ? Consent::kAccepting : Consent::kNever;
    case v1::ROUTE_REQUESTED:
      return to == v1::ROUTE_TESTING ? Consent::kHome : Consent::kNever;
    case v1::ROUTE_EXPIRED:
    case v1::ROUTE_VOID:
      return to == v1::ROUTE_TESTING ? Consent::kBoth : Consent::kNever;
    case v1::ROUTE_TESTING:
      return to == v1::ROUTE_FAILED ? Consent::kEither : Consent::kNever;
    case v1::ROUTE_CERTIFIED:
      return IsOpen(to) ? Consent::kBoth : Consent::kNever;
    case v1::ROUTE_OPEN:
    case v1::ROUTE_PILOT:
      if (to == v1::ROUTE_SUSPENDED) return Consent::kEither;
      if (to == v1::ROUTE_EXPIRED || to == v1::ROUTE_VOID) return Consent::kEitherOrAuthority;
      return IsOpen(to) && (to != from || to == v1::ROUTE_PILOT) ? Consent::kBoth : Consent::kNever;
    case v1::ROUTE_SUSPENDED:
      return IsOpen(to) ? Consent::kBoth : Consent::kNever;
    case v1::ROUTE_CUT:
      return to == v1::ROUTE_SUSPENDED ? Consent::kBoth : Consent::kNever;
    default:
      return Consent::kNever;
  }
}

bool Consents(Consent consent, bool by_accepting, bool by_home) {
  switch (consent) {
    case Consent::kNever:
      return false;
    case Consent::kAccepting:
      return by_accepting;
    case Consent::kHome:
      return by_home;
    case Consent::kEither:
    case Consent::kEitherOrAuthority:
      return by_accepting || by_home;
    case Consent::kBoth:
      return by_accepting && by_home;
  }
  return false;
}

const char* WhoMustSign(Consent consent) {
  switch (consent) {
    case Consent::kAccepting:
      return "it needs the signature of the accepting province, which requests the service";
    case Consent::kHome:
      return "it needs the signature of the home province, which grants the service";
    case Consent::kBoth:
      return "it needs the signatures of both provinces";
    default:
      return "it needs the signature of a province of the route";
  }
}

Consent ConsentToWithdraw(const RouteRecord& route, v1::RouteState to) {
  if (to != route.state || !route.planned.has_value()) return Consent::kNever;
  return IsOpen(route.planned->state) && !IsOpen(route.state) ? Consent::kEither : Consent::kBoth;
}

absl::Status CheckChangeFields(const v1::RouteChange& change, absl::Time created) {
  constexpr std::size_t kMaxWords = 1024;
  constexpr int kMaxPilotPoints = 1000;
  const std::int64_t at = change.effective_unix_us();
  const bool pilot = change.state() == v1::ROUTE_PILOT;
  const FieldRule rules[] = {
      {change.order_number().size() <= kMaxWords && change.reason().size() <= kMaxWords &&
           change.group().size() <= kMaxWords,
       "order_number, reason and group may have 1024 bytes each"},
      {at == 0 || absl::FromUnixMicros(at) >= created - kMaxClockSkew,
       "effective_unix_us is before created_unix_us"},
      {at == 0 || change.state() != v1::ROUTE_CUT, "a cut is effective at once"},
      {pilot == change.has_pilot(), "pilot belongs to ROUTE_PILOT, and must be there"},
      {!pilot || change.pilot().daily_quota() >= 1, "pilot.daily_quota must be at least 1"},
      {change.pilot().points_size() <= kMaxPilotPoints, "pilot.points may name 1000 points"},
  };
  const char* broken = FirstBroken(rules);
  if (broken == nullptr) return absl::OkStatus();
  return RefuseEntry(broken, "Correct the field, and have it signed again.");
}

}  // namespace yizhan::contract
