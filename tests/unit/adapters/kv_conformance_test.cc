// What every store must do, whatever it is made of.
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/platform/kv/key_value_store.h"
#include "adapters/platform/kv/memory_store.h"
#include "adapters/platform/kv/rocks_store.h"
#include "adapters/platform/kv/transaction.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace yizhan::platform {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using Pairs = std::vector<std::pair<std::string, std::string>>;

struct StoreKind {
  std::string name;
  std::function<std::unique_ptr<KeyValueStore>(const std::string& dir)> open;
};

class KvConformanceTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  KvConformanceTest() {
    std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    for (char& c : name) c = c == '/' ? '_' : c;
    dir_ = ::testing::TempDir() + "yizhan_kv_" + name;
    std::filesystem::remove_all(dir_);
    store_ = GetParam().open(dir_);
  }
  ~KvConformanceTest() override {
    store_.reset();
    std::filesystem::remove_all(dir_);
  }

  void Put(std::string key, std::string value) {
    WriteBatch batch;
    batch.Put(std::move(key), std::move(value));
    ASSERT_TRUE(store_->Write(batch).ok());
  }
  void Delete(std::string key) {
    WriteBatch batch;
    batch.Delete(std::move(key));
    ASSERT_TRUE(store_->Write(batch).ok());
  }
  std::optional<std::string> Get(absl::string_view key) { return *store_->Get(key); }
  static Pairs Drain(KvIterator& at) {
    Pairs out;
    for (; at.Valid(); at.Next()) out.emplace_back(at.key(), at.value());
    EXPECT_TRUE(at.status().ok());
    return out;
  }
  Pairs Scan(absl::string_view begin, absl::string_view end) {
    return Drain(*store_->Scan(begin, end));
  }

  std::string dir_;
  std::unique_ptr<KeyValueStore> store_;
};

TEST_P(KvConformanceTest, KeyAbsent_GetIsNothing) { EXPECT_EQ(Get("absent"), std::nullopt); }

TEST_P(KvConformanceTest, ValueWritten_GetReturnsItUntilDeleted) {
  Put("k", "v1");
  EXPECT_EQ(Get("k"), "v1");
  Put("k", "v2");
  EXPECT_EQ(Get("k"), "v2");
  Delete("k");
  EXPECT_EQ(Get("k"), std::nullopt);
  Delete("k");
}

TEST_P(KvConformanceTest, AnyBytes_KeysAndValuesAreKeptExactly) {
  const std::string key("\0\xff\0", 3);
  const std::string value(70000, '\0');
  Put(key, value);
  Put("empty", "");
  EXPECT_EQ(Get(key), value);
  EXPECT_EQ(Get("empty"), "");
  EXPECT_EQ(Get(absl::string_view(key).substr(0, 2)), std::nullopt);
}

TEST_P(KvConformanceTest, SameKeyTwiceInABatch_TheLastWins) {
  WriteBatch batch;
  batch.Put("a", "1");
  batch.Delete("a");
  batch.Put("b", "1");
  batch.Put("b", "2");
  ASSERT_TRUE(store_->Write(batch).ok());
  EXPECT_THAT(Scan("", ""), ElementsAre(Pair("b", "2")));
}

TEST_P(KvConformanceTest, Scan_VisitsTheRangeInBytewiseOrder) {
  Put(std::string("a\xff"), "3");
  Put("b", "4");
  Put("a", "1");
  Put("aa", "2");
  Put(std::string(1, '\0'), "0");
  EXPECT_THAT(Scan("a", "b"), ElementsAre(Pair("a", "1"), Pair("aa", "2"), Pair("a\xff", "3")));
  EXPECT_EQ(Scan("", "").size(), 5u);
  EXPECT_THAT(Scan("b", ""), ElementsAre(Pair("b", "4")));
  EXPECT_THAT(Scan("c", ""), IsEmpty());
  EXPECT_THAT(Scan("b", "a"), IsEmpty());
  EXPECT_THAT(Scan("a", PrefixEnd("a")),
              ElementsAre(Pair("a", "1"), Pair("aa", "2"), Pair("a\xff", "3")));
}

TEST_P(KvConformanceTest, WrittenAfterTheScanBegan_TheScanSeesTheStateAtItsMaking) {
  Put("a", "old");
  Put("b", "old");
  const auto at = store_->Scan("", "");
  Put("a", "new");
  Delete("b");
  Put("c", "new");
  EXPECT_THAT(Drain(*at), ElementsAre(Pair("a", "old"), Pair("b", "old")));
  EXPECT_THAT(Scan("", ""), ElementsAre(Pair("a", "new"), Pair("c", "new")));
}

TEST_P(KvConformanceTest, ReadersBesideAWriter_SeeWholeBatches) {
  std::thread writer([this] {
    for (int i = 0; i < 100; ++i) {
      WriteBatch batch;
      batch.Put("x", std::to_string(i));
      batch.Put("y", std::to_string(i));
      ASSERT_TRUE(store_->Write(batch).ok());
    }
  });
  for (int i = 0; i < 100; ++i) {
    const Pairs seen = Scan("", "");
    if (!seen.empty()) {
      ASSERT_EQ(seen.size(), 2u);
      EXPECT_EQ(seen[0].second, seen[1].second);
    }
  }
  writer.join();
  EXPECT_EQ(Get("y"), "99");
}

// A transaction over the store against a plain map, step by step.
class Model {
 public:
  Model(KeyValueStore* store, unsigned seed)
      : store_(store),
        transaction_(store, /*recent_bytes=*/200, [](absl::string_view) { return true; }),
        random_(seed) {}

  void Step() {
    switch (Below(13)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return Put();
      case 4:
      case 5:
        return Delete();
      case 6:
        return SetMark();
      case 7:
        return RollBack();
      case 8:
        return Below(2) == 0 ? Commit() : Detach();
      case 9:
        return CheckGet();
      case 10:
        return Write();
      default:
        return CheckScan();
    }
  }
  void Commit() {
    Settle();
    ASSERT_TRUE(transaction_.Commit().ok());
    EXPECT_TRUE(transaction_.empty());
    marks_.clear();
  }
  const std::map<std::string, std::string>& expected() const { return expected_; }

 private:
  // The batch is written some steps later, and settled some steps after that.
  void Detach() {
    Settle();
    detached_ = transaction_.Detach();
    EXPECT_TRUE(transaction_.empty());
    marks_.clear();
  }
  void Write() {
    if (detached_ == nullptr) return;
    ASSERT_TRUE(store_->Write(*detached_).ok());
    detached_ = nullptr;
  }
  void Settle() {
    Write();
    transaction_.Settle();
  }
  int Below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  std::string Key() {
    std::string key;
    for (int i = Below(3); i >= 0; --i)
      key.push_back(
          "\x01"
          "a\xff"[Below(3)]);
    return key;
  }
  void Put() {
    const std::string key = Key();
    expected_[key] = std::to_string(random_());
    transaction_.Put(key, expected_[key]);
  }
  void Delete() {
    const std::string key = Key();
    expected_.erase(key);
    transaction_.Delete(key);
  }
  void SetMark() { marks_.emplace_back(transaction_.SetMark(), expected_); }
  void RollBack() {
    if (marks_.empty()) return;
    transaction_.RollBackTo(marks_.back().first);
    expected_ = marks_.back().second;
    marks_.pop_back();
  }
  void CheckGet() {
    const std::string key = Key();
    const auto got = transaction_.Get(key);
    ASSERT_TRUE(got.ok());
    const auto found = expected_.find(key);
    EXPECT_EQ(*got, found == expected_.end() ? std::nullopt : std::optional(found->second));
  }
  void CheckScan() {
    const std::string begin = Below(3) == 0 ? "" : Key();
    const std::string end = Below(3) == 0 ? "" : Key();
    const std::size_t limit = Below(2) == 0 ? 1000 : 1 + static_cast<std::size_t>(Below(4));
    Pairs got;
    ASSERT_TRUE(transaction_
                    .Scan(begin, end,
                          [&](absl::string_view key, absl::string_view value) {
                            got.emplace_back(key, value);
                            return got.size() < limit;
                          })
                    .ok());
    Pairs want;
    for (auto at = expected_.lower_bound(begin);
         at != expected_.end() && (end.empty() || at->first < end) && want.size() < limit; ++at) {
      want.emplace_back(*at);
    }
    EXPECT_EQ(got, want);
  }

  KeyValueStore* const store_;
  Transaction transaction_;
  std::shared_ptr<const WriteBatch> detached_;
  std::mt19937 random_;
  std::map<std::string, std::string> expected_;
  std::vector<std::pair<Transaction::Mark, std::map<std::string, std::string>>> marks_;
};

TEST_P(KvConformanceTest, RandomTransactions_BehaveLikeAMap) {
  Model model(store_.get(), 20260302);
  for (int i = 0; i < 3000 && !HasFailure(); ++i) {
    SCOPED_TRACE(i);
    model.Step();
  }
  model.Commit();
  EXPECT_EQ(Scan("", ""), Pairs(model.expected().begin(), model.expected().end()));
}

std::unique_ptr<KeyValueStore> OpenMemory(const std::string&) {
  return std::make_unique<MemoryStore>();
}

std::unique_ptr<KeyValueStore> OpenRocks(const std::string& dir) {
  RocksStore::Options options;
  options.dir = dir;
  auto store = RocksStore::Open(options);
  if (!store.ok()) {
    ADD_FAILURE() << store.status();
    return nullptr;
  }
  return *std::move(store);
}

INSTANTIATE_TEST_SUITE_P(Stores, KvConformanceTest,
                         ::testing::Values(StoreKind{"Memory", OpenMemory},
                                           StoreKind{"Rocks", OpenRocks}),
                         [](const auto& param) { return param.param.name; });

// Fails as a disk does: every write from the first failure on.
class FailingStore final : public KeyValueStore {
 public:
  absl::StatusOr<std::optional<std::string>> Get(absl::string_view) const override {
    return absl::DataLossError("get");
  }
  absl::Status Write(const WriteBatch&) override { return absl::DataLossError("write"); }
  std::unique_ptr<KvIterator> Scan(absl::string_view, absl::string_view) const override {
    class Broken final : public KvIterator {
      bool Valid() const override { return false; }
      void Next() override {}
      absl::string_view key() const override { return ""; }
      absl::string_view value() const override { return ""; }
      absl::Status status() const override { return absl::DataLossError("scan"); }
    };
    return std::make_unique<Broken>();
  }
};

TEST(TransactionTest, StoreFails_EveryPathSaysSo) {
  FailingStore store;
  Transaction transaction(&store);
  transaction.Put("k", "v");
  EXPECT_TRUE(transaction.Get("k").ok());
  EXPECT_EQ(transaction.Get("other").status().message(), "get");
  int visited = 0;
  EXPECT_EQ(transaction
                .Scan("", "",
                      [&](absl::string_view, absl::string_view) {
                        ++visited;
                        return true;
                      })
                .message(),
            "scan");
  EXPECT_EQ(visited, 0);
  EXPECT_EQ(transaction.Commit().message(), "write");
}

TEST(TransactionTest, RolledBackToAMark_EarlierEventsOfTheGroupStay) {
  MemoryStore store;
  Transaction transaction(&store);
  transaction.Put("first", "1");
  const Transaction::Mark mark = transaction.SetMark();
  transaction.Put("first", "changed");
  transaction.Put("second", "2");
  transaction.RollBackTo(mark);
  ASSERT_TRUE(transaction.Commit().ok());
  EXPECT_EQ(*store.Get("first"), "1");
  EXPECT_EQ(*store.Get("second"), std::nullopt);
}

TEST(PrefixEndTest, CarriesOverTheHighestByte) {
  EXPECT_EQ(PrefixEnd("ab"), "ac");
  EXPECT_EQ(PrefixEnd("a\xff\xff"), "b");
  EXPECT_EQ(PrefixEnd("\xff"), "");
  EXPECT_EQ(PrefixEnd(""), "");
}

}  // namespace
}  // namespace yizhan::platform
