#include "tests/support/link_hub.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "adapters/platform/clock/clock.h"
#include "broker/store/keys.h"
#include "protos/contract/limits.h"
#include "province_nodes/app/node_core.h"

namespace yizhan::testing {

using broker::BrokerCore;
using broker::Effect;
using broker::LinkRuns;
using broker::Moment;
using contract::ProvinceCode;

// The runs' host that keeps pushes until the group is committed.
class LinkHub::Host final : public broker::LinkRunHost {
 public:
  explicit Host(BrokerCore* core) : core_(core) {}
  const contract::DirectoryState& directory() const override { return core_->directory(); }
  absl::Status AppendReport(const v1::SignedEntry& entry, Moment now) override {
    return core_->AppendEntryInternal(entry, now);
  }
  absl::StatusOr<std::vector<v1::TraceStep>> Trace(const contract::Digest& header) override {
    return core_->EvidenceOf(header);
  }
  void PushRun(ProvinceCode province, const v1::LinkRun& run) override {
    pushed[province.value()].push_back(run);
  }
  void CloseRun(const contract::RunId& run) override { core_->CloseRun(run); }

  std::map<std::uint32_t, std::vector<v1::LinkRun>> pushed;

 private:
  BrokerCore* const core_;
};

LinkHub::LinkHub(const LabDirectory* lab) : lab_(lab) {
  platform::MutexLock lock(&mutex_);
  BrokerCore::Options options;
  options.store = &store_;
  options.algorithms = lab->algorithms();
  options.signer = &lab->broker_signer();
  options.random = &random_;
  options.genesis = lab->entries();
  options.genesis_digest = lab->genesis_digest();
  options.build = "hub";
  absl::StatusOr<std::unique_ptr<BrokerCore>> core = BrokerCore::Create(std::move(options), Now());
  if (!core.ok()) {
    std::fprintf(stderr, "link hub: %s\n", core.status().ToString().c_str());
    std::abort();
  }
  core_ = *std::move(core);
  host_ = std::make_unique<Host>(core_.get());
  LinkRuns::Deps deps;
  deps.transaction = &core_->transaction();
  deps.hasher = &core_->hasher();
  deps.random = &core_->random();
  deps.signer = &core_->signer();
  deps.checker = &core_->checker();
  deps.host = host_.get();
  deps.key_prefix = broker::OwnPrefix('L');
  runs_ = std::make_unique<LinkRuns>(deps);
  core_->SetTestRuns(runs_.get());
}

LinkHub::~LinkHub() = default;

Moment LinkHub::Now() const {
  return {platform::SystemClock().Now(), platform::SystemClock().Monotonic()};
}

void LinkHub::Run(const Event& event) {
  std::vector<
      std::pair<std::function<void(const std::vector<v1::LinkRun>&)>, std::vector<v1::LinkRun>>>
      tell;
  {
    platform::MutexLock lock(&mutex_);
    event(*core_, *runs_, Now());
    core_->Tick(Now());
    if (absl::Status done = core_->Commit(Now()); !done.ok()) std::abort();
    for (Effect& effect : core_->TakeEffects()) {
      const auto found = streams_.find(effect.stream);
      if (found != streams_.end()) found->second(std::move(effect));
    }
    core_->TakeLogLines();
    for (auto& [province, runs] : std::exchange(host_->pushed, {})) {
      if (const auto found = tell_.find(province); found != tell_.end()) {
        tell.emplace_back(found->second, std::move(runs));
      }
    }
  }
  for (const auto& [function, runs] : tell) function(runs);
}

broker::StreamId LinkHub::AddStream(OnEffect on_effect) {
  platform::MutexLock lock(&mutex_);
  const broker::StreamId stream(++last_stream_);
  streams_[stream] = std::move(on_effect);
  return stream;
}

void LinkHub::RemoveStream(broker::StreamId stream) {
  {
    platform::MutexLock lock(&mutex_);
    if (streams_.erase(stream) == 0) return;
  }
  Run([stream](BrokerCore& core, LinkRuns&, Moment) { core.StreamClosed(stream); });
}

void LinkHub::OnRuns(std::uint32_t province,
                     std::function<void(const std::vector<v1::LinkRun>&)> tell) {
  platform::MutexLock lock(&mutex_);
  tell_[province] = std::move(tell);
}

bool LinkHub::HasReport(const contract::RunId& run) {
  platform::MutexLock lock(&mutex_);
  return core_->directory().HasReport(run);
}

int LinkHub::OpenRoutes() {
  platform::MutexLock lock(&mutex_);
  int open = 0;
  for (const auto& [key, unused] : core_->directory().routes()) {
    open += core_->directory().Route(key, Now().wall).state == v1::ROUTE_OPEN ? 1 : 0;
  }
  return open;
}

// One session's two streams. The core's thread of its node; effects come under
// the hub's lock and are only posted.
class HubTransport final : public node::Transport {
 public:
  HubTransport(LinkHub* hub, std::uint32_t province, node::PostCoreEvent post)
      : hub_(hub), certificate_(hub->lab_->certificate(province)), post_(std::move(post)) {}
  ~HubTransport() override { CloseSession(); }

  void OpenSession(const v1::OpenSessionRequest& request) override {
    CloseSession();
    hub_->Run([&](BrokerCore& core, LinkRuns&, Moment now) {
      const auto opened = core.OpenSession(certificate_, request, now);
      post_([opened](node::NodeCore& node) {
        const absl::Time at = platform::SystemClock().Now();
        if (opened.ok()) {
          node.OnSessionOpened(*opened, at);
        } else {
          node.OnDisconnected(opened.status(), at);
        }
      });
    });
  }
  void SendSubmit(v1::SubmitRequest request) override {
    if (hub_->cheat_ != nullptr && request.has_batch()) LetCheat(request);
    if (request.has_batch() && request.batch().items().empty()) return;
    if (submit_.value() == 0) submit_ = NewStream();
    hub_->Run([&](BrokerCore& core, LinkRuns&, Moment now) {
      core.OnSubmit(submit_, certificate_, request, now);
    });
  }
  void SendReceive(v1::ReceiveRequest request) override {
    if (receive_.value() == 0) receive_ = NewStream();
    hub_->Run([&](BrokerCore& core, LinkRuns&, Moment now) {
      core.OnReceive(receive_, certificate_, request, now);
    });
  }
  void CloseSession() override {
    for (broker::StreamId* stream : {&submit_, &receive_}) {
      if (stream->value() != 0) hub_->RemoveStream(*stream);
      *stream = broker::StreamId();
    }
  }
  void FetchDirectory(const v1::FetchEntriesRequest& request) override {
    hub_->Run([&](BrokerCore& core, LinkRuns&, Moment) {
      const auto entries = core.FetchEntries(request);
      post_([request, entries](node::NodeCore& node) {
        node.OnDirectoryEntries(request, entries, platform::SystemClock().Now());
      });
    });
  }
  void AppendEntry(const v1::AppendEntryRequest& request) override {
    hub_->Run([&](BrokerCore& core, LinkRuns&, Moment now) {
      const absl::Status appended = core.AppendEntry(request.entry(), now).status();
      post_([appended](node::NodeCore& node) {
        node.OnEntryAppended(appended, platform::SystemClock().Now());
      });
    });
  }

 private:
  broker::StreamId NewStream() {
    return hub_->AddStream([post = post_](Effect effect) {
      auto shared = std::make_shared<Effect>(std::move(effect));
      post([shared](node::NodeCore& node) {
        const absl::Time at = platform::SystemClock().Now();
        if (shared->submit != nullptr) return node.OnSubmitResponse(*shared->submit, at);
        if (shared->receive != nullptr) return node.OnReceiveResponse(*shared->receive, at);
        node.OnDisconnected(shared->close, at);
      });
    });
  }
  void LetCheat(v1::SubmitRequest& request) {
    v1::SubmitBatch honest;
    v1::SubmitResponse answers;
    for (const v1::SubmitItem& item : request.batch().items()) {
      v1::SubmitResult answer;
      answer.set_tag(item.tag());
      if (hub_->cheat_(item, &answer)) {
        *answers.add_results() = answer;
      } else {
        *honest.add_items() = item;
      }
    }
    *request.mutable_batch() = honest;
    if (answers.results().empty()) return;
    post_([answers](node::NodeCore& node) {
      node.OnSubmitResponse(answers, platform::SystemClock().Now());
    });
  }

  LinkHub* const hub_;
  const BrokerCore::Caller certificate_;
  const node::PostCoreEvent post_;
  broker::StreamId submit_;
  broker::StreamId receive_;
};

std::unique_ptr<node::Transport> LinkHub::Connect(std::uint32_t province,
                                                  node::PostCoreEvent post) {
  return std::make_unique<HubTransport>(this, province, std::move(post));
}

class LinkHub::ServiceCaller final : public node::LinkTestService {
 public:
  ServiceCaller(LinkHub* hub, std::uint32_t province) : hub_(hub), province_(province) {}
  absl::StatusOr<v1::ArmResponse> Arm(const v1::ArmRequest& request) override {
    return Call<v1::ArmResponse>(
        [&](LinkRuns& runs, Moment now) { return runs.Arm(province_, request, now.wall); });
  }
  absl::StatusOr<v1::StartRunResponse> StartRun(const v1::StartRunRequest& request) override {
    return Call<v1::StartRunResponse>(
        [&](LinkRuns& runs, Moment now) { return runs.StartRun(province_, request, now.wall); });
  }
  absl::StatusOr<v1::GetRunResponse> GetRun(const v1::GetRunRequest& request) override {
    return Call<v1::GetRunResponse>(
        [&](LinkRuns& runs, Moment) { return runs.GetRun(province_, request); });
  }
  absl::StatusOr<v1::ListRunsResponse> ListRuns(const v1::ListRunsRequest&) override {
    return Call<v1::ListRunsResponse>(
        [&](LinkRuns& runs, Moment) { return runs.ListRuns(province_); });
  }
  absl::StatusOr<v1::PostVerdictsResponse> PostVerdicts(
      const v1::PostVerdictsRequest& request) override {
    return Call<v1::PostVerdictsResponse>([&](LinkRuns& runs, Moment now) {
      return runs.PostVerdicts(province_, request, now.wall);
    });
  }
  absl::StatusOr<v1::SignReportResponse> SignReport(const v1::SignReportRequest& request) override {
    return Call<v1::SignReportResponse>(
        [&](LinkRuns& runs, Moment now) { return runs.SignReport(province_, request, now); });
  }

 private:
  template <typename Response, typename Work>
  absl::StatusOr<Response> Call(const Work& work) {
    absl::StatusOr<Response> result = absl::UnknownError("");
    hub_->Run([&](BrokerCore& core, LinkRuns& runs, Moment now) {
      const auto mark = core.transaction().SetMark();
      result = work(runs, now);
      if (!result.ok()) core.transaction().RollBackTo(mark);
    });
    return result;
  }
  LinkHub* const hub_;
  const ProvinceCode province_;
};

std::unique_ptr<node::LinkTestService> LinkHub::Service(std::uint32_t province) {
  return std::make_unique<ServiceCaller>(this, province);
}

// A business session that only probes.
class LinkHub::Probe final : public node::BusinessProbe {
 public:
  Probe(LinkHub* hub, std::uint32_t province)
      : hub_(hub), province_(province), certificate_(hub->lab_->certificate(province)) {
    Open();
  }
  ~Probe() override { hub_->RemoveStream(stream_); }

  void Submit(v1::SubmitItem item, OnResult on_result) override {
    v1::SubmitResult cheated;
    if (hub_->cheat_ != nullptr && hub_->cheat_(item, &cheated)) return on_result(cheated);
    {
      platform::MutexLock lock(&mutex_);
      item.set_tag(++last_tag_);
      waiting_[last_tag_] = std::move(on_result);
    }
    v1::SubmitRequest request;
    *request.mutable_batch()->add_items() = std::move(item);
    hub_->Run([&](BrokerCore& core, LinkRuns&, Moment now) {
      core.OnSubmit(stream_, certificate_, request, now);
    });
  }

 private:
  void Open() {
    stream_ = hub_->AddStream([this](Effect effect) {
      if (effect.submit == nullptr) return;
      for (const v1::SubmitResult& result : effect.submit->results()) {
        platform::MutexLock lock(&mutex_);
        if (const auto found = waiting_.find(result.tag()); found != waiting_.end()) {
          found->second(result);
        }
      }
    });
    v1::OpenSessionRequest open;
    open.set_protocol_version(contract::kProtocolVersion);
    open.set_province(province_);
    open.set_lane(v1::LANE_BUSINESS);
    open.set_incarnation(std::string(16, 'b'));
    open.set_boot_nonce(std::string(16, 'n'));
    open.set_now_unix_us(absl::ToUnixMicros(platform::SystemClock().Now()));
    hub_->Run([&](BrokerCore& core, LinkRuns&, Moment now) {
      const auto opened = core.OpenSession(certificate_, open, now);
      v1::SubmitRequest hello;
      hello.mutable_hello()->set_session_number(opened.ok() ? opened->session_number() : 0);
      core.OnSubmit(stream_, certificate_, hello, now);
    });
  }

  LinkHub* const hub_;
  const std::uint32_t province_;
  const BrokerCore::Caller certificate_;
  broker::StreamId stream_;  // constant after construction
  platform::Mutex mutex_;
  std::uint64_t last_tag_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::uint64_t, OnResult> waiting_ ABSL_GUARDED_BY(mutex_);
};

std::unique_ptr<node::BusinessProbe> LinkHub::Business(std::uint32_t province) {
  return std::make_unique<Probe>(this, province);
}

}  // namespace yizhan::testing
