#include "province_nodes/app/node_loop.h"

#include <utility>

#include "protos/contract/errors.h"

namespace yizhan::node {
namespace {

absl::Status ShuttingDown() {
  return contract::MakeError(v1::SHUTTING_DOWN, v1::SIDE_MINE, "The node is shutting down",
                             "Repeat the request when it runs again; request ids make that safe.");
}

}  // namespace

// A caller that waits for its group. Shared with the group's task.
struct NodeLoop::Waiter {
  platform::Mutex mutex;
  platform::CondVar answered;
  bool done ABSL_GUARDED_BY(mutex) = false;
  absl::Status status ABSL_GUARDED_BY(mutex);

  void Answer(const absl::Status& result) {
    platform::MutexLock lock(&mutex);
    if (done) return;
    done = true;
    status = result;
    answered.NotifyAll();
  }
  absl::Status Wait() {
    platform::MutexLock lock(&mutex);
    while (!done) answered.Wait(&mutex);
    return status;
  }
};

NodeLoop::~NodeLoop() { Stop(); }

std::shared_ptr<platform::GroupLoop> NodeLoop::Loop() const {
  platform::MutexLock lock(&mutex_);
  return stopped_ ? nullptr : loop_;
}

void NodeLoop::Start(NodeCore* core) {
  core_ = core;
  platform::GroupLoop::Options options;
  options.on_tick = [this] {
    core_->Tick(options_.clock->Now());
    if (options_.on_tick) options_.on_tick(*core_);
  };
  options.commit = [this] { return EndGroup(); };
  options.on_failure = [this](const absl::Status& status) {
    AnswerWaiters(status);
    if (options_.on_failure) options_.on_failure(status);
  };
  std::shared_ptr<platform::GroupLoop> loop = platform::GroupLoop::Start(std::move(options));
  platform::MutexLock lock(&mutex_);
  loop_ = std::move(loop);
}

void NodeLoop::Stop() {
  std::shared_ptr<platform::GroupLoop> loop;
  {
    platform::MutexLock lock(&mutex_);
    if (stopped_) return;
    stopped_ = true;
    loop = loop_;
  }
  if (loop == nullptr) return;
  loop->Stop();
  AnswerWaiters(ShuttingDown());
}

bool NodeLoop::Post(std::function<void(NodeCore&)> event) {
  const std::shared_ptr<platform::GroupLoop> loop = Loop();
  return loop != nullptr && loop->Post([this, event = std::move(event)] {
    ++events_;
    event(*core_);
  });
}

absl::Status NodeLoop::EndGroup() {
  const absl::Duration start = options_.clock->Monotonic();
  const absl::Status status = core_->FinishGroup(options_.clock->Now());
  if (!status.ok()) return status;
  AnswerWaiters(absl::OkStatus());
  const std::size_t events = std::exchange(events_, 0);
  if (options_.on_group && events > 0) {
    options_.on_group(options_.clock->Monotonic() - start, events);
  }
  return absl::OkStatus();
}

void NodeLoop::AnswerWaiters(const absl::Status& status) {
  for (const std::shared_ptr<Waiter>& waiter : std::exchange(answered_, {})) {
    waiter->Answer(status);
  }
}

absl::Status NodeLoop::Call(std::function<absl::Status(NodeCore&)> call) {
  auto waiter = std::make_shared<Waiter>();
  // Dropped unrun (the loop stopped or failed first): the waiter learns it too.
  std::shared_ptr<void> unless_run(nullptr, [waiter](void*) { waiter->Answer(ShuttingDown()); });
  const bool posted = Post([this, waiter, unless_run, call = std::move(call)](NodeCore& core) {
    const absl::Status status = call(core);
    if (!status.ok()) return waiter->Answer(status);
    answered_.push_back(waiter);
  });
  if (!posted) return ShuttingDown();
  unless_run.reset();
  return waiter->Wait();
}

absl::Status NodeLoop::Run(
    std::function<absl::Status(platform::Transaction&, CaseService&, CaseEffects&)> command) {
  return Call([this, command = std::move(command)](NodeCore& core) {
    return core.Run(command, options_.clock->Now());
  });
}

absl::Status NodeLoop::Read(
    std::function<absl::Status(const platform::Transaction&, CaseService&)> query) {
  return Call([query = std::move(query)](NodeCore& core) { return core.Read(query); });
}

std::uint64_t NodeLoop::Subscribe(std::function<void(const v1::CaseView&)> on_change) {
  platform::MutexLock lock(&subscribers_mutex_);
  const std::uint64_t id = next_subscriber_++;
  subscribers_[id] = std::move(on_change);
  return id;
}

void NodeLoop::Unsubscribe(std::uint64_t id) {
  platform::MutexLock lock(&subscribers_mutex_);
  subscribers_.erase(id);
}

void NodeLoop::TellSubscribers(const v1::CaseView& view) {
  platform::MutexLock lock(&subscribers_mutex_);
  for (const auto& [id, on_change] : subscribers_) on_change(view);
}

}  // namespace yizhan::node
