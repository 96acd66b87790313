#include "adapters/platform/kv/recent_values.h"

#include <string>

#include "adapters/platform/kv/memory_store.h"
#include "adapters/platform/kv/transaction.h"
#include "gtest/gtest.h"

namespace yizhan::platform {
namespace {

TEST(RecentValues, NewerValue_TakesThePlaceOfTheOlder) {
  RecentValues recent(1 << 20);
  recent.Put("a", "one");
  recent.Put("a", "two");
  ASSERT_NE(recent.Find("a"), nullptr);
  EXPECT_EQ(*recent.Find("a"), "two");
  recent.Forget("a");
  EXPECT_EQ(recent.Find("a"), nullptr);
  EXPECT_EQ(recent.bytes(), 0u);
}

TEST(RecentValues, BeyondTheBound_TheOldestLeaves) {
  RecentValues recent(4000);
  for (int i = 0; i < 100; ++i) recent.Put("key" + std::to_string(i), std::string(500, 'v'));
  EXPECT_LE(recent.bytes(), 4000u);
  EXPECT_EQ(recent.Find("key0"), nullptr);
  EXPECT_NE(recent.Find("key99"), nullptr);
}

TEST(RecentValues, KeyPutAgain_LeavesByItsNewAge) {
  RecentValues recent(4000);
  recent.Put("first", "again");
  for (int i = 0; i < 5; ++i) {
    recent.Put("key" + std::to_string(i), std::string(500, 'v'));
    recent.Put("first", "again");
  }
  EXPECT_NE(recent.Find("first"), nullptr);
}

// Reads that the store must not see.
class CountingStore final : public KeyValueStore {
 public:
  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const override {
    ++gets;
    return store.Get(key);
  }
  absl::Status Write(const WriteBatch& batch) override {
    return broken ? absl::DataLossError("Input/output error") : store.Write(batch);
  }
  std::unique_ptr<KvIterator> Scan(absl::string_view begin, absl::string_view end) const override {
    return store.Scan(begin, end);
  }
  MemoryStore store;
  bool broken = false;
  mutable int gets = 0;
};

bool BeginsWithM(absl::string_view key) { return !key.empty() && key[0] == 'm'; }

TEST(TransactionWithRecentValues, CommittedValue_IsReadFromMemoryUntilItIsDeleted) {
  CountingStore store;
  Transaction transaction(&store, 1 << 20, BeginsWithM);
  transaction.Put("m1", "value");
  transaction.Put("x1", "other");
  ASSERT_TRUE(transaction.Commit().ok());
  EXPECT_EQ(*transaction.Get("m1"), "value");
  EXPECT_EQ(store.gets, 0);
  EXPECT_EQ(*transaction.Get("x1"), "other");
  EXPECT_EQ(store.gets, 1);

  transaction.Delete("m1");
  EXPECT_FALSE(transaction.Get("m1")->has_value());
  ASSERT_TRUE(transaction.Commit().ok());
  EXPECT_FALSE(transaction.Get("m1")->has_value());
  EXPECT_EQ(store.gets, 2);
}

TEST(TransactionWithRecentValues, FailedCommit_IsNotRemembered) {
  CountingStore store;
  Transaction transaction(&store, 1 << 20, BeginsWithM);
  store.broken = true;
  transaction.Put("m1", "value");
  ASSERT_FALSE(transaction.Commit().ok());
  EXPECT_FALSE(transaction.Get("m1")->has_value());
}

}  // namespace
}  // namespace yizhan::platform
