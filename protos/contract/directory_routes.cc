// Routes: reports that open them, changes, and who may send what on them.
#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "protos/contract/directory.h"
#include "protos/contract/directory_internal.h"
#include "protos/contract/errors.h"
#include "protos/contract/fields.h"
#include "protos/contract/limits.h"
#include "protos/contract/route_rules.h"

namespace yizhan::contract {
namespace {

constexpr int kMaxVerdicts = 1000;

// What this report has to show.
std::vector<absl::string_view> NeededCases(const v1::LinkReport& report) {
  return report.smoke() ? SmokeCases(report.suite_version())
                        : MandatoryCases(report.suite_version());
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
  const std::vector<absl::string_view> needed = NeededCases(report);
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
    const bool passes =
        verdict.verdict() == v1::VERDICT_PASS ||
        (verdict.verdict() == v1::VERDICT_SKIPPED &&
         std::find(needed.begin(), needed.end(), verdict.case_id()) == needed.end());
    if (!passes) {
      return RefuseEntry(
          absl::StrCat(name, " has not passed: ", v1::Verdict_Name(verdict.verdict())),
          "Remove its cause and run the test anew.");
    }
  }
  for (absl::string_view id : needed) {
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

bool WasOpen(const RouteRecord& route, absl::Time at) {
  return route.served || (route.opened != absl::Time() && route.opened <= at);
}

void Take(RouteRecord& route, const RouteStep& step) {
  if (IsOpen(step.state) && !IsOpen(route.state)) route.opened = step.at;
  route.served = WasOpen(route, step.at);
  route.state = step.state;
  route.pilot = step.pilot;
}

// With what was planned for a time until `at`.
RouteRecord Settled(RouteRecord route, absl::Time at) {
  if (route.planned.has_value() && route.planned->at <= at) {
    Take(route, *route.planned);
    route.planned.reset();
  }
  return route;
}

}  // namespace

// A list stays as it was released: older reports are replayed by it. The newest
// is the catalogue of link_suite.h.
std::vector<absl::string_view> MandatoryCases(std::uint32_t suite_version) {
  if (suite_version == 1) return {"M01", "M03", "S01", "R01", "L04"};
  return {};
}

// What runs after every change of keys and data alike, daily, and by hand.
std::vector<absl::string_view> SmokeCases(std::uint32_t suite_version) {
  if (suite_version == 1) return {"M01", "S01", "R01"};
  return {};
}

absl::Time DirectoryState::UntestedKeysHoldUntil(const RouteKey& key, absl::Time tested) const {
  absl::Time until = absl::InfiniteFuture();
  for (ProvinceCode party : {key.accepting, key.home}) {
    const auto changes = key_changes_.find(party);
    if (changes == key_changes_.end()) continue;
    if (changes->second.suspect > tested) return absl::InfinitePast();
    for (const auto& [id, listed] : changes->second.listed) {
      if (listed <= tested) continue;
      const absl::Time used = std::max(listed, keys_.Lookup(id)->not_before);
      until = std::min(until, used + kKeyChangeGrace);
    }
  }
  return until;
}

RouteRecord DirectoryState::Route(const RouteKey& key, absl::Time now) const {
  const auto found = routes_.find(key);
  if (found == routes_.end()) return RouteRecord();
  RouteRecord route = Settled(found->second, now);
  route.served = WasOpen(route, now);
  const bool certified = IsOpen(route.state) || route.state == v1::ROUTE_SUSPENDED ||
                         route.state == v1::ROUTE_CERTIFIED;
  if (!certified) return route;
  route.grace_until = UntestedKeysHoldUntil(key, route.tested);
  if (route.certified_until <= now) {
    route.state = v1::ROUTE_EXPIRED;
  } else if (route.grace_until <= now) {
    route.state = v1::ROUTE_VOID;
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
  if (NeededCases(report).empty()) {
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
    const bool standing = IsOpen(before.state) || before.state == v1::ROUTE_CERTIFIED;
    if (report.smoke() && !standing) {
      return RefuseEntry(absl::StrCat(name, " is ", v1::RouteState_Name(before.state),
                                      ", which a smoke test does not change"),
                         "Run the whole test.");
    }
    const auto found = routes_.find(key);
    RouteRecord& route = opened[key] =
        found == routes_.end() ? RouteRecord() : Settled(found->second, created);
    route.served = before.served;
    route.version = certified.version();
    route.tested = absl::FromUnixMicros(report.ended_unix_us());
    route.changed = created;
    if (report.smoke()) continue;
    route.certified_until = absl::FromUnixMicros(report.certified_until_unix_us());
    // Certified anew while open: it stays open.
    if (IsOpen(before.state)) continue;
    if (before.state != v1::ROUTE_CERTIFIED) route.planned.reset();
    route.state = v1::ROUTE_CERTIFIED;
    if (report.stays_certified()) continue;
    const absl::Time open_at = absl::FromUnixMicros(
        report.open_at_unix_us() != 0 ? report.open_at_unix_us() : report.ended_unix_us());
    const RouteStep step{v1::ROUTE_OPEN, open_at, {}};
    if (open_at > created) {
      route.planned = step;
    } else {
      route.planned.reset();
      Take(route, step);
    }
  }
  if (opened.empty()) return RefuseEntry("it names no route", "List the routes that were tested.");
  for (const auto& [key, route] : opened) routes_[key] = route;
  reports_.insert(*RunId::From(report.run_id()));
  return absl::OkStatus();
}

Consent DirectoryState::ConsentNeeded(const RouteKey& key, v1::RouteState to,
                                      absl::Time created) const {
  const auto found = routes_.find(key);
  const RouteRecord route =
      found == routes_.end() ? RouteRecord() : Settled(found->second, created);
  Consent consent = ConsentFor(route.state, to);
  if (consent == Consent::kNever) consent = ConsentFor(Route(key, created).state, to);
  if (consent == Consent::kNever) consent = ConsentToWithdraw(route, to);
  return consent;
}

absl::Status DirectoryState::ApplyRouteChange(const v1::RouteChange& change, const Signers& signers,
                                              absl::Time created) {
  const RouteKey key{ProvinceCode(change.accepting()), ProvinceCode(change.home())};
  if (key.accepting == key.home || FindMember(key.accepting) == nullptr ||
      FindMember(key.home) == nullptr) {
    return RefuseEntry("accepting and home must be two members", "Register both first.");
  }
  const auto found = routes_.find(key);
  RouteRecord route = found == routes_.end() ? RouteRecord() : Settled(found->second, created);
  if (change.version() != route.version + 1) {
    return RefuseEntry(absl::StrCat("version ", change.version(), " must be ", route.version + 1),
                       "Fetch the directory and make the change from the current version.");
  }
  const v1::RouteState reads = Route(key, created).state;
  const Consent consent = ConsentNeeded(key, change.state(), created);
  if (consent == Consent::kNever) {
    return RefuseEntry(absl::StrCat("a route cannot go from ", v1::RouteState_Name(reads), " to ",
                                    v1::RouteState_Name(change.state()), " by a change"),
                       "A route opens by a link test's report alone; see the states of a route.");
  }
  if (absl::Status s = CheckChangeFields(change, created); !s.ok()) return s;
  RouteStep step{change.state(), absl::FromUnixMicros(change.effective_unix_us()), change.pilot()};
  const bool later = step.at > created;
  if (!later) step.at = created;
  const bool holds =
      reads != v1::ROUTE_EXPIRED && reads != v1::ROUTE_VOID && route.certified_until > step.at;
  if (IsOpen(change.state()) && !holds) {
    return RefuseEntry("its certification does not hold", "Run the link test anew.");
  }
  const bool by_accepting = signers.members.contains(key.accepting);
  const bool by_home = signers.members.contains(key.home);
  const bool by_authority =
      consent == Consent::kEitherOrAuthority && !signers.authority.empty() && Agreed(signers);
  if (!by_authority && !Consents(consent, by_accepting, by_home)) {
    return RefuseEntry(WhoMustSign(consent), "Sign it and send it again.");
  }
  route.version = change.version();
  route.order_number = change.order_number();
  route.reason = change.reason();
  route.group = change.group();
  route.changed = created;
  route.planned.reset();
  if (later) {
    route.planned = step;
  } else {
    Take(route, step);
  }
  if (change.state() == v1::ROUTE_EXPIRED || change.state() == v1::ROUTE_VOID) {
    route.certified_until = std::min(route.certified_until, step.at);
  }
  routes_[key] = route;
  return absl::OkStatus();
}

}  // namespace yizhan::contract
