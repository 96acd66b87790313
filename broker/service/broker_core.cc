#include "broker/service/broker_core.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/service/core_state.h"
#include "broker/service/receive_handler.h"
#include "broker/service/session_events.h"
#include "broker/service/stream_events.h"
#include "broker/service/sweeper.h"
#include "broker/store/keys.h"
#include "protos/contract/errors.h"

namespace yizhan::broker {
namespace {

// How long after the loss of a store nodes bring the directory back.
constexpr absl::Duration kYoung = absl::Hours(24);

absl::Status ConfigInvalid(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, what, next_step);
}

absl::Status LoadMeta(CoreState& state, Moment now) {
  if (state.records.Read(OwnKey('M', ""), &state.meta)) {
    if (state.meta.format() == kStoreFormat) return absl::OkStatus();
    return ConfigInvalid(absl::StrCat("data_dir has store format ", state.meta.format(),
                                      "; this build reads ", kStoreFormat),
                         "Run the build that wrote it, or migrate the store.");
  }
  if (!state.records.status().ok()) return BrokerCore::StorageFailed(state.records.status());
  state.meta.set_format(kStoreFormat);
  state.meta.set_incarnation(
      contract::RandomFixed<contract::Incarnation>(*state.options.random).str());
  state.meta.set_begun_unix_us(now.unix_us());
  state.records.Write(OwnKey('M', ""), state.meta);
  return absl::OkStatus();
}

absl::Status CheckSigner(const CoreState& state, absl::Time now) {
  const auto owner = state.directory.state().FindSigner(state.options.signer->key_id(), now);
  if (owner && owner->broker) return absl::OkStatus();
  return ConfigInvalid(absl::StrCat("keys.sign_private_key: the directory has no broker key ",
                                    state.options.signer->key_id().hex()),
                       "Use the active key that the network's directory has for the broker.");
}

}  // namespace

BrokerCore::BrokerCore(std::unique_ptr<CoreState> state) : state_(std::move(state)) {}
BrokerCore::~BrokerCore() = default;

absl::Status BrokerCore::StorageFailed(const absl::Status& cause) {
  return contract::MakeError(
      v1::STORAGE_FAILED, v1::SIDE_BROKER,
      absl::StrCat("the store in data_dir failed: ", cause.message()),
      "Nothing more is accepted. Check disk and file system, then start the broker again: what was "
      "acknowledged is on disk, and senders repeat the rest.");
}

absl::StatusOr<std::unique_ptr<BrokerCore>> BrokerCore::Create(Options options, Moment now) {
  auto state = std::make_unique<CoreState>(std::move(options));
  state->boot_nonce = contract::RandomFixed<contract::BootNonce>(*state->options.random);
  if (absl::Status s = LoadMeta(*state, now); !s.ok()) return s;
  state->boxes.Load();
  state->mailboxes.Load();
  state->timers.Load();
  state->evidence.Load(*state->options.random);
  state->progresses.Load();
  absl::Status directory =
      state->directory.Load(state->options.genesis, state->options.genesis_digest, now.wall);
  if (!state->records.status().ok()) return StorageFailed(state->records.status());
  if (!directory.ok()) return directory;
  if (absl::Status s = CheckSigner(*state, now.wall); !s.ok()) return s;
  state->evidence.Flush();
  if (absl::Status s = state->records.Commit(); !s.ok()) return StorageFailed(s);
  return std::unique_ptr<BrokerCore>(new BrokerCore(std::move(state)));
}

void BrokerCore::SetTestRuns(TestRuns* runs) {
  state_->runs = runs;
  state_->admission.SetTestRuns(runs);
}

void BrokerCore::SetFreeDiskBytes(std::uint64_t bytes) { state_->free_disk_bytes = bytes; }

absl::StatusOr<v1::OpenSessionResponse> BrokerCore::OpenSession(
    const Caller& caller, const v1::OpenSessionRequest& request, Moment now) {
  return broker::OpenSession(*state_, caller, request, now);
}

void BrokerCore::OnSubmit(StreamId stream, const Caller& caller, const v1::SubmitRequest& request,
                          Moment now) {
  OnSubmitFrame(*state_, stream, caller, request, now);
}

void BrokerCore::OnReceive(StreamId stream, const Caller& caller, const v1::ReceiveRequest& request,
                           Moment now) {
  OnReceiveFrame(*state_, stream, caller, request, now);
}

void BrokerCore::StreamClosed(StreamId stream) { ForgetStream(*state_, stream); }

absl::StatusOr<v1::FetchEntriesResponse> BrokerCore::FetchEntries(
    const v1::FetchEntriesRequest& request) {
  return state_->directory.Fetch(request);
}

absl::StatusOr<v1::AppendEntryResponse> BrokerCore::AppendEntry(const v1::SignedEntry& entry,
                                                                Moment now) {
  if (absl::Status s = AppendEntryInternal(entry, now); !s.ok()) return s;
  v1::AppendEntryResponse response;
  *response.mutable_head() = directory().head();
  return response;
}

absl::Status BrokerCore::ProposeChange(contract::ProvinceCode caller, const v1::SignedEntry& entry,
                                       Moment now) {
  return state_->proposals.Propose(caller, entry, now.wall);
}

v1::ListProposalsResponse BrokerCore::ListProposals(contract::ProvinceCode caller, Moment now) {
  return state_->proposals.List(caller, now.wall);
}

bool BrokerCore::TakesDirectoryOfStrangers(Moment now) const {
  return now.wall < absl::FromUnixMicros(state_->meta.begun_unix_us()) + kYoung;
}

absl::Status BrokerCore::AppendEntryInternal(const v1::SignedEntry& entry, Moment now) {
  if (absl::Status s = state_->directory.Append(entry, now.wall); !s.ok()) return s;
  state_->Log(LogLine::Level::kInfo,
              absl::StrCat("directory entry ", directory().head().size(), " appended"));
  JudgeSessions(*state_);
  return absl::OkStatus();
}

void BrokerCore::Tick(Moment now) { Sweep(*state_, now); }

void BrokerCore::StopLeasing() { state_->leasing = false; }

absl::StatusOr<BrokerCore::ClosedGroup> BrokerCore::Close(Moment now) {
  CoreState& state = *state_;
  if (!state.records.status().ok()) return StorageFailed(state.records.status());
  const auto sign = [&] {
    const absl::Status s = state.outgoing.SignAll();
    if (!s.ok()) state.records.Fail(s);  // a promise that cannot be signed cannot be kept
    return s;
  };
  if (absl::Status s = sign(); !s.ok()) return s;
  for (auto& [number, session] : state.sessions.all()) Pump(state, session, now);
  if (absl::Status s = sign(); !s.ok()) return s;  // of what is shown with deliveries
  state.stats.signatures = state.outgoing.signatures();
  state.pushed_runs.clear();
  state.boxes.Flush();
  state.evidence.Flush();
  state.timers.Flush();
  state.progresses.Flush();
  auto changes = state.records.Detach();
  if (!changes.ok()) return StorageFailed(changes.status());
  return ClosedGroup{*std::move(changes), std::exchange(state.effects, {})};
}

void BrokerCore::Settle() { state_->records.transaction().Settle(); }

absl::Status BrokerCore::Commit(Moment now) {
  absl::StatusOr<ClosedGroup> group = Close(now);
  if (!group.ok()) return group.status();
  if (!group->changes->empty()) {
    const absl::Status written = state_->options.store->Write(*group->changes);
    if (!written.ok()) {
      state_->records.Fail(written);
      return StorageFailed(written);
    }
  }
  Settle();
  for (Effect& effect : group->effects) state_->released.push_back(std::move(effect));
  return absl::OkStatus();
}

std::vector<Effect> BrokerCore::TakeEffects() { return std::exchange(state_->released, {}); }

std::vector<LogLine> BrokerCore::TakeLogLines() { return std::exchange(state_->log_lines, {}); }

const BrokerStats& BrokerCore::stats() const { return state_->stats; }

platform::Transaction& BrokerCore::transaction() { return state_->records.transaction(); }

const contract::DirectoryState& BrokerCore::directory() const { return state_->directory.state(); }

contract::SignatureChecker& BrokerCore::checker() { return state_->directory.checker(); }

const contract::Hasher& BrokerCore::hasher() const { return *state_->options.algorithms.hasher; }

const contract::Signer& BrokerCore::signer() const { return *state_->options.signer; }

contract::Random& BrokerCore::random() { return *state_->options.random; }

std::optional<contract::ProvinceCode> BrokerCore::ProvinceOf(const Caller& caller) const {
  return directory().ProvinceOfCertificate(caller);
}

std::vector<v1::TraceStep> BrokerCore::EvidenceOf(const contract::Digest& header_digest) {
  return state_->evidence.OfHeader(header_digest);
}

std::vector<v1::TraceStep> BrokerCore::EvidenceOfRun(const contract::RunId& run) {
  return state_->evidence.OfRun(run);
}

void BrokerCore::PushRun(contract::ProvinceCode province, const v1::LinkRun& run) {
  state_->pushed_runs[province].push_back(run);
}

void BrokerCore::CloseRun(const contract::RunId& run) {
  const absl::Status why = contract::MakeError(
      v1::TEST_RUN_UNKNOWN, v1::SIDE_MINE, absl::StrCat("test run ", run.hex(), " has ended"),
      "Nothing to do; a new run gets a session of its own.");
  std::vector<contract::SessionNumber> sessions;
  for (const auto& [number, session] : state_->sessions.all()) {
    if (session.box.lane == v1::LANE_TEST && session.box.run == run) sessions.push_back(number);
  }
  for (const contract::SessionNumber number : sessions) EndSession(*state_, number, why);
  std::vector<BoxKey> boxes;
  for (const auto& [box, head] : state_->boxes.all()) {
    if (box.lane == v1::LANE_TEST && box.run == run) boxes.push_back(box);
  }
  for (const BoxKey& box : boxes) {
    state_->dispatchers.erase(box);
    state_->mailboxes.Drop(box);
  }
}

}  // namespace yizhan::broker
