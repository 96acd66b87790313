// The part of the core that recovers a restored store.
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "province_nodes/app/core_impl.h"
#include "province_nodes/store/proto_io.h"

namespace yizhan::node {
namespace {

absl::Status WaitsForPeer(contract::ProvinceCode peer) {
  v1::ErrorDetail detail;
  detail.set_reason(v1::RESTORED);
  detail.set_side(v1::SIDE_THEIRS);
  detail.set_what(absl::StrCat("This node was restored from a backup, and province ", peer.str(),
                               " has not given back yet what was exchanged in this case"));
  detail.set_next_step(
      "Wait: `yizhan node status` shows how far the recovery is. Cases with other "
      "provinces go on.");
  detail.set_retry_after_ms(5'000);
  return contract::MakeError(detail);
}

}  // namespace

absl::Status StoreIsBehind() {
  return contract::MakeError(
      v1::RESTORED, v1::SIDE_MINE,
      "This node's store is behind what the broker saw of it: it was restored from a backup",
      "Check that no other node of the province runs, then run `yizhan node recover`.");
}

// What is shown is stored, or is stored with the group that shows it.
absl::StatusOr<v1::StoreProgress> CoreImpl::Progress() const {
  v1::StoreProgress progress;
  progress.set_session_number(meta_.session_number());
  progress.set_issuer_number(lane_.issuer_number);
  const absl::StatusOr<bool> recovered = WasRecovered(lane_.txn);
  if (!recovered.ok()) return recovered.status();
  progress.set_recovered(*recovered);
  const std::string prefix = lane_.keys.PairCounters();
  YIZHAN_RETURN_IF_ERROR(lane_.txn.Scan(prefix, platform::PrefixEnd(prefix),
                                        [&](absl::string_view key, absl::string_view value) {
                                          if (key.size() != prefix.size() + 1)
                                            return true;  // another table
                                          v1::PairProgress& pair = *progress.add_pairs();
                                          pair.set_peer(static_cast<unsigned char>(key.back()));
                                          pair.set_pair_counter(DecodeU64(value));
                                          return true;
                                        }));
  return progress;
}

absl::Status CoreImpl::LoadProgress() {
  absl::StatusOr<v1::StoreProgress> now = Progress();
  if (now.ok()) progress_at_start_ = *std::move(now);
  return now.status();
}

absl::Status CoreImpl::Recover(bool force, absl::Time now) {
  if (!BeginEvent(now)) return fault_;
  if (lane_.test() || (!meta_.restored() && !force && !recovery_.active())) {
    return contract::MakeError(
        v1::STATE_NOT_ALLOWED, v1::SIDE_MINE,
        "Nobody has said that this node's store is behind, so there is nothing to recover",
        "Connect the node to the broker first. Where the broker has lost its own store too, and "
        "this one is known to come from a backup, use --force.");
  }
  if (recovery_.active() && !meta_.restored()) return absl::OkStatus();  // goes on
  const Lane::Mark mark = lane_.SetMark();
  absl::Status begun = recovery_.Begin();
  if (begun.ok()) begun = cases_->OnRecoveryBegan(lane_.txn, now);
  if (!begun.ok()) {
    lane_.RollBackTo(mark);
    Take(begun);
    return begun;
  }
  meta_.set_restored(false);
  meta_changed_ = true;
  if (session_.open()) CloseSession(absl::UnavailableError("the node is recovered"));
  Take(LoadProgress());
  session_.Recovered();
  return absl::OkStatus();
}

v1::RecoveryStatus CoreImpl::RecoveryStatus() const {
  v1::RecoveryStatus status = recovery_.Status();
  status.set_restored(meta_.restored());
  return status;
}

absl::Status CoreImpl::CheckNotRecovering(const CaseEffects& effects) const {
  if (!recovery_.active() && lane_.recovering.own_waiting == 0) return absl::OkStatus();
  std::vector<std::pair<contract::ProvinceCode, contract::CaseHandle>> touched;
  for (const OutgoingMessage& message : effects.messages) {
    touched.emplace_back(message.destination, message.case_handle);
  }
  for (const v1::CaseView& view : effects.changed) {
    const auto handle = contract::CaseHandle::From(view.case_handle());
    if (!handle.has_value()) continue;
    touched.emplace_back(contract::ProvinceCode(view.accepting()), *handle);
    touched.emplace_back(contract::ProvinceCode(view.home()), *handle);
  }
  for (const auto& [peer, handle] : touched) {
    if (peer == lane_.province) continue;
    const absl::StatusOr<bool> blocked = recovery_.Blocks(peer, handle);
    if (!blocked.ok()) return blocked.status();
    if (*blocked) return WaitsForPeer(peer);
  }
  return absl::OkStatus();
}

absl::Status CoreImpl::ApplyOwn(const OutgoingMessage& message) {
  CaseEffects effects;
  YIZHAN_RETURN_IF_ERROR(cases_->OnReturned(lane_.txn, message, effects));
  effects.messages.clear();
  return CarryOut(std::move(effects));
}

absl::Status CoreImpl::AdvanceRecovery() {
  absl::StatusOr<bool> peer_done = recovery_.Advance();
  if (!peer_done.ok()) return peer_done.status();
  if (*peer_done) {
    // Answers of provincial systems that came while the case waited were refused.
    absl::StatusOr<std::vector<SystemTask>> tasks = cases_->PendingSystemTasks(lane_.txn);
    if (!tasks.ok()) return tasks.status();
    for (SystemTask& task : *tasks) {
      lane_.after_commit.push_back(
          [task = std::move(task)](NodeObserver& observer) { observer.OnSystemTask(task); });
    }
  }
  return returning_.Advance();
}

}  // namespace yizhan::node
