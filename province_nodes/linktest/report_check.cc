#include "province_nodes/linktest/report_check.h"

#include <algorithm>
#include <set>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "protos/contract/link_suite.h"

namespace yizhan::node {
namespace {

using contract::ProvinceCode;

absl::Status Differs(absl::string_view what) {
  return contract::MakeError(v1::REPORT_REFUSED, v1::SIDE_BROKER,
                             absl::StrCat("this node does not sign the report: ", what),
                             "ask the broker's operator, and run the test again");
}

bool SameButAttested(v1::CaseVerdict a, v1::CaseVerdict b) {
  a.set_attested_by_one_side(false);
  b.set_attested_by_one_side(false);
  return a.SerializeAsString() == b.SerializeAsString();
}

absl::Status CheckVerdicts(const v1::LinkRun& run, const v1::LinkReport& report,
                           const std::vector<v1::CaseVerdict>& own) {
  std::set<std::tuple<std::string, std::uint32_t, std::uint32_t>> seen;
  for (const v1::CaseVerdict& verdict : report.verdicts()) {
    const bool of_pair = (verdict.from() == run.initiator() && verdict.to() == run.counterpart()) ||
                         (verdict.from() == run.counterpart() && verdict.to() == run.initiator());
    if (!of_pair || verdict.verdict() != v1::VERDICT_PASS ||
        contract::FindLinkCase(verdict.case_id()) == nullptr) {
      return Differs(absl::StrCat("verdict ", verdict.case_id(), " ", verdict.from(), "->",
                                  verdict.to(), " does not belong into it"));
    }
    seen.emplace(verdict.case_id(), verdict.from(), verdict.to());
  }
  if (seen.size() != contract::kExpectedVerdicts ||
      report.verdicts_size() != static_cast<int>(contract::kExpectedVerdicts)) {
    return Differs("it does not have every case once in each direction");
  }
  for (const v1::CaseVerdict& mine : own) {
    const auto& all = report.verdicts();
    if (std::none_of(all.begin(), all.end(),
                     [&](const v1::CaseVerdict& one) { return SameButAttested(one, mine); })) {
      return Differs(absl::StrCat("it changes this node's verdict of ", mine.case_id()));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRoutes(const contract::DirectoryState& directory, const v1::LinkRun& run,
                         const v1::LinkReport& report, absl::Time now) {
  std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
  for (const v1::RouteCertification& route : report.routes()) {
    const std::uint64_t version =
        directory.Route({ProvinceCode(route.accepting()), ProvinceCode(route.home())}, now).version;
    if (route.version() != version + 1) {
      return Differs(absl::StrCat("route ", route.accepting(), "->", route.home(),
                                  " is at version ", version, ", the report makes ",
                                  route.version()));
    }
    seen.emplace(route.accepting(), route.home());
  }
  const std::set<std::pair<std::uint32_t, std::uint32_t>> both = {
      {run.initiator(), run.counterpart()}, {run.counterpart(), run.initiator()}};
  if (seen != both || report.routes_size() != 2)
    return Differs("its routes are not the pair's two");
  return absl::OkStatus();
}

absl::Status CheckOwnParts(const LinkTestDeps& deps, const v1::LinkRun& run,
                           const v1::LinkReport& report) {
  const bool initiator = run.initiator() == deps.province.value();
  if ((initiator ? report.initiator_build() : report.counterpart_build()) != deps.build) {
    return Differs("it names another build of this node");
  }
  if (deps.doubles && !report.doubles()) {
    return Differs("it hides that this province's systems are doubles");
  }
  if (report.policy_schema() != deps.policy->schema()) return Differs("it names another policy");
  for (const std::string& fingerprint : deps.fingerprints) {
    const auto& all = report.fingerprints();
    if (std::find(all.begin(), all.end(), fingerprint) == all.end()) {
      return Differs("it lacks a fingerprint of this node's certificate or keys");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckReport(const LinkTestDeps& deps, const contract::DirectoryState& directory,
                         const v1::LinkRun& run, const std::vector<v1::CaseVerdict>& own,
                         absl::Time now) {
  v1::DirectoryEntry entry;
  if (!entry.ParseFromString(run.report_entry()) || !entry.has_link_report()) {
    return Differs("it does not parse");
  }
  const v1::LinkReport& report = entry.link_report();
  if (absl::string_view(entry.network_genesis()) != directory.genesis_digest().view()) {
    return Differs("it is of another network");
  }
  if (report.run_id() != run.run_id() || report.initiator() != run.initiator() ||
      report.counterpart() != run.counterpart() ||
      report.suite_version() != contract::kLinkSuiteVersion || report.fast() != run.fast()) {
    return Differs("it is not of this run");
  }
  const absl::Duration certified =
      absl::Microseconds(report.certified_until_unix_us() - report.ended_unix_us());
  if (report.open_at_unix_us() != 0 || certified > contract::kCertificationLife ||
      absl::FromUnixMicros(report.ended_unix_us()) > now + contract::kMaxClockSkew) {
    return Differs("its times are not those of a run that ended just now");
  }
  if (absl::Status routes = CheckRoutes(directory, run, report, now); !routes.ok()) return routes;
  if (absl::Status parts = CheckOwnParts(deps, run, report); !parts.ok()) return parts;
  return CheckVerdicts(run, report, own);
}

}  // namespace yizhan::node
