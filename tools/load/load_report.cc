#include "tools/load/load_report.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"

namespace yizhan::tools {
namespace {

double Of(const LoadReport& report, const char* name) {
  const auto found = report.broker.find(name);
  return found == report.broker.end() ? 0 : found->second;
}

struct Figure {
  const char* name;  // of the JSON member
  const char* text;
  double value;
  int digits;
};

std::vector<Figure> FiguresOf(const LoadReport& r) {
  const double syncs = Of(r, "yizhan_broker_commit_seconds_count");
  const auto each_sync = [&](double sum) { return syncs > 0 ? sum / syncs : 0; };
  const auto count = [](std::uint64_t n) { return static_cast<double>(n); };
  return {
      {"accepted", "messages accepted", count(r.accepted), 0},
      {"refused", "messages refused", count(r.refused), 0},
      {"delivered", "messages delivered", count(r.delivered), 0},
      {"delivered_again", "delivered again", count(r.delivered_again), 0},
      {"receipted", "receipts at their senders", count(r.receipted), 0},
      {"accepted_per_second", "accepted a second", r.AcceptedPerSecond(), 0},
      {"receipted_per_second", "receipted a second, end to end", r.DeliveredPerSecond(), 0},
      {"accepted_p50_ms", "acceptance after, p50, ms", r.accepted_after.p50_ms, 2},
      {"accepted_p99_ms", "acceptance after, p99, ms", r.accepted_after.p99_ms, 2},
      {"receipted_p50_ms", "receipt after, p50, ms", r.receipted_after.p50_ms, 2},
      {"receipted_p99_ms", "receipt after, p99, ms", r.receipted_after.p99_ms, 2},
      {"quiet_accepted_p50_ms", "quiet senders: acceptance, p50, ms", r.quiet_accepted_after.p50_ms,
       2},
      {"quiet_accepted_p99_ms", "quiet senders: acceptance, p99, ms", r.quiet_accepted_after.p99_ms,
       2},
      {"syncs", "syncs of the broker", syncs, 0},
      {"messages_per_sync", "messages accepted a sync", each_sync(count(r.accepted)), 1},
      {"frames_per_sync", "frames a sync", each_sync(Of(r, "yizhan_broker_commit_frames_sum")), 1},
      {"commit_ms", "commit, mean, ms", each_sync(1000 * Of(r, "yizhan_broker_commit_seconds_sum")),
       2},
      {"broker_verifications", "signatures verified by the broker",
       Of(r, "yizhan_broker_signature_verifications_total"), 0},
      {"broker_signatures", "signatures made by the broker",
       Of(r, "yizhan_broker_signatures_total"), 0},
      {"sender_signatures", "signatures made by the senders", count(r.sender_signatures), 0},
      {"recipient_signatures", "signatures made by the recipients", count(r.recipient_signatures),
       0},
  };
}

}  // namespace

Table TableOf(const LoadReport& report) {
  Table table({"figure", "value"});
  table.AddRow({"body, bytes", absl::StrFormat("%d", report.plan.body_bytes)});
  table.AddRow({"messages a frame", absl::StrFormat("%d", report.plan.batch)});
  for (const Figure& figure : FiguresOf(report)) {
    table.AddRow({figure.text, absl::StrFormat("%.*f", figure.digits, figure.value)});
  }
  return table;
}

platform::JsonValue JsonOf(const LoadReport& report) {
  using platform::JsonValue;
  JsonValue out = JsonValue::Object();
  out.Set("senders", JsonValue::Integer(static_cast<std::int64_t>(report.plan.senders.size())));
  out.Set("mailboxes",
          JsonValue::Integer(static_cast<std::int64_t>(report.plan.recipients.size())));
  out.Set("quiet_senders", JsonValue::Integer(static_cast<std::int64_t>(report.plan.quiet.size())));
  out.Set("body_bytes", JsonValue::Integer(static_cast<std::int64_t>(report.plan.body_bytes)));
  out.Set("batch", JsonValue::Integer(static_cast<std::int64_t>(report.plan.batch)));
  out.Set("rate", JsonValue::Number(report.plan.per_second));
  for (const Figure& figure : FiguresOf(report)) {
    out.Set(figure.name, figure.digits == 0
                             ? JsonValue::Integer(static_cast<std::int64_t>(figure.value + 0.5))
                             : JsonValue::Number(figure.value));
  }
  return out;
}

}  // namespace yizhan::tools
