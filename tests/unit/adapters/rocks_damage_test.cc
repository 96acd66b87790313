// Flipped bits in every file of a store: it opens with all data right, or it
// says loudly what is wrong. Never with holes, never with wrong bytes.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/kv/rocks_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "tests/support/seeded_random.h"

namespace yizhan::platform {
namespace {

namespace fs = std::filesystem;

using Data = std::map<std::string, std::string>;

// What came of one damage.
enum class Outcome { kIntact, kRefusedAtOpen, kReadsFail, kHole };

class RocksDamageTest : public ::testing::Test {
 protected:
  RocksDamageTest()
      : root_(::testing::TempDir() + "yizhan_damage_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name()),
        dir_(root_ + "/store"),
        pristine_(root_ + "/pristine") {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  ~RocksDamageTest() override { fs::remove_all(root_); }

  absl::StatusOr<std::unique_ptr<RocksStore>> Open() {
    RocksStore::Options options;
    options.dir = dir_;
    options.write_buffer_bytes = 256 << 10;
    return RocksStore::Open(options);
  }

  // Tables, blobs and a log of several blocks, all with data.
  void MakeStore() {
    auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    for (int i = 0; i < 400; ++i) {
      WriteBatch batch;
      Put(batch, absl::StrCat("key", 1000 + i), 200 + random_.Bytes(1)[0] % 100);
      if (i % 10 == 0) Put(batch, absl::StrCat("body", 1000 + i), 6000);
      ASSERT_TRUE((*store)->Write(batch).ok());
      if (i == 200) {
        ASSERT_TRUE((*store)->ReclaimSpace().ok());
      }
    }
    store = absl::UnknownError("closed");
    fs::copy(dir_, pristine_);
  }
  void Put(WriteBatch& batch, const std::string& key, int bytes) {
    data_[key] = random_.Bytes(static_cast<std::size_t>(bytes));
    batch.Put(key, data_[key]);
  }

  void Restore() {
    fs::remove_all(dir_);
    fs::copy(pristine_, dir_);
  }
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(pristine_)) {
      if (entry.file_size() > 0) names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  void Flip(const std::string& file, std::uintmax_t at, int bit) {
    std::fstream bytes(dir_ + "/" + file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(bytes.get() ^ (1 << bit));
    bytes.seekp(static_cast<std::streamoff>(at));
    bytes.put(byte);
  }

  // Where the records of a log begin.
  std::vector<std::uintmax_t> RecordsOf(const std::string& file) const {
    std::ifstream in(pristine_ + "/" + file, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    std::vector<std::uintmax_t> records;
    for (std::size_t at = 0; at + 7 <= bytes.size();) {
      const std::size_t left = 32768 - at % 32768;
      if (left >= 7) records.push_back(at);
      at += left < 7 ? left
                     : 7u + static_cast<unsigned char>(bytes[at + 4]) +
                           256u * static_cast<unsigned char>(bytes[at + 5]);
    }
    return records;
  }

  Outcome Look(std::string* said) {
    auto store = Open();
    if (!store.ok()) {
      *said = Said(store.status());
      return Outcome::kRefusedAtOpen;
    }
    const Outcome read = Read(**store, said);
    const Outcome scanned = Scan(**store, said);
    return std::max(read, scanned);
  }
  Outcome Read(const RocksStore& store, std::string* said) {
    Outcome outcome = Outcome::kIntact;
    for (const auto& [key, value] : data_) {
      const auto got = store.Get(key);
      if (!got.ok()) {
        *said = Said(got.status());
        outcome = std::max(outcome, Outcome::kReadsFail);
      } else if (*got != value) {
        return Outcome::kHole;
      }
    }
    return outcome;
  }
  Outcome Scan(const RocksStore& store, std::string* said) {
    auto expected = data_.begin();
    const auto at = store.Scan("", "");
    for (; at->Valid(); at->Next(), ++expected) {
      if (expected == data_.end() || at->key() != expected->first ||
          at->value() != expected->second) {
        return Outcome::kHole;
      }
    }
    if (!at->status().ok()) {
      *said = Said(at->status());
      return Outcome::kReadsFail;
    }
    return expected == data_.end() ? Outcome::kIntact : Outcome::kHole;
  }
  static std::string Said(const absl::Status& status) {
    return absl::StrCat(v1::ErrorReason_Name(contract::ReasonOf(status)), ": ",
                        contract::DetailOf(status).what(), " ",
                        contract::DetailOf(status).next_step());
  }

  // One flip, in a fresh copy; fails the test where the store hides it.
  Outcome Try(const std::string& file, std::uintmax_t at, int bit) {
    Restore();
    Flip(file, at, bit);
    std::string said;
    const Outcome outcome = Look(&said);
    EXPECT_NE(outcome, Outcome::kHole) << file << " byte " << at << " bit " << bit;
    if (outcome == Outcome::kRefusedAtOpen || outcome == Outcome::kReadsFail) {
      EXPECT_TRUE(absl::StrContains(said, "STORAGE_FAILED")) << said;
      EXPECT_TRUE(absl::StrContains(said, dir_)) << said;
    }
    ++outcomes_[{absl::StrContains(file, ".") ? file.substr(file.find('.')) : file.substr(0, 8),
                 outcome}];
    return outcome;
  }
  void Print() const {
    const char* const names[] = {"intact", "refused at open", "reads fail", "HOLE"};
    for (const auto& [what, count] : outcomes_) {
      std::printf("%-10s %-16s %d\n", what.first.c_str(), names[static_cast<int>(what.second)],
                  count);
    }
  }

  const std::string root_;
  const std::string dir_;
  const std::string pristine_;
  SeededRandom random_{5};
  Data data_;
  std::map<std::pair<std::string, Outcome>, int> outcomes_;
};

TEST_F(RocksDamageTest, BitFlippedAnywhere_IsNeverHidden) {
  MakeStore();
  for (const std::string& file : Files()) {
    const std::uintmax_t size = fs::file_size(pristine_ + "/" + file);
    for (int i = 0; i < 40; ++i) {
      std::uintmax_t at = 0;
      for (const char byte : random_.Bytes(6)) at = at << 8 | static_cast<unsigned char>(byte);
      Try(file, at % size, static_cast<unsigned char>(random_.Bytes(1)[0]) % 8);
    }
  }
  Print();
}

// RocksDB takes a record that reaches beyond the end of its file for a torn one,
// and drops it with all that follow.
TEST_F(RocksDamageTest, LengthFlippedInALogsLastRecords_IsNotTakenForATornEnd) {
  MakeStore();
  for (const std::string& file : Files()) {
    const bool manifest = absl::StartsWith(file, "MANIFEST-");
    if (!manifest && !absl::EndsWith(file, ".log")) continue;
    const std::vector<std::uintmax_t> records = RecordsOf(file);
    ASSERT_GT(records.size(), 3u) << file;
    for (std::size_t back : {1, 2, 3, 20}) {
      if (back > records.size()) continue;
      for (int bit = 0; bit < 16; ++bit) {
        Try(file, records[records.size() - back] + 4 + static_cast<std::uintmax_t>(bit) / 8,
            bit % 8);
      }
    }
  }
  Print();
}

TEST_F(RocksDamageTest, LogLost_IsNotBegunAnew) {
  MakeStore();
  for (const std::string& file : Files()) {
    const bool leads = absl::StartsWith(file, "MANIFEST-") || file == "CURRENT";
    const bool holds = absl::EndsWith(file, ".log") || absl::EndsWith(file, ".sst") ||
                       absl::EndsWith(file, ".blob");
    if (!leads && !holds) continue;
    Restore();
    fs::remove(dir_ + "/" + file);
    std::string said;
    const Outcome outcome = Look(&said);
    EXPECT_TRUE(outcome == Outcome::kRefusedAtOpen || outcome == Outcome::kReadsFail) << file;
    EXPECT_THAT(said, ::testing::HasSubstr(dir_)) << file;
  }
}

TEST_F(RocksDamageTest, PageOfTheLogLostAtItsEnd_IsRefusedUnlessNothingWasThere) {
  MakeStore();
  const auto files = Files();
  const auto log = std::find_if(files.begin(), files.end(),
                                [](const std::string& f) { return absl::EndsWith(f, ".log"); });
  ASSERT_NE(log, files.end());
  const std::uintmax_t size = fs::file_size(pristine_ + "/" + *log);
  Restore();
  {  // The last but one page reads as zeros.
    std::fstream bytes(dir_ + "/" + *log, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(static_cast<std::streamoff>(size - 8192));
    bytes << std::string(4096, '\0');
  }
  std::string said;
  EXPECT_EQ(Look(&said), Outcome::kRefusedAtOpen);
  Restore();
  fs::resize_file(dir_ + "/" + *log, size + 4096);  // space that no write reached
  EXPECT_EQ(Look(&said), Outcome::kIntact) << said;
}

}  // namespace
}  // namespace yizhan::platform
