#include "province_nodes/linktest/run_lane.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "province_nodes/linktest/test_person.h"
#include "province_nodes/store/node_store.h"

namespace yizhan::node {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(20);
// Longest life of a test message: nothing of a run is of use after it.
constexpr absl::Duration kTestMessageLife = absl::Hours(24);
// Sightings that one probe may ask for.
constexpr int kMaxAsked = 16;

contract::ProvinceCode PeerIn(const v1::LinkRun& run, contract::ProvinceCode province) {
  return contract::ProvinceCode(run.initiator() == province.value() ? run.counterpart()
                                                                    : run.initiator());
}

}  // namespace

RunLane::RunLane(const LinkTestDeps& deps, const v1::LinkRun& run, LaneEvents* events)
    : deps_(deps),
      events_(events),
      run_(contract::RunId::From(run.run_id()).value_or(contract::RunId())),
      peer_(PeerIn(run, deps.province)),
      window_until_(absl::FromUnixMicros(run.window_until_unix_us())),
      random_(deps.make_random()),
      journal_(std::make_unique<LaneJournal>(deps.algorithms.hasher)),
      desk_(deps.province, deps.algorithms.hasher) {}

RunLane::~RunLane() {
  *reached_ = nullptr;  // events that still wait find nobody
  core_.reset();
  tap_.reset();
  transport_.reset();
}

absl::StatusOr<std::unique_ptr<RunLane>> RunLane::Create(const LinkTestDeps& deps,
                                                         const v1::LinkRun& run,
                                                         LaneEvents* events) {
  std::unique_ptr<RunLane> lane(new RunLane(deps, run, events));
  if (absl::Status started = lane->Start(); !started.ok()) return started;
  return lane;
}

absl::Status RunLane::Start() {
  absl::StatusOr<contract::Incarnation> incarnation =
      OpenNodeStore(store_, deps_.province, *random_, now());
  if (!incarnation.ok()) return incarnation.status();
  absl::StatusOr<std::unique_ptr<DirectoryCopy>> directory =
      DirectoryCopy::Load(store_, deps_.algorithms, deps_.genesis_digest, now());
  if (!directory.ok()) return directory.status();
  directory_ = *std::move(directory);
  transport_ = deps_.make_transport([events = events_, reached = reached_](CoreEvent event) {
    events->Post([reached, event = std::move(event)] {
      if (*reached != nullptr) event(**reached);
    });
  });
  tap_ = std::make_unique<TappedTransport>(transport_.get());

  NodeCoreOptions options;
  options.province = deps_.province;
  options.incarnation = *incarnation;
  options.lane = v1::LANE_TEST;
  options.run = run_;
  options.test_peer = peer_;
  options.message_life = kTestMessageLife;
  options.build = deps_.build;
  NodeCoreDeps core;
  core.store = &store_;
  core.directory = directory_.get();
  core.algorithms = deps_.algorithms;
  core.signer = deps_.signer;
  core.unwrapper = deps_.unwrapper;
  core.random = random_.get();
  core.transport = tap_.get();
  core.observer = journal_.get();
  core.make_cases = [this](std::string key_prefix,
                           std::function<bool(contract::ProvinceCode)> link_open) {
    return MakeCases(std::move(key_prefix), std::move(link_open));
  };
  absl::StatusOr<std::unique_ptr<NodeCore>> made = NodeCore::Create(options, core, now());
  if (!made.ok()) return made.status();
  core_ = *std::move(made);
  *reached_ = core_.get();
  return absl::OkStatus();
}

std::unique_ptr<CaseService> RunLane::MakeCases(
    std::string key_prefix, std::function<bool(contract::ProvinceCode)> link_open) {
  CaseServiceDeps cases;
  cases.province = deps_.province;
  cases.hasher = deps_.algorithms.hasher;
  cases.random = random_.get();
  cases.policy = deps_.policy;
  cases.key_prefix = std::move(key_prefix);
  cases.test_lane = true;
  cases.link_open = std::move(link_open);
  cases.point_designated = [](const std::string&, absl::CivilDay) { return true; };
  cases.division_known = [this](absl::string_view division) {
    return division == TestDivision(peer_) || division == TestDivision(deps_.province);
  };
  cases.check_portrait = deps_.check_portrait;
  return NewCaseService(std::move(cases));
}

bool RunLane::PumpUntil(const std::function<bool()>& done, absl::Duration timeout) {
  const absl::Duration end = deps_.clock->Monotonic() + timeout;
  while (status_.ok() && !events_->closed()) {
    if (done()) return true;
    const absl::Duration left = end - deps_.clock->Monotonic();
    if (left <= absl::ZeroDuration()) return false;
    Step(journal_->HasNews() ? absl::ZeroDuration() : std::min(left, kTick));
  }
  return false;
}

void RunLane::Step(absl::Duration longest) {
  for (LaneEvents::Task& task : events_->Take(longest)) task();
  ActOnNews();
  core_->Tick(now());
  status_ = core_->FinishGroup(now());
}

void RunLane::ActOnNews() {
  for (const SystemTask& task : std::exchange(journal_->tasks, {})) {
    if (absl::Status answered = desk_.Answer(*core_, task, now()); !answered.ok()) {
      deps_.log(absl::StrCat("connectivity test ", run_.hex(),
                             ": the test register's answer: ", std::string(answered.message())));
    }
  }
  for (const v1::CaseView& view : std::exchange(journal_->views, {})) {
    if (absl::Status reviewed = desk_.Review(*core_, *journal_, view, now()); !reviewed.ok()) {
      deps_.log(absl::StrCat("connectivity test ", run_.hex(),
                             ": the test review: ", std::string(reviewed.message())));
    }
  }
  for (const InboundMessage& probe : std::exchange(journal_->probes, {})) {
    v1::TestContent content;
    if (!content.ParseFromString(probe.payload.test_message().content())) continue;
    if (!content.answers()) Answer(probe, content);
  }
}

void RunLane::Answer(const InboundMessage& probe, const v1::TestContent& content) {
  v1::TestContent answer;
  answer.set_case_id(content.case_id());
  answer.set_answers(true);
  std::vector<contract::Digest> asked = {probe.header_digest};
  for (const std::string& bytes : content.ask_about()) {
    if (asked.size() > kMaxAsked) break;
    if (auto header = contract::Digest::From(bytes)) asked.push_back(*header);
  }
  for (const contract::Digest& header : asked) {
    v1::TestSighting* sighting = answer.add_sightings();
    sighting->set_header_digest(header.str());
    const LaneJournal::Received* seen = journal_->FindReceived(header);
    if (seen == nullptr) continue;
    sighting->set_applied(seen->applied);
    sighting->set_in_business_store(CountInBusinessStore(seen->message.case_handle));
    sighting->set_content_digest(
        deps_.algorithms.hasher->Hash(seen->message.payload.test_message().content()).str());
  }
  if (absl::StatusOr<v1::MessageRef> sent = SendTest(probe.case_handle, answer); !sent.ok()) {
    deps_.log(absl::StrCat("connectivity test ", run_.hex(),
                           ": answering a probe: ", std::string(sent.status().message())));
  }
}

absl::StatusOr<v1::MessageRef> RunLane::SendTest(const contract::CaseHandle& handle,
                                                 const v1::TestContent& content) {
  OutgoingMessage message;
  message.destination = peer_;
  message.kind = v1::TEST_MESSAGE;
  message.case_handle = handle;
  message.payload.set_format_version(contract::kFormatVersion);
  *message.payload.mutable_officer() = HomeDesk::Officer(deps_.province);
  message.payload.set_case_time_unix_us(absl::ToUnixMicros(now()));
  message.payload.mutable_test_message()->set_content(content.SerializeAsString());
  return core_->SendTestMessage(message, now());
}

absl::Status RunLane::RunCommand(const NodeCore::Command& command) {
  return core_->Run(command, now());
}

void RunLane::SendBesideCore(v1::SubmitItem item) {
  v1::SubmitRequest request;
  *request.mutable_batch()->add_items() = std::move(item);
  transport_->SendSubmit(std::move(request));
}

std::uint32_t RunLane::CountInBusinessStore(const contract::CaseHandle& handle) const {
  const LaneKeys keys(BusinessPrefix());
  const SlotKey first{peer_, handle, 0};
  const SlotKey last{peer_, handle, ~std::uint64_t{0}};
  std::uint32_t count = 0;
  const std::pair<std::string, std::string> ranges[] = {
      {keys.InboxRecord(first), keys.InboxRecord(last)},
      {keys.Held(first), keys.Held(last)},
      {keys.OutboxState(first), keys.OutboxState(last)},
      {keys.OutboxContent(first), keys.OutboxContent(last)}};
  for (const auto& [begin, end] : ranges) {
    for (auto it = deps_.business_store->Scan(begin, end); it->Valid(); it->Next()) ++count;
  }
  return count;
}

}  // namespace yizhan::node
