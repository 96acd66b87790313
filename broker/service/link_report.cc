#include "broker/service/link_report.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/service/link_run_store.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "protos/contract/link_suite.h"

namespace yizhan::broker {
namespace {

using contract::Digest;
using contract::ProvinceCode;

// What the log has of one header, as far as it concerns a verdict.
struct Flow {
  int accepted = 0;           // in this run
  int delivered = 0;          // in this run
  int elsewhere = 0;          // accepted in another lane or run
  bool body_refused = false;  // BODY_DIGEST_MISMATCH in this run
  bool link_refused = false;  // for its link, BUSINESS lane, since the run began
  v1::ErrorReason link_reason = v1::ERROR_REASON_UNSPECIFIED;
  v1::MessageKind kind = v1::MESSAGE_KIND_UNSPECIFIED;
  std::uint32_t source = 0;
  std::uint32_t destination = 0;
};

bool IsLinkReason(v1::ErrorReason reason) {
  return reason == v1::ENVELOPE_LINK_NOT_OPEN || reason == v1::NEW_CASE_ON_SUSPENDED_ROUTE ||
         reason == v1::DESTINATION_UNKNOWN;
}

Flow FlowOf(const v1::LinkRun& run, const std::vector<v1::TraceStep>& steps) {
  Flow flow;
  for (const v1::TraceStep& step : steps) {
    const v1::MessageRef& ref = step.message();
    const bool in_run = ref.lane() == v1::LANE_TEST && ref.test_run_id() == run.run_id();
    flow.source = ref.source();
    flow.destination = ref.destination();
    if (step.kind() != v1::MESSAGE_KIND_UNSPECIFIED) flow.kind = step.kind();
    if (step.event() == v1::TRACE_ACCEPTED) ++(in_run ? flow.accepted : flow.elsewhere);
    if (step.event() == v1::TRACE_DELIVERED && in_run) ++flow.delivered;
    if (step.event() == v1::TRACE_REFUSED && in_run && step.reason() == v1::BODY_DIGEST_MISMATCH) {
      flow.body_refused = true;
    }
    if (step.event() == v1::TRACE_REFUSED && ref.lane() == v1::LANE_BUSINESS &&
        IsLinkReason(step.reason()) && step.at_unix_us() >= run.started_unix_us()) {
      flow.link_refused = true;
      flow.link_reason = step.reason();
    }
  }
  return flow;
}

absl::Status Refused(const v1::CaseVerdict& verdict, absl::string_view why) {
  return contract::MakeError(
      v1::REPORT_REFUSED, v1::SIDE_MINE,
      absl::StrCat("the verdict of ", NameOfVerdict(verdict), " is refused: ", why),
      "run the case again and post what really happened; messages that never flowed prove nothing");
}

bool IsOfPair(const Flow& flow, const v1::CaseVerdict& verdict) {
  return (flow.source == verdict.from() && flow.destination == verdict.to()) ||
         (flow.source == verdict.to() && flow.destination == verdict.from());
}

// Accepted once and receipted, in this run, by this pair.
absl::Status CheckFlowed(const v1::CaseVerdict& verdict, const Flow& flow, const Digest& header) {
  const std::string which = absl::StrCat("message with header digest ", header.hex());
  if (flow.accepted == 0) {
    return Refused(verdict, absl::StrCat(which, " was never accepted in this run"));
  }
  if (flow.accepted > 1 || flow.elsewhere > 0) {
    return Refused(verdict, absl::StrCat(which, " was accepted more than once"));
  }
  if (!IsOfPair(flow, verdict)) {
    return Refused(verdict, absl::StrCat(which, " is of another pair of provinces"));
  }
  if (flow.delivered == 0) {
    return Refused(verdict, absl::StrCat(which, " has no receipt of its recipient"));
  }
  return absl::OkStatus();
}

absl::Status CheckClosedLink(const v1::CaseVerdict& verdict, const std::vector<Flow>& flows,
                             const contract::DirectoryState& directory, absl::Time now) {
  for (const Flow& flow : flows) {
    if (flow.accepted + flow.elsewhere + flow.delivered > 0) {
      return Refused(verdict, "its message passed a link that should be closed");
    }
    if (!flow.link_refused || flow.source != verdict.from()) {
      return Refused(verdict, "the log has no refusal of its message for a closed link");
    }
    if (flow.destination == verdict.to()) continue;
    // A re-test over an open route shows the refusal at another destination.
    const bool already_open =
        contract::MaySend(directory, ProvinceCode(verdict.from()), ProvinceCode(verdict.to()),
                          v1::ELIGIBILITY_QUERY, 1, now)
            .ok();
    if (!already_open) {
      return Refused(verdict,
                     "its message must go to the pair's own province, whose route is closed");
    }
  }
  return absl::OkStatus();
}

// The messages that a case cannot do without: kind, and whether it runs from
// the accepting side.
struct Needed {
  v1::MessageKind kind;
  bool from_accepting;
};

absl::Status CheckKinds(const v1::CaseVerdict& verdict, const std::vector<Flow>& flows) {
  std::vector<Needed> needed = {{v1::TEST_MESSAGE, true}};
  if (verdict.case_id() == "M03") {
    needed = {{v1::ELIGIBILITY_QUERY, true},
              {v1::ELIGIBILITY_ANSWER, false},
              {v1::ACCEPTANCE, true},
              {v1::REVIEW_DECISION, false}};
  }
  for (const Needed& one : needed) {
    const bool there = std::any_of(flows.begin(), flows.end(), [&](const Flow& flow) {
      return flow.kind == one.kind && (flow.source == verdict.from()) == one.from_accepting;
    });
    if (!there) {
      return Refused(verdict, absl::StrCat("its evidence has no ", v1::MessageKind_Name(one.kind)));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckPassAgainstLog(const v1::LinkRun& run, const v1::CaseVerdict& verdict,
                                 const v1::CaseEvidence& evidence,
                                 const contract::DirectoryState& directory,
                                 const HeaderTrace& trace, absl::Time now) {
  if (evidence.header_digests().empty()) return Refused(verdict, "its evidence names no message");
  std::vector<Flow> flows;
  std::set<Digest> seen;
  const bool closed_link = verdict.case_id() == "L04";
  for (const std::string& bytes : evidence.header_digests()) {
    const std::optional<Digest> header = Digest::From(bytes);
    if (!header) return Refused(verdict, "a header digest in its evidence is not 32 bytes");
    if (!seen.insert(*header).second) return Refused(verdict, "its evidence names a message twice");
    absl::StatusOr<std::vector<v1::TraceStep>> steps = trace(*header);
    if (!steps.ok()) return steps.status();
    flows.push_back(FlowOf(run, *steps));
    if (closed_link) continue;
    if (absl::Status flowed = CheckFlowed(verdict, flows.back(), *header); !flowed.ok()) {
      return flowed;
    }
  }
  if (closed_link) return CheckClosedLink(verdict, flows, directory, now);
  if (verdict.case_id() == "S01" &&
      std::none_of(flows.begin(), flows.end(), [](const Flow& f) { return f.body_refused; })) {
    return Refused(verdict, "the log has no refusal of an altered body in this run");
  }
  return CheckKinds(verdict, flows);
}

std::string FailedDirection(const v1::LinkRun& run, std::uint32_t from) {
  std::vector<std::string> failed;
  std::uint32_t there = 0;
  for (const v1::CaseVerdict& verdict : run.verdicts()) {
    if (verdict.from() != from) continue;
    ++there;
    if (verdict.verdict() == v1::VERDICT_PASS) continue;
    failed.push_back(absl::StrCat(NameOfVerdict(verdict), " ",
                                  verdict.verdict() == v1::VERDICT_BLOCKED ? "BLOCKED" : "FAIL",
                                  ": ", verdict.cause()));
  }
  return there * contract::kLinkDirections < run.expected_verdicts() ? ""
                                                                     : absl::StrJoin(failed, "; ");
}

std::string WhyNoReport(const ReportParts& parts, bool lab) {
  std::vector<std::string> failed;
  for (std::uint32_t from : {parts.run->initiator(), parts.run->counterpart()}) {
    const std::string one = FailedDirection(*parts.run, from);
    if (!one.empty()) failed.push_back(one);
  }
  if (!failed.empty()) return absl::StrJoin(failed, "; ");
  if ((parts.of_initiator->doubles() || parts.of_counterpart->doubles()) && !lab) {
    return absl::StrCat(
        "a production network refuses a report over doubles of provincial systems (province ",
        parts.of_initiator->doubles() ? parts.run->initiator() : parts.run->counterpart(), ")");
  }
  if (parts.of_initiator->policy_schema() != parts.of_counterpart->policy_schema()) {
    return absl::StrCat(
        "the provinces read different policy schemas: ", parts.of_initiator->policy_schema(),
        " and ", parts.of_counterpart->policy_schema());
  }
  return "";
}

v1::DirectoryEntry BuildReportEntry(const ReportParts& parts,
                                    const contract::DirectoryState& directory, absl::Time now) {
  const v1::LinkRun& run = *parts.run;
  v1::DirectoryEntry entry;
  entry.set_format_version(contract::kFormatVersion);
  entry.set_suite(v1::SUITE_SM);
  entry.set_network_genesis(directory.genesis_digest().str());
  entry.set_created_unix_us(absl::ToUnixMicros(now));
  v1::LinkReport* report = entry.mutable_link_report();
  report->set_run_id(run.run_id());
  report->set_suite_version(contract::kLinkSuiteVersion);
  report->set_initiator(run.initiator());
  report->set_counterpart(run.counterpart());
  const std::pair<std::uint32_t, std::uint32_t> directions[] = {
      {run.initiator(), run.counterpart()}, {run.counterpart(), run.initiator()}};
  for (const auto& [accepting, home] : directions) {
    v1::RouteCertification* route = report->add_routes();
    route->set_accepting(accepting);
    route->set_home(home);
    route->set_version(directory.Route({ProvinceCode(accepting), ProvinceCode(home)}, now).version +
                       1);
  }
  *report->mutable_verdicts() = run.verdicts();
  report->set_started_unix_us(run.started_unix_us());
  report->set_ended_unix_us(absl::ToUnixMicros(now));
  report->set_certified_until_unix_us(absl::ToUnixMicros(now + contract::kCertificationLife));
  report->set_doubles(parts.of_initiator->doubles() || parts.of_counterpart->doubles());
  report->set_fast(run.fast());
  report->set_initiator_build(parts.of_initiator->build());
  report->set_counterpart_build(parts.of_counterpart->build());
  for (std::uint32_t province : {run.initiator(), run.counterpart()}) {
    const v1::Member* member = directory.FindMember(ProvinceCode(province));
    if (member == nullptr) continue;
    for (const std::string& certificate : member->certificate_sha256()) {
      report->add_fingerprints(certificate);
    }
    for (const v1::PublicKey& key : member->keys()) report->add_fingerprints(key.key_id());
  }
  report->set_policy_schema(parts.of_initiator->policy_schema());
  report->set_clock_offset_initiator_us(parts.of_initiator->clock_offset_us());
  report->set_clock_offset_counterpart_us(parts.of_counterpart->clock_offset_us());
  return entry;
}

}  // namespace yizhan::broker
