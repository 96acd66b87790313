// Who may see and do what.
#ifndef YIZHAN_PROVINCE_NODES_CASES_ACCESS_H_
#define YIZHAN_PROVINCE_NODES_CASES_ACCESS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "province_nodes/cases/case_service.h"

namespace yizhan::node {

// What of a case decides about access.
struct CaseScope {
  v1::CaseRole role = v1::CASE_ROLE_UNSPECIFIED;
  std::string point;
  std::string home_division;
};

bool HasRole(const Caller& caller, v1::CallerRole role);

// Whether the caller has `role` and its points or divisions cover the case: a
// point its own cases, a county those of its divisions in the home view, centre
// and collection the accepting view (a collection desk with points, these
// alone), the citizen platform the accepting view, operators and systems all.
bool Covers(const Caller& caller, v1::CallerRole role, const CaseScope& scope);

bool MaySee(const Caller& caller, const CaseScope& scope);

// OK if one of `roles` covers the case, else CALLER_NOT_ALLOWED naming caller,
// call, roles and scope.
absl::Status Require(const Caller& caller, absl::string_view call,
                     const std::vector<v1::CallerRole>& roles, const CaseScope& scope);

// The view as this caller may have it: names only for who handles the case; the
// citizen platform neither name nor ID number nor officers, and the acceptance
// number masked.
v1::CaseView Redacted(const Caller& caller, v1::CaseView view);
CaseScope ScopeOf(const v1::CaseView& view);

// Which parts of the lists a caller may read: view and prefix of point or home
// division, none contained in another, sorted.
std::vector<std::pair<v1::CaseRole, std::string>> ReadableScopes(const Caller& caller);
// The same for one role of the caller.
std::vector<std::pair<v1::CaseRole, std::string>> ScopesOfRole(const Caller& caller,
                                                               v1::CallerRole role);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_CASES_ACCESS_H_
