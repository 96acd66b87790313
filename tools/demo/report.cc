#include "tools/demo/report.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "protos/contract/errors.h"
#include "tools/yizhan/text.h"

namespace yizhan::tools {
namespace {

using contract::ProvinceCode;
using platform::JsonValue;

constexpr std::size_t kShownProblems = 20;

std::string Seconds(absl::Duration duration) {
  return absl::StrFormat("%.1f s", absl::ToDoubleSeconds(duration));
}

std::string AcceptingName(const Lab& lab, const LineResult& line) {
  const v1::LabNode* node = lab.Find(line.accepting);
  if (node == nullptr) return "no node";
  return absl::StrCat(line.accepting.str(), " ", node->name());
}

void ShowCases(const Lab& lab, const DemoFindings& findings, Console& console) {
  std::map<std::string, std::map<std::string, int>> rows;
  std::map<std::string, int> totals;
  for (const LineResult& line : findings.feed.lines) {
    ++rows[AcceptingName(lab, line)][line.outcome.final_state];
    ++totals[line.outcome.final_state];
  }
  std::vector<std::string> header = {"cases by accepting province"};
  for (const auto& [state, count] : totals) header.push_back(state);
  header.push_back("all");
  Table table(header);
  const auto add = [&](const std::string& name, const std::map<std::string, int>& counts) {
    std::vector<std::string> row = {name};
    int all = 0;
    for (const auto& [state, total] : totals) {
      const auto found = counts.find(state);
      row.push_back(found == counts.end() ? "." : absl::StrCat(found->second));
      all += found == counts.end() ? 0 : found->second;
    }
    row.push_back(absl::StrCat(all));
    table.AddRow(std::move(row));
  };
  for (const auto& [name, counts] : rows) add(name, counts);
  table.AddRule();
  add("all", totals);
  console.Show(table);
  console.Say("");

  std::map<std::pair<std::string, std::string>, int> reasons;
  for (const LineResult& line : findings.feed.lines) {
    if (!line.outcome.reason.empty()) ++reasons[{line.outcome.final_state, line.outcome.reason}];
  }
  Table reason_table({"refusals and reasons", "reason", "cases"});
  for (const auto& [key, count] : reasons) {
    reason_table.AddRow({key.first, key.second, absl::StrCat(count)});
  }
  console.Show(reason_table);
  console.Say("");
}

// Flows added up by lane and kind.
std::map<std::pair<v1::Lane, v1::MessageKind>, FlowCounts> ByKind(const Flows& flows) {
  std::map<std::pair<v1::Lane, v1::MessageKind>, FlowCounts> kinds;
  for (const auto& [key, flow] : flows) {
    FlowCounts& sum = kinds[{key.lane, key.kind}];
    sum.sender_accepted += flow.sender_accepted;
    sum.broker_accepted += flow.broker_accepted;
    sum.sender_delivered += flow.sender_delivered;
    sum.broker_delivered += flow.broker_delivered;
    sum.recipient_applied += flow.recipient_applied;
    sum.broker_refused += flow.broker_refused;
    sum.broker_noticed += flow.broker_noticed;
  }
  return kinds;
}

void ShowMessages(const Flows& flows, Console& console) {
  Table table({"messages between provinces", "accepted: senders", "broker's log",
               "receipted: senders", "broker's log", "applied: recipients", "refused", "notices",
               "equal"});
  FlowCounts all;
  bool all_agree = true;
  const auto add = [&](const std::string& name, const FlowCounts& sum, absl::string_view equal) {
    table.AddRow({name, absl::StrCat(sum.sender_accepted), absl::StrCat(sum.broker_accepted),
                  absl::StrCat(sum.sender_delivered), absl::StrCat(sum.broker_delivered),
                  absl::StrCat(sum.recipient_applied), absl::StrCat(sum.broker_refused),
                  absl::StrCat(sum.broker_noticed), std::string(equal)});
  };
  for (const auto& [key, sum] : ByKind(flows)) {
    if (key.first != v1::LANE_BUSINESS) continue;
    const bool agree = std::all_of(flows.begin(), flows.end(), [&key = key](const auto& flow) {
      return flow.first.lane != key.first || flow.first.kind != key.second || flow.second.Agree();
    });
    all_agree = all_agree && agree;
    add(v1::MessageKind_Name(key.second), sum, agree ? "yes" : "NO");
    all.sender_accepted += sum.sender_accepted;
    all.broker_accepted += sum.broker_accepted;
    all.sender_delivered += sum.sender_delivered;
    all.broker_delivered += sum.broker_delivered;
    all.recipient_applied += sum.recipient_applied;
    all.broker_refused += sum.broker_refused;
    all.broker_noticed += sum.broker_noticed;
  }
  table.AddRule();
  add("all", all, all_agree ? "yes" : "NO");
  console.Show(table);
  for (const std::string& difference : Differences(flows)) console.Say(difference);
  console.Say("");
}

struct Percentiles {
  absl::Duration p50, p95, most;
};

Percentiles CaseTimes(const FeedResult& feed) {
  std::vector<absl::Duration> times;
  for (const LineResult& line : feed.lines) {
    if (line.took > absl::ZeroDuration()) times.push_back(line.took);
  }
  if (times.empty()) return {};
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[times.size() * 95 / 100], times.back()};
}

void ShowTimes(const DemoFindings& findings, Console& console) {
  const Percentiles times = CaseTimes(findings.feed);
  Table table({"times", ""});
  table.AddRow({"network made", Seconds(findings.made)});
  table.AddRow({"processes started", Seconds(findings.started)});
  table.AddRow(
      {absl::StrCat(findings.links.size(), " connectivity tests"), Seconds(findings.tested)});
  table.AddRow(
      {absl::StrCat(findings.feed.lines.size(), " applications"), Seconds(findings.feed.took)});
  table.AddRow({"one case, median", Seconds(times.p50)});
  table.AddRow({"one case, 95 of 100", Seconds(times.p95)});
  table.AddRow({"one case, longest", Seconds(times.most)});
  table.AddRow({"last receipts and counting", Seconds(findings.counted)});
  console.Show(table);
  console.Say("");
}

void ShowProblems(const DemoFindings& findings, Console& console) {
  std::size_t shown = 0;
  for (const LineResult& line : findings.feed.lines) {
    if (line.problem.ok() || ++shown > kShownProblems) continue;
    console.Say(absl::StrCat("NOT CERTAIN ", line.outcome.ref.value_or("-"), ": ",
                             DescribeError(line.problem)));
  }
  if (!findings.comparison.has_value()) {
    console.Say("There is no expected.jsonl to compare with.");
    return;
  }
  const Comparison& comparison = *findings.comparison;
  shown = 0;
  for (const std::string& line : comparison.unexpected) {
    if (++shown <= kShownProblems) console.Say(absl::StrCat("UNEXPECTED ", line));
  }
  console.Say(absl::StrCat(
      comparison.as_expected, " of ", findings.feed.lines.size(),
      " applications ended as expected, ", comparison.unexpected.size(), " did not",
      comparison.other_network == 0
          ? ""
          : absl::StrCat(
                ", ", comparison.other_network,
                " cannot be compared: expected.jsonl is of the whole network with all links"),
      comparison.lengths_differ ? "; expected.jsonl has another number of lines" : "", "."));
}

}  // namespace

void ShowReport(const Lab& lab, const DemoFindings& findings, Console& console) {
  if (console.json()) return;
  console.Say("");
  ShowCases(lab, findings, console);
  ShowMessages(findings.flows, console);
  ShowTimes(findings, console);
  ShowProblems(findings, console);
}

JsonValue ReportJson(const DemoFindings& findings) {
  const auto number = [](std::uint64_t value) {
    return JsonValue::Integer(static_cast<std::int64_t>(value));
  };
  const auto milliseconds = [](absl::Duration value) {
    return JsonValue::Integer(absl::ToInt64Milliseconds(value));
  };
  std::map<std::string, std::uint64_t> states;
  for (const LineResult& line : findings.feed.lines) ++states[line.outcome.final_state];
  JsonValue cases = JsonValue::Object();
  for (const auto& [state, count] : states) cases.Set(state, number(count));
  JsonValue messages = JsonValue::Array();
  for (const auto& [key, sum] : ByKind(findings.flows)) {
    messages.Append(JsonValue::Object()
                        .Set("lane", Shorten(v1::Lane_Name(key.first), "LANE_"))
                        .Set("kind", v1::MessageKind_Name(key.second))
                        .Set("accepted_by_senders", number(sum.sender_accepted))
                        .Set("accepted_by_broker", number(sum.broker_accepted))
                        .Set("receipted_at_senders", number(sum.sender_delivered))
                        .Set("delivered_by_broker", number(sum.broker_delivered))
                        .Set("applied_by_recipients", number(sum.recipient_applied)));
  }
  JsonValue report = JsonValue::Object();
  report.Set("applications", number(findings.feed.lines.size()));
  report.Set("links", number(findings.links.size()));
  report.Set("cases", std::move(cases));
  report.Set("messages", std::move(messages));
  report.Set("differences", number(Differences(findings.flows).size()));
  report.Set("feed_ms", milliseconds(findings.feed.took));
  report.Set("links_ms", milliseconds(findings.tested));
  if (findings.comparison.has_value()) {
    report.Set("as_expected", number(findings.comparison->as_expected));
    report.Set("unexpected", number(findings.comparison->unexpected.size()));
    report.Set("not_comparable", number(findings.comparison->other_network));
  }
  return report;
}

absl::Status JudgeFindings(const DemoFindings& findings) {
  const auto fail = [](absl::string_view what, absl::string_view next) {
    return contract::MakeError(v1::REPORT_REFUSED, v1::SIDE_MINE, what, next);
  };
  const auto uncertain = std::count_if(findings.feed.lines.begin(), findings.feed.lines.end(),
                                       [](const LineResult& line) { return !line.problem.ok(); });
  if (uncertain > 0) {
    return fail(absl::StrCat(uncertain, " applications did not come to an end."),
                "See NOT CERTAIN above, and the logs in the network's folder.");
  }
  if (const auto differences = Differences(findings.flows); !differences.empty()) {
    return fail(absl::StrCat(differences.size(), " counts of broker and nodes differ."),
                "See the messages table, and the logs in the network's folder.");
  }
  if (findings.comparison.has_value() &&
      (!findings.comparison->unexpected.empty() || findings.comparison->lengths_differ)) {
    return fail(absl::StrCat(findings.comparison->unexpected.size(),
                             " applications ended otherwise than expected."),
                "See UNEXPECTED above, and `yizhan case show` of the case.");
  }
  return absl::OkStatus();
}

}  // namespace yizhan::tools
