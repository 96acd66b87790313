// The states of a directed route, and whose consent each change of them needs.
#ifndef YIZHAN_PROTOS_CONTRACT_ROUTE_RULES_H_
#define YIZHAN_PROTOS_CONTRACT_ROUTE_RULES_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "protos/contract/route.h"
#include "yizhan/v1/directory.pb.h"

namespace yizhan::contract {

// OPEN or PILOT.
bool IsOpen(v1::RouteState state);

// Who must sign a change of state.
enum class Consent { kNever, kAccepting, kHome, kEither, kEitherOrAuthority, kBoth };

// kNever for a change that is none of the rules.
Consent ConsentFor(v1::RouteState from, v1::RouteState to);
// Naming the state that a route has withdraws what was planned for it.
Consent ConsentToWithdraw(const RouteRecord& route, v1::RouteState to);
// kEitherOrAuthority is judged as kEither; the authority's part is the caller's.
bool Consents(Consent consent, bool by_accepting, bool by_home);
const char* WhoMustSign(Consent consent);

// Sizes, times and the pilot's bounds. DIRECTORY_ENTRY_REFUSED.
absl::Status CheckChangeFields(const v1::RouteChange& change, absl::Time created);

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_ROUTE_RULES_H_
