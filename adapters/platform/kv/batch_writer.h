// Writes batches, one after the other, on a thread of its own: while one is on its
// way to the disk, their owner makes the next.
#ifndef YIZHAN_ADAPTERS_PLATFORM_KV_BATCH_WRITER_H_
#define YIZHAN_ADAPTERS_PLATFORM_KV_BATCH_WRITER_H_

#include <functional>
#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "adapters/platform/kv/key_value_store.h"
#include "adapters/platform/mutex/mutex.h"

namespace yizhan::platform {

// WaitForLast, Write and Stop from one thread. `store` must outlive this object.
//
// Invariants:
//  1. `then` is called once, after its batch is on stable storage, in the order of
//     the batches.
//  2. After the first error nothing is written and no `then` is called: those that
//     wait are destroyed.
class BatchWriter {
 public:
  // How long the write took.
  using Then = std::function<void(absl::Duration)>;

  explicit BatchWriter(KeyValueStore* store);
  ~BatchWriter();

  // Until the batch before is on stable storage; the first error for ever.
  absl::Status WaitForLast();
  // Only after WaitForLast returned OK. An empty batch is done at once.
  void Write(std::shared_ptr<const WriteBatch> changes, Then then);
  // After what was given is done. Idempotent.
  void Stop();

 private:
  struct Waiting {
    std::shared_ptr<const WriteBatch> changes;
    Then then;
  };
  void Run();

  KeyValueStore* const store_;
  Mutex mutex_;
  CondVar changed_;
  std::unique_ptr<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  // Last: the thread uses all of the above from its first moment.
  std::thread thread_;
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_KV_BATCH_WRITER_H_
