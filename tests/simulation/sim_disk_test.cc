// The simulated disk shows whole batches or none.
#include "tests/simulation/sim_disk.h"

#include "gtest/gtest.h"
#include "protos/contract/errors.h"

namespace yizhan::simulation {
namespace {

platform::WriteBatch Batch() {
  platform::WriteBatch batch;
  batch.Put("a", "1");
  batch.Put("b", std::string(40, 'x'));
  batch.Delete("old");
  return batch;
}

TEST(SimDisk, EveryTornWrite_ShowsNothingOfTheBatch) {
  for (std::uint64_t kept = 0; kept < 1000; kept += 7) {
    SimDisk::Counters faults;
    SimDisk disk(&faults);
    platform::WriteBatch before;
    before.Put("old", "0");
    ASSERT_TRUE(disk.Write(before).ok());
    disk.FailWrite(SimDisk::WriteFault::kTorn, 0, kept);
    EXPECT_FALSE(disk.Write(Batch()).ok());
    disk.Reopen();
    EXPECT_EQ(disk.content().size(), 1u) << kept;
    EXPECT_FALSE(disk.last_write_survived());
    EXPECT_EQ(faults["write_torn"], 1u);
  }
}

TEST(SimDisk, Record_IsReadWholeOrNotAtAll) {
  const std::string record = EncodeBatch(Batch());
  const auto whole = DecodeBatch(record);
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(EncodeBatch(*whole), record);
  for (std::size_t size = 0; size < record.size(); ++size) {
    EXPECT_FALSE(DecodeBatch(record.substr(0, size)).has_value()) << size;
  }
  for (std::size_t bit = 0; bit < 8 * record.size(); ++bit) {
    std::string flipped = record;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(DecodeBatch(flipped).has_value()) << bit;
  }
}

TEST(SimDisk, WriteAfterAFailure_IsRefusedUntilReopened) {
  SimDisk disk(nullptr);
  disk.FailWrite(SimDisk::WriteFault::kKept, 1, 0);
  EXPECT_TRUE(disk.Write(Batch()).ok());
  EXPECT_FALSE(disk.Write(Batch()).ok());
  EXPECT_TRUE(disk.last_write_survived());
  EXPECT_FALSE(disk.Write(Batch()).ok());
  disk.Reopen();
  EXPECT_TRUE(disk.Write(Batch()).ok());
}

TEST(SimDisk, FullDisk_RefusesBeforeAnythingIsWritten) {
  SimDisk disk(nullptr);
  ASSERT_TRUE(disk.Write(Batch()).ok());
  disk.SetFull(true);
  platform::WriteBatch more;
  more.Put("c", "3");
  EXPECT_EQ(contract::ReasonOf(disk.Write(more)), v1::STORAGE_FAILED);
  EXPECT_EQ(**disk.Get("a"), "1");
  EXPECT_FALSE(disk.Get("c")->has_value());
}

TEST(SimDisk, DamagedRead_IsToldOnceAndRemembered) {
  SimDisk disk(nullptr);
  ASSERT_TRUE(disk.Write(Batch()).ok());
  disk.FailRead(1);
  EXPECT_TRUE(disk.Get("a").ok());
  EXPECT_EQ(contract::ReasonOf(disk.Get("a").status()), v1::STORAGE_FAILED);
  EXPECT_TRUE(disk.read_damaged());
  EXPECT_TRUE(disk.Write(Batch()).ok());
  disk.Reopen();
  EXPECT_FALSE(disk.read_damaged());
  disk.FailRead(1);
  auto it = disk.Scan("", "");
  EXPECT_TRUE(it->Valid());
  it->Next();
  EXPECT_FALSE(it->Valid());
  EXPECT_EQ(contract::ReasonOf(it->status()), v1::STORAGE_FAILED);
}

}  // namespace
}  // namespace yizhan::simulation
