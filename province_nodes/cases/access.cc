#include "province_nodes/cases/access.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "protos/contract/errors.h"
#include "protos/contract/resident.h"

namespace yizhan::node {
namespace {

constexpr v1::CallerRole kRoles[] = {
    v1::CALLER_POINT,      v1::CALLER_COUNTY,           v1::CALLER_CENTRE,
    v1::CALLER_COLLECTION, v1::CALLER_CITIZEN_PLATFORM, v1::CALLER_OPERATOR,
    v1::CALLER_SYSTEM};

// Roles that handle the case itself, and so know the applicant.
constexpr v1::CallerRole kHandlingRoles[] = {v1::CALLER_POINT, v1::CALLER_COUNTY, v1::CALLER_CENTRE,
                                             v1::CALLER_COLLECTION, v1::CALLER_SYSTEM};

bool CoveredBy(const std::vector<std::string>& prefixes, absl::string_view code) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string& prefix) {
    return prefix == "*" || (!prefix.empty() && absl::StartsWith(code, prefix));
  });
}

// "*" becomes the empty prefix, which covers all; what another covers goes.
std::vector<std::string> Normal(const std::vector<std::string>& prefixes) {
  std::vector<std::string> sorted;
  for (const std::string& prefix : prefixes) {
    if (!prefix.empty()) sorted.push_back(prefix == "*" ? "" : prefix);
  }
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string> out;
  for (const std::string& prefix : sorted) {
    if (out.empty() || !absl::StartsWith(prefix, out.back())) out.push_back(prefix);
  }
  return out;
}

std::string RoleText(v1::CallerRole role) {
  return std::string(absl::StripPrefix(v1::CallerRole_Name(role), "CALLER_"));
}

}  // namespace

bool HasRole(const Caller& caller, v1::CallerRole role) {
  return std::find(caller.roles.begin(), caller.roles.end(), role) != caller.roles.end();
}

bool Covers(const Caller& caller, v1::CallerRole role, const CaseScope& scope) {
  if (!HasRole(caller, role)) return false;
  const bool accepting = scope.role == v1::CASE_ROLE_ACCEPTING;
  switch (role) {
    case v1::CALLER_POINT:
      return accepting && CoveredBy(caller.points, scope.point);
    case v1::CALLER_COUNTY:
      return scope.role == v1::CASE_ROLE_HOME && CoveredBy(caller.divisions, scope.home_division);
    case v1::CALLER_COLLECTION:
      return accepting && (caller.points.empty() || CoveredBy(caller.points, scope.point));
    case v1::CALLER_CENTRE:
    case v1::CALLER_CITIZEN_PLATFORM:
      return accepting;
    case v1::CALLER_OPERATOR:
    case v1::CALLER_SYSTEM:
      return true;
    default:
      return false;
  }
}

bool MaySee(const Caller& caller, const CaseScope& scope) {
  return std::any_of(std::begin(kRoles), std::end(kRoles),
                     [&](v1::CallerRole role) { return Covers(caller, role, scope); });
}

absl::Status Require(const Caller& caller, absl::string_view call,
                     const std::vector<v1::CallerRole>& roles, const CaseScope& scope) {
  for (const v1::CallerRole role : roles) {
    if (Covers(caller, role, scope)) return absl::OkStatus();
  }
  const std::string names = absl::StrJoin(
      roles, " or ", [](std::string* out, v1::CallerRole role) { out->append(RoleText(role)); });
  const bool accepting = scope.role == v1::CASE_ROLE_ACCEPTING;
  return contract::MakeError(
      v1::CALLER_NOT_ALLOWED, v1::SIDE_MINE,
      absl::StrCat(call, ": caller ", caller.name, " is not registered as ", names, " for ",
                   accepting ? "point " : "division ",
                   accepting ? scope.point : scope.home_division,
                   accepting ? " (accepting view)" : " (home view)"),
      "Call as a caller with this role and scope, or have the node's operator register it under "
      "callers in the node's configuration.");
}

CaseScope ScopeOf(const v1::CaseView& view) {
  return {view.role(), view.point(), view.home_division()};
}

v1::CaseView Redacted(const Caller& caller, v1::CaseView view) {
  const CaseScope scope = ScopeOf(view);
  const bool handles =
      std::any_of(std::begin(kHandlingRoles), std::end(kHandlingRoles),
                  [&](v1::CallerRole role) { return Covers(caller, role, scope); });
  if (handles) return view;
  view.clear_applicant_name();
  if (Covers(caller, v1::CALLER_OPERATOR, scope)) return view;
  view.clear_id_number_masked();
  view.clear_reason_detail();
  view.clear_messages();
  if (!view.acceptance_number().empty()) {
    view.set_acceptance_number(contract::MaskAcceptanceNumber(view.acceptance_number()));
  }
  for (v1::CaseEvent& event : *view.mutable_events()) event.clear_officer();
  return view;
}

std::vector<std::pair<v1::CaseRole, std::string>> ScopesOfRole(const Caller& caller,
                                                               v1::CallerRole role) {
  std::vector<std::pair<v1::CaseRole, std::string>> out;
  if (!HasRole(caller, role)) return out;
  const auto add = [&](v1::CaseRole view, const std::vector<std::string>& prefixes) {
    for (const std::string& prefix : Normal(prefixes)) out.emplace_back(view, prefix);
  };
  switch (role) {
    case v1::CALLER_POINT:
      add(v1::CASE_ROLE_ACCEPTING, caller.points);
      break;
    case v1::CALLER_COUNTY:
      add(v1::CASE_ROLE_HOME, caller.divisions);
      break;
    case v1::CALLER_COLLECTION:
      add(v1::CASE_ROLE_ACCEPTING,
          caller.points.empty() ? std::vector<std::string>{"*"} : caller.points);
      break;
    case v1::CALLER_CENTRE:
    case v1::CALLER_CITIZEN_PLATFORM:
      add(v1::CASE_ROLE_ACCEPTING, {"*"});
      break;
    case v1::CALLER_OPERATOR:
    case v1::CALLER_SYSTEM:
      add(v1::CASE_ROLE_ACCEPTING, {"*"});
      add(v1::CASE_ROLE_HOME, {"*"});
      break;
    default:
      break;
  }
  return out;
}

std::vector<std::pair<v1::CaseRole, std::string>> ReadableScopes(const Caller& caller) {
  std::vector<std::pair<v1::CaseRole, std::string>> all;
  for (const v1::CallerRole role : kRoles) {
    for (auto& scope : ScopesOfRole(caller, role)) all.push_back(std::move(scope));
  }
  std::sort(all.begin(), all.end());
  std::vector<std::pair<v1::CaseRole, std::string>> out;
  for (auto& scope : all) {
    const bool covered = !out.empty() && out.back().first == scope.first &&
                         absl::StartsWith(scope.second, out.back().second);
    if (!covered) out.push_back(std::move(scope));
  }
  return out;
}

}  // namespace yizhan::node
