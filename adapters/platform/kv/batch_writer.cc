#include "adapters/platform/kv/batch_writer.h"

#include <utility>

#include "adapters/platform/clock/clock.h"

namespace yizhan::platform {

BatchWriter::BatchWriter(KeyValueStore* store) : store_(store), thread_([this] { Run(); }) {}

BatchWriter::~BatchWriter() { Stop(); }

absl::Status BatchWriter::WaitForLast() {
  MutexLock lock(&mutex_);
  while (busy_ || waiting_ != nullptr) changed_.Wait(&mutex_);
  return status_;
}

void BatchWriter::Write(std::shared_ptr<const WriteBatch> changes, Then then) {
  if (changes->empty()) return then(absl::ZeroDuration());
  MutexLock lock(&mutex_);
  waiting_ = std::make_unique<Waiting>(Waiting{std::move(changes), std::move(then)});
  changed_.NotifyAll();
}

void BatchWriter::Stop() {
  {
    MutexLock lock(&mutex_);
    stopped_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void BatchWriter::Run() {
  while (true) {
    std::unique_ptr<Waiting> batch;
    {
      MutexLock lock(&mutex_);
      while (waiting_ == nullptr && !stopped_) changed_.Wait(&mutex_);
      if (waiting_ == nullptr) return;
      batch = std::move(waiting_);
      busy_ = true;
    }
    const absl::Duration began = SystemClock().Monotonic();
    const absl::Status written = store_->Write(*batch->changes);
    if (written.ok()) batch->then(SystemClock().Monotonic() - began);
    batch.reset();
    MutexLock lock(&mutex_);
    status_.Update(written);
    busy_ = false;
    changed_.NotifyAll();
  }
}

}  // namespace yizhan::platform
