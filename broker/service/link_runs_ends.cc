// How runs end by themselves, and what admission sees of them.
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "broker/service/link_report.h"
#include "broker/service/link_runs.h"
#include "protos/contract/errors.h"
#include "protos/contract/link_suite.h"

namespace yizhan::broker {
namespace {

using contract::MakeError;
using contract::ProvinceCode;
using contract::RunId;

constexpr absl::Duration kLookEvery = absl::Seconds(1);
// A direction that failed lets the other one finish for so long.
constexpr absl::Duration kOtherDirection = absl::Seconds(30);
// Longer than any case waits: a node that restarted does not block the pair.
constexpr absl::Duration kIdle = absl::Minutes(10);

}  // namespace

absl::StatusOr<bool> LinkRuns::EndIfOver(v1::LinkRun& run, absl::Time now) const {
  absl::StatusOr<absl::Time> changed = store_.LastChange(*RunId::From(run.run_id()));
  if (!changed.ok()) return changed.status();
  if (run.state() == v1::RUN_OPEN && now - *changed > kOtherDirection) {
    for (std::uint32_t from : {run.initiator(), run.counterpart()}) {
      const std::string failed = FailedDirection(run, from);
      if (failed.empty()) continue;
      run.set_state(v1::RUN_FAILED);
      run.set_failure(absl::StrCat(failed, "; the other direction did not finish"));
      return true;
    }
  }
  const bool idle = now - *changed > kIdle;
  if (!idle && now < absl::FromUnixMicros(run.window_until_unix_us())) return false;
  run.set_failure(absl::StrCat(idle ? "nothing happened for ten minutes" : "the window is over",
                               " with ", run.verdicts_size(), " of ", run.expected_verdicts(),
                               " verdicts and ", run.signed_by_size(), " of 2 signatures"));
  run.set_state(v1::RUN_ABANDONED);
  return true;
}

absl::Status LinkRuns::OnTick(absl::Time now) {
  if (now < next_look_ && next_look_ - now <= kLookEvery) return absl::OkStatus();
  next_look_ = now + kLookEvery;
  absl::StatusOr<std::vector<v1::LinkRun>> runs = store_.OpenRuns();
  if (!runs.ok()) return runs.status();
  for (v1::LinkRun& run : *runs) {
    absl::StatusOr<bool> over = EndIfOver(run, now);
    if (!over.ok()) return over.status();
    if (*over) Save(run, now);
  }
  return absl::OkStatus();
}

std::optional<TestRun> LinkRuns::Describe(const std::optional<v1::LinkRun>& run,
                                          absl::Time now) const {
  if (!run) return std::nullopt;
  TestRun out;
  out.id = *RunId::From(run->run_id());
  out.initiator = ProvinceCode(run->initiator());
  out.counterpart = ProvinceCode(run->counterpart());
  out.window_until = absl::FromUnixMicros(run->window_until_unix_us());
  out.open = run->state() == v1::RUN_OPEN && now < out.window_until;
  absl::StatusOr<LinkRunStore::Used> used = store_.Budget(out.id);
  if (!used.ok()) return std::nullopt;
  out.messages_left = contract::kLinkRunMaxMessages - used->messages;
  out.bytes_left = contract::kLinkRunMaxBytes - used->bytes;
  return out;
}

std::optional<TestRun> LinkRuns::Find(const RunId& run, absl::Time now) const {
  absl::StatusOr<std::optional<v1::LinkRun>> found = store_.Run(run);
  return found.ok() ? Describe(*found, now) : std::nullopt;
}

std::optional<TestRun> LinkRuns::FindBetween(ProvinceCode a, ProvinceCode b, absl::Time now) const {
  absl::StatusOr<std::optional<v1::LinkRun>> found = store_.OpenRunOf(a, b);
  return found.ok() ? Describe(*found, now) : std::nullopt;
}

std::optional<TestRun> LinkRuns::FindOf(ProvinceCode province, absl::Time now) const {
  absl::StatusOr<std::vector<v1::LinkRun>> runs = store_.OpenRuns();
  if (!runs.ok()) return std::nullopt;
  for (const v1::LinkRun& run : *runs) {
    if (run.initiator() == province.value() || run.counterpart() == province.value()) {
      return Describe(run, now);
    }
  }
  return std::nullopt;
}

absl::Status LinkRuns::Charge(const RunId& run, std::uint64_t messages, std::uint64_t bytes) {
  absl::StatusOr<LinkRunStore::Used> used = store_.Budget(run);
  if (!used.ok()) return used.status();
  if (used->messages + messages > contract::kLinkRunMaxMessages ||
      used->bytes + bytes > contract::kLinkRunMaxBytes) {
    return MakeError(v1::QUOTA_EXCEEDED, v1::SIDE_MINE,
                     absl::StrCat("the connectivity test ", run.hex(), " has used up its ",
                                  contract::kLinkRunMaxMessages, " messages or ",
                                  contract::kLinkRunMaxBytes, " bytes"),
                     "let the run end and start a new one");
  }
  used->messages += messages;
  used->bytes += bytes;
  store_.PutBudget(run, *used);
  return absl::OkStatus();
}

}  // namespace yizhan::broker
