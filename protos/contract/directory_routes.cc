// Routes: reports that open them, changes, and who may send what on them.
#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "protos/contract/directory.h"
#include "protos/contract/directory_internal.h"
#include "protos/contract/errors.h"
#include "protos/contract/fields.h"
#include "protos/contract/limits.h"

namespace yizhan::contract {
namespace {

constexpr int kMaxVerdicts = 1000;

bool IsMandatory(std::uint32_t suite_version, absl::string_view case_id) {
  const std::vector<absl::string_view> cases = MandatoryCases(suite_version);
  return std::find(cases.begin(), cases.end(), case_id) != cases.end();
}

std::string CaseName(absl::string_view case_id, std::uint32_t from, std::uint32_t to) {
  return absl::StrCat("case ", case_id, " from ", from, " to ", to);
}

// Every verdict passes (SKIPPED only for optional cases), and every mandatory
// case is there once in each direction.
absl::Status CheckVerdicts(const v1::LinkReport& report) {
  const std::uint32_t a = report.initiator();
  const std::uint32_t b = report.counterpart();
  if (report.verdicts_size() > kMaxVerdicts) {
    return RefuseEntry("it has more than 1000 verdicts", "Report each case once a direction.");
  }
  std::set<std::tuple<std::string, std::uint32_t, std::uint32_t>> seen;
  for (const v1::CaseVerdict& verdict : report.verdicts()) {
    const std::string name = CaseName(verdict.case_id(), verdict.from(), verdict.to());
    const bool of_pair =
        (verdict.from() == a && verdict.to() == b) || (verdict.from() == b && verdict.to() == a);
    if (!of_pair)
      return RefuseEntry(absl::StrCat(name, " is not of this pair"), "Run the test anew.");
    if (!seen.emplace(verdict.case_id(), verdict.from(), verdict.to()).second) {
      return RefuseEntry(absl::StrCat(name, " is reported twice"), "Report it once.");
    }
    const bool passes = verdict.verdict() == v1::VERDICT_PASS ||
                        (verdict.verdict() == v1::VERDICT_SKIPPED &&
                         !IsMandatory(report.suite_version(), verdict.case_id()));
    if (!passes) {
      return RefuseEntry(
          absl::StrCat(name, " has not passed: ", v1::Verdict_Name(verdict.verdict())),
          "Remove its cause and run the test anew.");
    }
  }
  for (absl::string_view id : MandatoryCases(report.suite_version())) {
    for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
      if (!seen.contains({std::string(id), from, to})) {
        return RefuseEntry(absl::StrCat(CaseName(id, from, to), " is missing"),
                           "Run the whole test in both directions.");
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckReportTimes(const v1::LinkReport& report, absl::Time now) {
  const absl::Time ended = absl::FromUnixMicros(report.ended_unix_us());
  const absl::Time until = absl::FromUnixMicros(report.certified_until_unix_us());
  const FieldRule rules[] = {
      {report.started_unix_us() > 0 && report.ended_unix_us() >= report.started_unix_us(),
       "ended_unix_us is before started_unix_us"},
      {ended <= now + kMaxClockSkew, "ended_unix_us is in the future"},
      {until > ended && until <= ended + kCertificationLife,
       "certified_until_unix_us must be after the end, by at most a year"},
      {report.open_at_unix_us() >= 0 && report.open_at_unix_us() < report.certified_until_unix_us(),
       "open_at_unix_us is after the certification's end"},
  };
  const char* broken = FirstBroken(rules);
  if (broken == nullptr) return absl::OkStatus();
  return RefuseEntry(broken, "Correct the clock or the report, and run the test anew.");
}

// Who must sign a change of state; an unlisted one is refused.
enum class Consent { kNever, kEither, kEitherOrAuthority, kBoth };

Consent ConsentFor(v1::RouteState from, v1::RouteState to) {
  if (to == v1::ROUTE_CUT) return from == v1::ROUTE_CUT ? Consent::kNever : Consent::kEither;
  switch (from) {
    case v1::ROUTE_STATE_UNSPECIFIED:
      return to == v1::ROUTE_REQUESTED ? Consent::kEither : Consent::kNever;
    case v1::ROUTE_REQUESTED:
    case v1::ROUTE_EXPIRED:
    case v1::ROUTE_VOID:
      return to == v1::ROUTE_TESTING ? Consent::kBoth : Consent::kNever;
    case v1::ROUTE_TESTING:
      return to == v1::ROUTE_FAILED ? Consent::kEither : Consent::kNever;
    case v1::ROUTE_OPEN:
    case v1::ROUTE_PILOT:
      if (to == v1::ROUTE_SUSPENDED) return Consent::kEither;
      return to == v1::ROUTE_EXPIRED || to == v1::ROUTE_VOID ? Consent::kEitherOrAuthority
                                                             : Consent::kNever;
    case v1::ROUTE_SUSPENDED:
      return to == v1::ROUTE_OPEN ? Consent::kBoth : Consent::kNever;
    case v1::ROUTE_CUT:
      return to == v1::ROUTE_SUSPENDED ? Consent::kBoth : Consent::kNever;
    default:
      return Consent::kNever;
  }
}

bool WasOpen(const RouteRecord& route, absl::Time at) {
  return route.served || (route.opened != absl::Time() && route.opened <= at);
}

}  // namespace

// A list stays as it was released: older reports are replayed by it. The newest
// is the catalogue of link_suite.h.
std::vector<absl::string_view> MandatoryCases(std::uint32_t suite_version) {
  if (suite_version == 1) return {"M01", "M03", "S01", "R01", "L04"};
  return {};
}

RouteRecord DirectoryState::Route(const RouteKey& key, absl::Time now) const {
  const auto found = routes_.find(key);
  if (found == routes_.end()) return RouteRecord();
  RouteRecord route = found->second;
  route.served = WasOpen(route, now);
  const bool open = route.state == v1::ROUTE_OPEN || route.state == v1::ROUTE_PILOT;
  if ((open || route.state == v1::ROUTE_SUSPENDED) && route.certified_until <= now) {
    route.state = v1::ROUTE_EXPIRED;
  } else if (open && route.opened > now) {
    route.state = v1::ROUTE_CERTIFIED;
  }
  return route;
}

absl::Status DirectoryState::CheckReport(const v1::LinkReport& report, const Signers& signers,
                                         absl::Time now) const {
  const auto run = RunId::From(report.run_id());
  if (!run.has_value() || run->is_zero() || HasReport(*run)) {
    return RefuseEntry("run_id is malformed, or a report of this run is there already",
                       "Run the test anew.");
  }
  if (MandatoryCases(report.suite_version()).empty()) {
    return RefuseEntry(absl::StrCat("suite_version ", report.suite_version(), " is unknown"),
                       "Use the same version of the test on both sides.");
  }
  if (report.doubles() && !lab()) {
    return RefuseEntry("provincial systems were doubles, and this network is not a lab",
                       "Run the test with the provinces' own systems.");
  }
  if (report.initiator() == report.counterpart()) {
    return RefuseEntry("initiator and counterpart are the same", "Name the two provinces.");
  }
  for (std::uint32_t party : {report.initiator(), report.counterpart()}) {
    const v1::Member* member = FindMember(ProvinceCode(party));
    if (member == nullptr || member->status() != v1::MEMBER_ACTIVE) {
      return RefuseEntry(absl::StrCat(party, " is not an active member"), "Register it first.");
    }
    if (!signers.members.contains(ProvinceCode(party))) {
      return RefuseEntry(absl::StrCat("member ", party, " has not signed it"),
                         "A report opens routes only when both provinces have signed it.");
    }
  }
  if (!signers.broker) {
    return RefuseEntry("the broker has not countersigned it",
                       "Let the broker check the report against its log and sign it.");
  }
  if (absl::Status s = CheckReportTimes(report, now); !s.ok()) return s;
  return CheckVerdicts(report);
}

absl::Status DirectoryState::ApplyReport(const v1::LinkReport& report, const Signers& signers,
                                         absl::Time created, absl::Time now) {
  if (absl::Status s = CheckReport(report, signers, now); !s.ok()) return s;
  const ProvinceCode a(report.initiator());
  const ProvinceCode b(report.counterpart());
  std::map<RouteKey, RouteRecord> opened;
  for (const v1::RouteCertification& certified : report.routes()) {
    const RouteKey key{ProvinceCode(certified.accepting()), ProvinceCode(certified.home())};
    if ((key != RouteKey{a, b} && key != RouteKey{b, a}) || opened.contains(key)) {
      return RefuseEntry("routes must be the two directions of the pair, each at most once",
                         "List the routes that were tested.");
    }
    const RouteRecord before = Route(key, created);
    const std::string name =
        absl::StrCat("route ", certified.accepting(), " to ", certified.home());
    if (certified.version() != before.version + 1) {
      return RefuseEntry(
          absl::StrCat(name, ": version ", certified.version(), " must be ", before.version + 1),
          "Fetch the directory and make the report from the current version.");
    }
    if (before.state == v1::ROUTE_SUSPENDED || before.state == v1::ROUTE_CUT) {
      return RefuseEntry(absl::StrCat(name, " is ", v1::RouteState_Name(before.state),
                                      ", which a report does not lift"),
                         "Lift it first, by a change that both provinces sign.");
    }
    RouteRecord& route = opened[key];
    route.state = v1::ROUTE_OPEN;
    route.version = certified.version();
    route.opened = absl::FromUnixMicros(report.open_at_unix_us() != 0 ? report.open_at_unix_us()
                                                                      : report.ended_unix_us());
    route.certified_until = absl::FromUnixMicros(report.certified_until_unix_us());
    route.served = before.served;
    // Certified anew while open: it stays open.
    if (before.state == v1::ROUTE_OPEN) route.opened = std::min(route.opened, before.opened);
  }
  if (opened.empty()) return RefuseEntry("it names no route", "List the routes that were tested.");
  for (const auto& [key, route] : opened) routes_[key] = route;
  reports_.insert(*RunId::From(report.run_id()));
  return absl::OkStatus();
}

absl::Status DirectoryState::ApplyRouteChange(const v1::RouteChange& change, const Signers& signers,
                                              absl::Time created) {
  const RouteKey key{ProvinceCode(change.accepting()), ProvinceCode(change.home())};
  if (key.accepting == key.home || FindMember(key.accepting) == nullptr ||
      FindMember(key.home) == nullptr) {
    return RefuseEntry("accepting and home must be two members", "Register both first.");
  }
  const auto found = routes_.find(key);
  RouteRecord route = found == routes_.end() ? RouteRecord() : found->second;
  if (change.version() != route.version + 1) {
    return RefuseEntry(absl::StrCat("version ", change.version(), " must be ", route.version + 1),
                       "Fetch the directory and make the change from the current version.");
  }
  const v1::RouteState reads = Route(key, created).state;
  Consent consent = ConsentFor(route.state, change.state());
  if (consent == Consent::kNever) consent = ConsentFor(reads, change.state());
  if (consent == Consent::kNever) {
    return RefuseEntry(absl::StrCat("a route cannot go from ", v1::RouteState_Name(reads), " to ",
                                    v1::RouteState_Name(change.state()), " by a change"),
                       "A route opens by a link test's report alone; see the states of a route.");
  }
  if (change.state() == v1::ROUTE_OPEN && route.certified_until <= created) {
    return RefuseEntry("its certification does not hold", "Run the link test anew.");
  }
  const int parties = static_cast<int>(signers.members.contains(key.accepting)) +
                      static_cast<int>(signers.members.contains(key.home));
  const bool by_authority = consent == Consent::kEitherOrAuthority && signers.authority;
  if (parties < (consent == Consent::kBoth ? 2 : 1) && !by_authority) {
    return RefuseEntry(consent == Consent::kBoth
                           ? "it needs the signatures of both provinces"
                           : "it needs the signature of a province of the route",
                       "Sign it and send it again.");
  }
  route.version = change.version();
  route.state = change.state();
  if (route.state == v1::ROUTE_EXPIRED || route.state == v1::ROUTE_VOID) {
    route.certified_until = std::min(route.certified_until, created);
  }
  routes_[key] = route;
  return absl::OkStatus();
}

}  // namespace yizhan::contract
