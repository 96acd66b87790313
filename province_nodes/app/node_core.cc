#include "province_nodes/app/node_core.h"

#include <algorithm>
#include <utility>

#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "province_nodes/app/core_impl.h"
#include "province_nodes/store/proto_io.h"

namespace yizhan::node {
namespace {

constexpr absl::Duration kSweepEvery = absl::Seconds(1);
constexpr std::size_t kReceiptsOfAFrame = 512;

absl::Status CheckOptions(const NodeCoreOptions& options, const NodeCoreDeps& deps) {
  const bool test = options.lane == v1::LANE_TEST;
  const absl::Duration shortest = test ? contract::kMinTestMessageLife : contract::kMinMessageLife;
  const bool lane_fits = test ? !options.run.is_zero() && options.test_peer.valid()
                              : options.lane == v1::LANE_BUSINESS && options.run.is_zero();
  const bool complete = deps.store && deps.directory && deps.signer && deps.unwrapper &&
                        deps.random && deps.transport && deps.observer && deps.make_cases;
  if (options.province.valid() && lane_fits && complete && options.message_life >= shortest &&
      options.message_life <= contract::kMaxMessageLife) {
    return absl::OkStatus();
  }
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                             "Province, lane, run or message life of the core do not fit",
                             "Correct province and message_life_seconds (1 hour to 90 days).");
}

std::string PrefixOf(const NodeCoreOptions& options) {
  return options.lane == v1::LANE_TEST ? TestPrefix(options.run) : BusinessPrefix();
}

Lane MakeLane(const NodeCoreOptions& options, const NodeCoreDeps& deps, absl::Time now) {
  return Lane{options.province,
              options.lane,
              options.run,
              options.test_peer,
              options.message_life,
              options.reoffer_interval,
              LaneKeys(PrefixOf(options)),
              deps.algorithms,
              deps.signer,
              deps.unwrapper,
              deps.random,
              &deps.directory->state(),
              now,
              platform::Transaction(deps.store),
              {},
              {},
              options.incarnation,
              0,
              {},
              contract::SignatureChecker(deps.algorithms.hasher, deps.algorithms.verifier),
              {},
              {},
              {},
              {}};
}

}  // namespace

absl::StatusOr<std::unique_ptr<NodeCore>> NodeCore::Create(NodeCoreOptions options,
                                                           NodeCoreDeps deps, absl::Time now) {
  YIZHAN_RETURN_IF_ERROR(CheckOptions(options, deps));
  auto core = std::make_unique<CoreImpl>(std::move(options), std::move(deps), now);
  YIZHAN_RETURN_IF_ERROR(core->Load());
  return core;
}

CoreImpl::CoreImpl(NodeCoreOptions options, NodeCoreDeps deps, absl::Time now)
    : options_(std::move(options)),
      directory_(deps.directory),
      transport_(deps.transport),
      observer_(deps.observer),
      boot_nonce_(contract::RandomFixed<contract::BootNonce>(*deps.random)),
      lane_(MakeLane(options_, deps, now)),
      session_(deps.random),
      outbox_(&lane_, this),
      inbox_(&lane_, this),
      control_post_(&lane_, &outbox_),
      recovery_(&lane_, &outbox_, &inbox_, &control_post_),
      returning_(&lane_, &outbox_, &inbox_, &control_post_),
      cases_(deps.make_cases(lane_.keys.Cases(),
                             [this](contract::ProvinceCode home) { return LinkOpen(home); })),
      directory_revision_(directory_->revision()) {
  lane_.told_head = directory_->head();
}

absl::Status CoreImpl::Load() {
  auto meta = GetProto<store::LaneMeta>(lane_.txn, lane_.keys.Meta());
  if (!meta.ok()) return meta.status();
  meta_ = meta->value_or(store::LaneMeta());
  lane_.log_checkpoint = meta_.log_checkpoint();
  lane_.issuer_number = meta_.issuer_number();
  if (meta_.restored()) session_.StayDown(StoreIsBehind());
  YIZHAN_RETURN_IF_ERROR(recovery_.Load());
  YIZHAN_RETURN_IF_ERROR(returning_.Load());
  YIZHAN_RETURN_IF_ERROR(LoadProgress());
  YIZHAN_RETURN_IF_ERROR(lane_.tally.Load(lane_.txn, lane_.keys));
  YIZHAN_RETURN_IF_ERROR(outbox_.Load());
  return inbox_.Load();
}

bool CoreImpl::LinkOpen(contract::ProvinceCode home) const {
  if (home == lane_.province) return true;
  if (lane_.test()) return home == lane_.test_peer;
  const v1::RouteState state = directory_->state().Route({lane_.province, home}, lane_.now).state;
  return state == v1::ROUTE_OPEN || state == v1::ROUTE_PILOT;
}

void CoreImpl::Take(const absl::Status& status) {
  if (fault_.ok() && !status.ok()) fault_ = status;
}

bool CoreImpl::BeginEvent(absl::Time now) {
  lane_.now = now;
  if (fault_.ok()) NoticeDirectory();
  return fault_.ok();
}

void CoreImpl::Tick(absl::Time now) {
  if (!BeginEvent(now)) return;
  if (session_.WantsToOpen(now)) {
    v1::OpenSessionRequest request;
    request.set_protocol_version(contract::kProtocolVersion);
    request.set_province(lane_.province.value());
    request.set_lane(lane_.lane);
    if (lane_.test()) request.set_test_run_id(lane_.run.str());
    request.set_incarnation(lane_.incarnation.str());
    request.set_boot_nonce(boot_nonce_.str());
    request.set_now_unix_us(absl::ToUnixMicros(now));
    *request.mutable_directory_head() = directory_->head();
    *request.mutable_log_checkpoint() = lane_.log_checkpoint;
    request.set_build(options_.build);
    if (!lane_.test()) {
      if (session_.sessions_opened() > 0) Take(LoadProgress());
      *request.mutable_progress() = progress_at_start_;
    }
    opens_.push_back(std::move(request));
  }
  TryRefusedHeadAgain();
  FetchDirectoryIfBehind();
  if (now < next_sweep_) return;
  next_sweep_ = now + kSweepEvery;
  Take(outbox_.Sweep());
  if (fault_.ok()) Take(inbox_.Sweep());
}

absl::Status CoreImpl::FinishGroup(absl::Time now) {
  lane_.now = now;
  if (fault_.ok()) Take(PrepareGroup());
  if (!fault_.ok()) return fault_;
  LetOut();
  return absl::OkStatus();
}

absl::Status CoreImpl::PrepareGroup() {
  if (streams_up_) {
    YIZHAN_RETURN_IF_ERROR(AdvanceRecovery());
    YIZHAN_RETURN_IF_ERROR(outbox_.Prepare());
  }
  if (!lane_.sign_queue.empty()) {
    ++lane_.statistics.signing_operations;
    absl::Status signer_answer;
    YIZHAN_RETURN_IF_ERROR(
        lane_.sign_queue.SignAll(*lane_.signer, *lane_.algorithms.hasher, signer_answer));
    if (!signer_answer.ok()) {
      lane_.ReportSecurity(contract::ReasonOf(signer_answer), lane_.province,
                           "The signing key does not answer; messages and receipts wait");
    }
  }
  if (meta_.issuer_number() != lane_.issuer_number) {
    meta_.set_issuer_number(lane_.issuer_number);
    meta_changed_ = true;
  }
  if (meta_changed_) {
    PutProto(lane_.txn, lane_.keys.Meta(), meta_);
    meta_changed_ = false;
  }
  lane_.tally.Save(lane_.txn, lane_.keys);
  return lane_.txn.empty() ? absl::OkStatus() : lane_.txn.Commit();
}

// Everything here rests on what is committed.
void CoreImpl::LetOut() {
  if (close_) transport_->CloseSession();
  close_ = false;
  for (const v1::OpenSessionRequest& open : std::exchange(opens_, {})) {
    transport_->OpenSession(open);
  }
  for (const v1::FetchEntriesRequest& fetch : std::exchange(fetches_, {})) {
    transport_->FetchDirectory(fetch);
  }
  for (const v1::AppendEntryRequest& append : std::exchange(appends_, {})) {
    transport_->AppendEntry(append);
  }
  if (streams_up_) SendFrames();
  const auto told = std::exchange(lane_.after_commit, {});
  for (const auto& tell : told) tell(*observer_);
}

void CoreImpl::SendFrames() {
  const bool greet = !std::exchange(greeted_, true);
  if (greet) {
    v1::SubmitRequest hello;
    hello.mutable_hello()->set_session_number(session_.number());
    transport_->SendSubmit(std::move(hello));
    v1::ReceiveRequest receive;
    receive.mutable_hello()->set_session_number(session_.number());
    transport_->SendReceive(std::move(receive));
  }
  for (v1::SubmitRequest& frame : outbox_.TakeFrames()) transport_->SendSubmit(std::move(frame));
  v1::ReceiveRequest frame = NextReceiveFrame();
  for (v1::ControlRecord& receipt : inbox_.TakeReceipts()) {
    if (frame.receipts_size() >= static_cast<int>(kReceiptsOfAFrame)) {
      transport_->SendReceive(std::exchange(frame, {}));
    }
    *frame.add_receipts() = std::move(receipt);
  }
  for (v1::HeldReport& held : inbox_.TakeHeld()) *frame.add_held() = std::move(held);
  if (frame.ByteSizeLong() > 0) transport_->SendReceive(std::move(frame));
}

// Credit and cursor.
v1::ReceiveRequest CoreImpl::NextReceiveFrame() {
  v1::ReceiveRequest frame;
  const auto messages = static_cast<std::int64_t>(options_.credit_messages);
  const auto bytes = static_cast<std::int64_t>(options_.credit_bytes);
  if (credit_messages_left_ < messages / 2 || credit_bytes_left_ < bytes / 2) {
    frame.set_credit_messages(static_cast<std::uint64_t>(messages - credit_messages_left_));
    frame.set_credit_bytes(static_cast<std::uint64_t>(bytes - credit_bytes_left_));
    credit_messages_left_ = messages;
    credit_bytes_left_ = bytes;
  }
  if (acknowledged_cursor_ != control_cursor_) {
    frame.set_control_cursor(control_cursor_);
    acknowledged_cursor_ = control_cursor_;
  }
  return frame;
}

NodeStatistics CoreImpl::Statistics(absl::Time now) const {
  NodeStatistics statistics = lane_.statistics;
  statistics.outbox = outbox_.Waiting(now);
  statistics.inbox_held = inbox_.held();
  return statistics;
}

}  // namespace yizhan::node
