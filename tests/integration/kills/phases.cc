#include "tests/integration/kills/phases.h"

#include <numeric>

namespace yizhan::testing {
namespace {

// Of one node's newest messages: those in flight are among them.
constexpr std::size_t kLookBack = 500;

bool Waits(v1::Passage passage) {
  return passage == v1::PASSAGE_WAITING || passage == v1::PASSAGE_ACCEPTED;
}

}  // namespace

const char* NameOf(Phase phase) {
  switch (phase) {
    case Phase::kBeforeCommit:
      return "before commit";
    case Phase::kAfterCommit:
      return "after commit";
    case Phase::kInMailbox:
      return "in mailbox";
    case Phase::kBeforeReceipt:
      return "before receipt";
    case Phase::kReceiptOnItsWay:
      return "receipt on way";
  }
  return "";
}

std::uint64_t InFlight::total() const {
  return std::accumulate(messages.begin(), messages.end(), std::uint64_t{0});
}

bool KillScene::Concerns(const v1::NodeMessage& message) const {
  return killed_nodes_.empty() || killed_nodes_.contains(Province(message.source())) ||
         killed_nodes_.contains(Province(message.destination()));
}

absl::Status KillScene::Look(Province node) {
  const auto messages = witnesses_->Newest(node, kLookBack);
  if (!messages.ok()) return messages.status();
  for (const v1::NodeMessage& message : *messages) {
    if (message.created_unix_us() >= absl::ToUnixMicros(killed_) || !Concerns(message)) continue;
    if (message.source() != node.value()) {
      if (message.passage() == v1::PASSAGE_RECEIVED) applied_.insert(NameOf(message));
    } else if (Waits(message.passage())) {
      unended_.push_back(message);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Phase> KillScene::PhaseOf(const v1::NodeMessage& message) const {
  const auto evidence = witnesses_->Evidence(message.header_digest());
  if (!evidence.ok()) return evidence.status();
  bool committed = false;
  bool receipted = false;
  for (const v1::TraceStep& step : evidence->steps()) {
    if (step.at_unix_us() >= absl::ToUnixMicros(killed_)) continue;
    committed |= step.event() == v1::TRACE_ACCEPTED;
    receipted |= step.event() == v1::TRACE_DELIVERED;
  }
  if (receipted) return Phase::kReceiptOnItsWay;
  if (!committed) return Phase::kBeforeCommit;
  if (applied_.contains(NameOf(message))) return Phase::kBeforeReceipt;
  return message.passage() == v1::PASSAGE_ACCEPTED ? Phase::kInMailbox : Phase::kAfterCommit;
}

absl::StatusOr<InFlight> KillScene::Judge() const {
  InFlight found;
  for (const v1::NodeMessage& message : unended_) {
    const auto phase = PhaseOf(message);
    if (!phase.ok()) return phase.status();
    ++found.messages[static_cast<std::size_t>(*phase)];
  }
  return found;
}

}  // namespace yizhan::testing
