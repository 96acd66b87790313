// The one implementation of NodeCore; private to this folder.
#ifndef YIZHAN_PROVINCE_NODES_APP_CORE_IMPL_H_
#define YIZHAN_PROVINCE_NODES_APP_CORE_IMPL_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "province_nodes/app/node_core.h"
#include "province_nodes/inbox/inbox.h"
#include "province_nodes/outbox/outbox.h"
#include "province_nodes/recovery/control_post.h"
#include "province_nodes/recovery/recovery.h"
#include "province_nodes/recovery/returning.h"
#include "province_nodes/store/lane.h"

namespace yizhan::node {

// What commands and sessions are refused with until the store is recovered.
absl::Status StoreIsBehind();

class CoreImpl final : public NodeCore, private LaneHost {
 public:
  CoreImpl(NodeCoreOptions options, NodeCoreDeps deps, absl::Time now);
  absl::Status Load();

  void OnSessionOpened(const v1::OpenSessionResponse& response, absl::Time now) override;
  void OnSubmitResponse(const v1::SubmitResponse& response, absl::Time now) override;
  void OnReceiveResponse(const v1::ReceiveResponse& response, absl::Time now) override;
  void OnDirectoryEntries(const v1::FetchEntriesRequest& request,
                          const absl::StatusOr<v1::FetchEntriesResponse>& response,
                          absl::Time now) override;
  void OnEntryAppended(const absl::Status& status, absl::Time now) override;
  void OnDisconnected(const absl::Status& why, absl::Time now) override;

  void Tick(absl::Time now) override;
  absl::Status Run(const Command& command, absl::Time now) override;
  absl::Status Read(const Query& query) override;
  absl::StatusOr<v1::MessageRef> SendTestMessage(const OutgoingMessage& message,
                                                 absl::Time now) override;
  void ResumeSession() override { session_.Resume(); }
  absl::Status Recover(bool force, absl::Time now) override;
  v1::RecoveryStatus RecoveryStatus() const override;
  const contract::Incarnation& incarnation() const override { return lane_.incarnation; }
  absl::Status FinishGroup(absl::Time now) override;

  const Session& session() const override { return session_; }
  const contract::DirectoryState& directory() const override { return directory_->state(); }
  const v1::LogCheckpoint& log_checkpoint() const override { return lane_.log_checkpoint; }
  absl::StatusOr<v1::ListMessagesResponse> ListMessages(
      const v1::ListMessagesRequest& request) const override;
  v1::CountNodeMessagesResponse CountMessages() const override { return lane_.tally.All(); }
  NodeStatistics Statistics(absl::Time now) const override;

 private:
  // LaneHost
  absl::Status TellPassage(const SlotKey& slot, const v1::CaseMessage& message) override;
  absl::Status Apply(const InboundMessage& message) override;
  absl::Status ApplyOwn(const OutgoingMessage& message) override;
  absl::Status TakeBack(contract::ProvinceCode peer, const contract::CaseHandle& handle) override {
    return recovery_.TakeBack(peer, handle);
  }

  // Remembers a storage error; after it nothing is done any more.
  void Take(const absl::Status& status);
  bool BeginEvent(absl::Time now);  // false after a fault
  bool LinkOpen(contract::ProvinceCode home) const;

  // Carries out what a call to the case service asked for, messages to the own
  // province included.
  absl::Status CarryOut(CaseEffects effects);
  absl::Status DeliverLocally(const OutgoingMessage& message, std::deque<OutgoingMessage>& queue);
  void Announce(CaseEffects& effects);

  // recovery_events.cc
  absl::Status LoadProgress();
  absl::StatusOr<v1::StoreProgress> Progress() const;
  absl::Status CheckNotRecovering(const CaseEffects& effects) const;
  absl::Status AdvanceRecovery();

  // directory_events.cc
  void LearnDirectoryHead(const v1::DirectoryHead& head);
  void TryRefusedHeadAgain();
  void FetchDirectoryIfBehind();
  void NoticeDirectory();
  void AskForBrokersHead();
  void OfferDirectoryIfAhead(const v1::DirectoryHead& brokers);
  void OfferNext();

  // exchange_events.cc
  void LearnCheckpoint(const v1::LogCheckpoint& checkpoint);
  void StartStreams();
  absl::Status OnControl(const v1::ControlItem& item);
  absl::Status OnVerifiedControl(const v1::ControlRecord& record,
                                 const contract::ParsedControl& parsed);
  void DrainControls();
  void SessionEnded(const absl::Status& why);
  void CloseSession(const absl::Status& why);

  // node_core.cc
  absl::Status PrepareGroup();
  void SaveMeta();
  void LetOut();
  void SendFrames();
  v1::ReceiveRequest NextReceiveFrame();

  // Constant after construction.
  const NodeCoreOptions options_;
  DirectoryCopy* const directory_;
  Transport* const transport_;
  NodeObserver* const observer_;
  const contract::BootNonce boot_nonce_;

  Lane lane_;
  Session session_;
  Outbox outbox_;
  Inbox inbox_;
  ControlPost control_post_;
  Recovery recovery_;
  Returning returning_;
  std::unique_ptr<CaseService> cases_;
  absl::Status fault_;

  std::uint64_t directory_revision_ = 0;
  bool fetching_ = false;
  // Entry that the broker is given next; nothing while it has them all.
  std::optional<std::uint64_t> offering_;
  absl::Time next_fetch_ = absl::InfinitePast();
  v1::DirectoryHead refused_head_;  // of a log that did not verify, or forked
  absl::Time refused_until_;

  store::LaneMeta meta_;
  bool meta_changed_ = false;
  bool streams_up_ = false;
  bool greeted_ = false;  // hellos of this session were sent
  bool other_broker_ = false;
  // As of the start. Shown until the first session: what was made since by a
  // store from a backup must not hide what it has lost.
  v1::StoreProgress progress_at_start_;
  // Control records of this session: handled, and acknowledged. A new session
  // begins at 0 and gets again what the broker has no acknowledgement of, so that
  // answers that were lost with the old session are given again.
  std::uint64_t control_cursor_ = 0;
  std::uint64_t acknowledged_cursor_ = 0;
  std::deque<v1::ControlItem> waiting_controls_;  // for directory entries
  // What the broker has left as it counts; the last delivery may overdraw it.
  std::int64_t credit_messages_left_ = 0;
  std::int64_t credit_bytes_left_ = 0;
  absl::Time next_sweep_ = absl::InfinitePast();

  // Effects of the group on the transport.
  std::vector<v1::OpenSessionRequest> opens_;
  std::vector<v1::FetchEntriesRequest> fetches_;
  std::vector<v1::AppendEntryRequest> appends_;
  bool close_ = false;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_APP_CORE_IMPL_H_
