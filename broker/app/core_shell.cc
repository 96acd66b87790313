#include "broker/app/core_shell.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "adapters/platform/log/log.h"
#include "broker/store/keys.h"
#include "protos/contract/errors.h"

namespace yizhan::broker {
namespace {

// Frames of one stream on their way through the core; more wait at the sender.
constexpr int kMaxFrames = 8;
// Groups are bounded so that one write stays small: 64 frames of at most 4 MiB.
constexpr std::size_t kMaxGroup = 64;
constexpr absl::Duration kMetricsEvery = absl::Seconds(1);

absl::Status ShuttingDown() {
  v1::ErrorDetail detail;
  detail.set_reason(v1::SHUTTING_DOWN);
  detail.set_side(v1::SIDE_BROKER);
  detail.set_what("the broker is stopping, or takes nothing more in");
  detail.set_next_step("Connect again after the delay.");
  detail.set_retry_after_ms(2000);
  return contract::MakeError(detail);
}

absl::Status TooSlow() {
  return contract::MakeError(v1::QUOTA_EXCEEDED, v1::SIDE_MINE,
                             "the stream's reader leaves too much unread",
                             "Read faster or give less credit, then open the stream again.");
}

template <typename Stream, typename Message>
void Send(Stream& stream, std::unique_ptr<Message> message, const absl::Status& close) {
  if (message != nullptr && !stream.Send(std::move(*message)) && !stream.closed()) {
    stream.Abort(TooSlow());
  }
  if (!close.ok()) stream.Close(close);
}

}  // namespace

// An effect and the stream that it goes to: one of the two.
struct CoreShell::Sending {
  Effect effect;
  std::shared_ptr<SubmitStream> submit;
  std::shared_ptr<ReceiveStream> receive;

  void Go() {
    if (submit != nullptr) Send(*submit, std::move(effect.submit), effect.close);
    if (receive != nullptr) Send(*receive, std::move(effect.receive), effect.close);
  }
};

// A reply that is given even when its task is dropped.
class CoreShell::Promise {
 public:
  explicit Promise(Reply reply) : reply_(std::move(reply)) {}
  ~Promise() { Keep(ShuttingDown()); }
  void Keep(const absl::Status& status) {
    if (reply_) std::exchange(reply_, nullptr)(status);
  }
  absl::Status result;  // of the work

 private:
  Reply reply_;
};

// What a group lets out once it is on disk.
struct CoreShell::Leaving {
  std::size_t frames = 0;
  bool changes_store = false;
  std::vector<Sending> sendings;
  std::vector<std::shared_ptr<Promise>> promises;
  std::vector<std::function<void()>> after;
};

CoreShell::CoreShell(Options options) : options_(std::move(options)) {}

CoreShell::~CoreShell() { Stop(); }

Moment CoreShell::Now() const { return {options_.clock->Now(), options_.clock->Monotonic()}; }

absl::StatusOr<std::unique_ptr<CoreShell>> CoreShell::Start(Options options) {
  std::unique_ptr<CoreShell> shell(new CoreShell(std::move(options)));
  auto core = BrokerCore::Create(shell->options_.core, shell->Now());
  if (!core.ok()) return core.status();
  shell->core_ = *std::move(core);
  shell->host_ = std::make_unique<CoreLinkRunHost>(shell->core_.get());
  LinkRuns::Deps deps;
  deps.transaction = &shell->core_->transaction();
  deps.hasher = &shell->core_->hasher();
  deps.random = &shell->core_->random();
  deps.signer = &shell->core_->signer();
  deps.checker = &shell->core_->checker();
  deps.host = shell->host_.get();
  deps.key_prefix = OwnPrefix('L');
  shell->link_runs_ = std::make_unique<LinkRuns>(deps);
  shell->core_->SetTestRuns(shell->link_runs_.get());

  shell->out_ = platform::GroupLoop::Start({});
  shell->writer_ = std::make_unique<platform::BatchWriter>(shell->options_.core.store);
  CoreShell* const self = shell.get();
  platform::GroupLoop::Options loop;
  loop.max_group = kMaxGroup;
  loop.on_tick = [self] { self->Tick(); };
  loop.commit = [self] { return self->Commit(); };
  loop.on_failure = [self](const absl::Status& status) {
    self->promises_.clear();  // each gets its error
    for (const auto& [id, stream] : self->submits_) stream->Abort(ShuttingDown());
    for (const auto& [id, stream] : self->receives_) stream->Abort(ShuttingDown());
    self->options_.on_failure(status);
  };
  shell->loop_ = platform::GroupLoop::Start(std::move(loop));
  return shell;
}

void CoreShell::BeginStop() {
  loop_->Post([this] {
    core_->StopLeasing();
    // After this group's results have gone out.
    after_commit_.push_back([this] {
      SendOut([submits = submits_, receives = receives_] {
        for (const auto& [id, stream] : submits) stream->Close(ShuttingDown());
        for (const auto& [id, stream] : receives) stream->Close(ShuttingDown());
      });
    });
  });
}

void CoreShell::Stop() {
  if (loop_ != nullptr) loop_->Stop();
  if (writer_ != nullptr) writer_->Stop();
  if (out_ != nullptr) out_->Stop();
}

void CoreShell::Call(Work work, Reply reply) {
  auto promise = std::make_shared<Promise>(std::move(reply));
  // A refused task is destroyed, and its promise answers.
  loop_->Post([this, promise, work = std::move(work)] {
    promise->result = work({*core_, *link_runs_, Now()});
    promises_.push_back(promise);
  });
}

template <typename In, typename Out>
void CoreShell::Serve(
    std::shared_ptr<platform::MessageStream<In, Out>> stream, const BrokerCore::Caller& caller,
    void (BrokerCore::*handle)(StreamId, const BrokerCore::Caller&, const In&, Moment),
    std::map<StreamId, std::shared_ptr<platform::MessageStream<In, Out>>>* streams) {
  const StreamId id(next_stream_++);
  if (!loop_->Post([streams, id, stream] { (*streams)[id] = stream; })) {
    return stream->Close(ShuttingDown());
  }
  auto frames = std::make_shared<std::atomic<int>>(0);
  platform::StreamEvents<In> events;
  events.on_message = [this, id, caller, handle, stream, frames](In message) {
    const bool full = frames->fetch_add(1) + 1 >= kMaxFrames;
    auto shared = std::make_shared<In>(std::move(message));
    const bool posted = loop_->Post([this, id, caller, handle, stream, frames, shared] {
      (core_.get()->*handle)(id, caller, *shared, Now());
      ++group_size_;
      after_commit_.push_back([stream, frames] {
        if (frames->fetch_sub(1) >= kMaxFrames) stream->ResumeReading();
      });
    });
    if (!posted) stream->Close(ShuttingDown());
    return full ? platform::Reading::kPause : platform::Reading::kGoOn;
  };
  events.on_closed = [this, streams, id](const absl::Status&) {
    loop_->Post([this, streams, id] {
      streams->erase(id);
      core_->StreamClosed(id);
    });
  };
  stream->Start(std::move(events));
}

void CoreShell::ServeSubmit(std::shared_ptr<SubmitStream> stream,
                            const BrokerCore::Caller& caller) {
  Serve<v1::SubmitRequest, v1::SubmitResponse>(std::move(stream), caller, &BrokerCore::OnSubmit,
                                               &submits_);
}

void CoreShell::ServeReceive(std::shared_ptr<ReceiveStream> stream,
                             const BrokerCore::Caller& caller) {
  Serve<v1::ReceiveRequest, v1::ReceiveResponse>(std::move(stream), caller, &BrokerCore::OnReceive,
                                                 &receives_);
}

void CoreShell::Tick() {
  const Moment now = Now();
  core_->Tick(now);
  if (const absl::Status s = link_runs_->OnTick(now.wall); !s.ok()) {
    platform::LogWarning("broker.link_runs", "looking at open runs failed", {{"error", s}});
  }
  if (now.monotonic < next_metrics_) return;
  next_metrics_ = now.monotonic + kMetricsEvery;
  if (options_.free_disk_bytes) core_->SetFreeDiskBytes(options_.free_disk_bytes());
  if (options_.metrics != nullptr) options_.metrics->Update(*core_, now);
}

absl::Status CoreShell::Commit() {
  if (absl::Status s = writer_->WaitForLast(); !s.ok()) return BrokerCore::StorageFailed(s);
  core_->Settle();
  absl::StatusOr<BrokerCore::ClosedGroup> group = core_->Close(Now());
  FlushLog();
  if (!group.ok()) return group.status();
  // std::function wants to copy what it holds.
  auto leaving = std::make_shared<Leaving>();
  leaving->frames = std::exchange(group_size_, 0);
  leaving->changes_store = !group->changes->empty();
  leaving->sendings = Address(std::move(group->effects));
  leaving->promises = std::exchange(promises_, {});
  leaving->after = std::exchange(after_commit_, {});
  writer_->Write(std::move(group->changes),
                 [this, leaving](absl::Duration took) { LetOut(*leaving, took); });
  return absl::OkStatus();
}

void CoreShell::LetOut(Leaving& leaving, absl::Duration took) {
  if (options_.metrics != nullptr && leaving.changes_store) {
    options_.metrics->OnCommit(took, leaving.frames);
  }
  if (!leaving.sendings.empty()) {
    auto sendings = std::make_shared<std::vector<Sending>>(std::move(leaving.sendings));
    SendOut([sendings] {
      for (Sending& sending : *sendings) sending.Go();
    });
  }
  for (const auto& promise : leaving.promises) promise->Keep(promise->result);
  for (const auto& after : leaving.after) after();
}

void CoreShell::SendOut(std::function<void()> what) {
  // Refused only when nothing goes out any more.
  out_->Post(std::move(what));
}

std::vector<CoreShell::Sending> CoreShell::Address(std::vector<Effect> effects) {
  std::vector<Sending> sendings;
  sendings.reserve(effects.size());
  for (Effect& effect : effects) {
    Sending sending;
    if (const auto at = submits_.find(effect.stream); at != submits_.end()) {
      sending.submit = at->second;
    } else if (const auto to = receives_.find(effect.stream); to != receives_.end()) {
      sending.receive = to->second;
    } else {
      continue;
    }
    sending.effect = std::move(effect);
    sendings.push_back(std::move(sending));
  }
  return sendings;
}

void CoreShell::FlushLog() {
  for (const LogLine& line : core_->TakeLogLines()) {
    switch (line.level) {
      case LogLine::Level::kInfo:
        platform::LogInfo("broker", line.text);
        break;
      case LogLine::Level::kWarning:
        platform::LogWarning("broker", line.text);
        break;
      case LogLine::Level::kSecurity:
        platform::LogWarning("broker.security", line.text);
        break;
    }
  }
}

}  // namespace yizhan::broker
