#include "adapters/platform/kv/batch_writer.h"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "adapters/platform/kv/memory_store.h"
#include "gtest/gtest.h"

namespace yizhan::platform {
namespace {

class BreakableStore final : public KeyValueStore {
 public:
  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const override {
    return store_.Get(key);
  }
  absl::Status Write(const WriteBatch& batch) override {
    ++writes;
    return broken ? absl::DataLossError("Input/output error") : store_.Write(batch);
  }
  std::unique_ptr<KvIterator> Scan(absl::string_view begin, absl::string_view end) const override {
    return store_.Scan(begin, end);
  }
  std::atomic<bool> broken = false;
  std::atomic<int> writes = 0;

 private:
  MemoryStore store_;
};

std::shared_ptr<const WriteBatch> Put(const std::string& key) {
  auto batch = std::make_shared<WriteBatch>();
  batch->Put(key, "value");
  return batch;
}

TEST(BatchWriter, BatchesInOrder_EachIsInTheStoreBeforeItsThen) {
  BreakableStore store;
  std::vector<int> done;  // by the writer's thread alone until Stop
  std::atomic<int> missing = 0;
  BatchWriter writer(&store);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(writer.WaitForLast().ok());
    writer.Write(Put(absl::StrCat(i)), [&, i](absl::Duration took) {
      if (!store.Get(absl::StrCat(i))->has_value() || took < absl::ZeroDuration()) ++missing;
      done.push_back(i);
    });
  }
  writer.Stop();
  ASSERT_EQ(done.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(done[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(missing, 0);
}

TEST(BatchWriter, EmptyBatch_IsDoneAtOnceAndWritesNothing) {
  BreakableStore store;
  BatchWriter writer(&store);
  bool done = false;
  writer.Write(std::make_shared<WriteBatch>(), [&](absl::Duration) { done = true; });
  EXPECT_TRUE(done);
  EXPECT_EQ(store.writes, 0);
}

// What a lost batch promised is destroyed uncalled, so that its owner can say so.
TEST(BatchWriter, FailedBatch_IsNotLetOutAndTheErrorStays) {
  BreakableStore store;
  store.broken = true;
  BatchWriter writer(&store);
  auto promised = std::make_shared<std::atomic<int>>(0);
  writer.Write(Put("a"), [promised](absl::Duration) { ++*promised; });
  EXPECT_EQ(writer.WaitForLast().message(), "Input/output error");
  EXPECT_EQ(promised.use_count(), 1) << "the promise is gone";
  EXPECT_EQ(*promised, 0);
  store.broken = false;
  EXPECT_FALSE(writer.WaitForLast().ok());
}

}  // namespace
}  // namespace yizhan::platform
