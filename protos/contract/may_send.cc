// Who may send what on which route: the judgement of broker and recipient alike.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/directory.h"
#include "protos/contract/errors.h"

namespace yizhan::contract {
namespace {

enum class Way { kUnknown, kFromAccepting, kFromHome, kEither };

Way WayOf(v1::MessageKind kind) {
  switch (kind) {
    case v1::ELIGIBILITY_QUERY:
    case v1::ACCEPTANCE:
    case v1::RETAKE:
    case v1::PRODUCTION_FEEDBACK:
    case v1::HAND_OVER:
    case v1::CLOSURE:
      return Way::kFromAccepting;
    case v1::ELIGIBILITY_ANSWER:
    case v1::REVIEW_DECISION:
    case v1::QUALITY_FEEDBACK:
      return Way::kFromHome;
    case v1::SYSTEM_OUTCOME:
      return Way::kEither;
    default:
      return Way::kUnknown;
  }
}

absl::Status CheckRoute(const DirectoryState& directory, const RouteKey& key, bool new_case,
                        absl::Time now) {
  const RouteRecord route = directory.Route(key, now);
  const std::string name = absl::StrCat("route ", key.accepting.value(), " to ", key.home.value());
  if (route.state == v1::ROUTE_OPEN || route.state == v1::ROUTE_PILOT) return absl::OkStatus();
  if (route.state == v1::ROUTE_CUT) {
    return MakeError(v1::LINK_CUT, v1::SIDE_NETWORK, absl::StrCat(name, " is cut"),
                     "Messages wait until both provinces have lifted the cut.");
  }
  if (!route.served) {
    return MakeError(
        v1::ENVELOPE_LINK_NOT_OPEN, v1::SIDE_NETWORK,
        absl::StrCat(name, " is not open: ",
                     route.state == v1::ROUTE_STATE_UNSPECIFIED ? "it has no entry"
                                                                : v1::RouteState_Name(route.state)),
        "Run the link test of the two provinces.");
  }
  if (!new_case) return absl::OkStatus();
  return MakeError(v1::NEW_CASE_ON_SUSPENDED_ROUTE, v1::SIDE_NETWORK,
                   absl::StrCat(name, " takes no new cases: ", v1::RouteState_Name(route.state)),
                   "Open new cases when the route is open again; running ones are served on.");
}

// Both provinces have said, and the authority agreed, that they handle the kind.
absl::Status CheckCapabilities(const DirectoryState& directory, ProvinceCode source,
                               ProvinceCode destination, v1::MessageKind kind) {
  for (const auto& [province, side] :
       {std::pair(source, v1::SIDE_MINE), std::pair(destination, v1::SIDE_THEIRS)}) {
    const auto& able = directory.FindMember(province)->capabilities();
    if (std::find(able.begin(), able.end(), kind) != able.end()) continue;
    return MakeError(v1::KIND_NOT_ALLOWED, side,
                     absl::StrCat("province ", province.value(), " is not registered for ",
                                  v1::MessageKind_Name(kind)),
                     "Have the capability added to its directory entry by the authority.");
  }
  return absl::OkStatus();
}

absl::Status CheckMembers(const DirectoryState& directory, ProvinceCode source,
                          ProvinceCode destination) {
  const v1::Member* to = directory.FindMember(destination);
  if (to == nullptr || to->status() != v1::MEMBER_ACTIVE) {
    return MakeError(v1::DESTINATION_UNKNOWN, v1::SIDE_THEIRS,
                     absl::StrCat("destination ", destination.value(),
                                  to == nullptr ? " is not a member of the network"
                                                : " is a member that is not active: ",
                                  to == nullptr ? "" : v1::MemberStatus_Name(to->status())),
                     "Check the home division; if it is right, ask the network's authority.");
  }
  const v1::Member* from = directory.FindMember(source);
  if (from == nullptr || from->status() != v1::MEMBER_ACTIVE) {
    return MakeError(v1::ENVELOPE_LINK_NOT_OPEN, v1::SIDE_MINE,
                     absl::StrCat("source ", source.value(), " is not an active member"),
                     "Ask the network's authority.");
  }
  return absl::OkStatus();
}

absl::Status CheckWay(const DirectoryState& directory, Way way, const RouteKey& ours, bool new_case,
                      absl::Time now) {
  const RouteKey theirs{ours.home, ours.accepting};
  if (way == Way::kFromAccepting) return CheckRoute(directory, ours, new_case, now);
  if (way == Way::kFromHome) return CheckRoute(directory, theirs, false, now);
  // An outcome belongs to a case of either route, and opens none.
  absl::Status first = CheckRoute(directory, ours, false, now);
  if (first.ok()) return first;
  absl::Status second = CheckRoute(directory, theirs, false, now);
  if (second.ok() || ReasonOf(second) == v1::LINK_CUT) return second;
  return first;
}

}  // namespace

absl::Status MaySend(const DirectoryState& directory, ProvinceCode source, ProvinceCode destination,
                     v1::MessageKind kind, std::uint64_t sequence, absl::Time now) {
  const Way way = WayOf(kind);
  if (way == Way::kUnknown) {
    return MakeError(
        v1::KIND_NOT_ALLOWED, v1::SIDE_MINE,
        absl::StrCat("kind ", v1::MessageKind_Name(kind), " is not for residents' cases"),
        "Send it in a connectivity run, or not at all.");
  }
  const absl::Status route = CheckWay(directory, way, {source, destination},
                                      kind == v1::ELIGIBILITY_QUERY || sequence == 1, now);
  // Before all else: what a cut holds stays held, whatever became of the members.
  if (ReasonOf(route) == v1::LINK_CUT) return route;
  if (absl::Status s = CheckMembers(directory, source, destination); !s.ok()) return s;
  if (absl::Status s = CheckCapabilities(directory, source, destination, kind); !s.ok()) return s;
  return route;
}

}  // namespace yizhan::contract
