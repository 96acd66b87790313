// Parts of a node by themselves: store identity, session, schedule, directory copy.
#include "adapters/platform/kv/memory_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "province_nodes/directory/directory_copy.h"
#include "province_nodes/outbox/schedule.h"
#include "province_nodes/session/session.h"
#include "province_nodes/store/node_store.h"
#include "tests/support/lab_directory.h"
#include "tests/support/seeded_random.h"

namespace yizhan::node {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'772'413'200);

SlotKey Slot(std::uint32_t peer, char name, std::uint64_t sequence) {
  return {contract::ProvinceCode(peer), *contract::CaseHandle::From(std::string(16, name)),
          sequence};
}

// --- store ---

TEST(NodeStore, OpenedAgain_KeepsItsIncarnation) {
  platform::MemoryStore store;
  platform::SeededRandom random(1);
  const auto first = OpenNodeStore(store, contract::ProvinceCode(32), random, kNow);
  const auto again = OpenNodeStore(store, contract::ProvinceCode(32), random, kNow);
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_EQ(*first, *again);
  EXPECT_FALSE(first->is_zero());
}

TEST(NodeStore, OfAnotherProvince_IsRefused) {
  platform::MemoryStore store;
  platform::SeededRandom random(1);
  ASSERT_TRUE(OpenNodeStore(store, contract::ProvinceCode(32), random, kNow).ok());
  EXPECT_EQ(
      contract::ReasonOf(OpenNodeStore(store, contract::ProvinceCode(34), random, kNow).status()),
      v1::CONFIG_INVALID);
}

TEST(NodeStore, WithForeignDataOrFormat_IsRefused) {
  platform::SeededRandom random(1);
  for (const char* key : {"something", "n/format"}) {
    platform::MemoryStore store;
    platform::WriteBatch batch;
    batch.Put(key, key[0] == 'n' ? "\x08\x63\x10\x20" : "");  // format_version 99, province 32
    ASSERT_TRUE(store.Write(batch).ok());
    EXPECT_EQ(
        contract::ReasonOf(OpenNodeStore(store, contract::ProvinceCode(32), random, kNow).status()),
        v1::VERSION_UNSUPPORTED)
        << key;
  }
}

TEST(NodeStore, LaneErased_OtherLanesStay) {
  platform::MemoryStore store;
  const contract::RunId run = *contract::RunId::From(std::string(16, 'r'));
  platform::WriteBatch batch;
  for (int i = 0; i < 3000; ++i) batch.Put(TestPrefix(run) + std::to_string(i), "x");
  batch.Put(BusinessPrefix() + "m", "kept");
  ASSERT_TRUE(store.Write(batch).ok());
  ASSERT_TRUE(EraseLane(store, TestPrefix(run)).ok());
  const auto left = store.Scan("", "");
  ASSERT_TRUE(left->Valid());
  EXPECT_EQ(left->value(), "kept");
  left->Next();
  EXPECT_FALSE(left->Valid());
}

TEST(SlotKeyTest, EncodedAndDecoded_IsTheSameAndSortsBySequence) {
  EXPECT_EQ(SlotKey::Decode(Slot(32, 'a', 7).Encode()), Slot(32, 'a', 7));
  EXPECT_LT(Slot(32, 'a', 255).Encode(), Slot(32, 'a', 256).Encode());
}

// --- session ---

v1::OpenSessionResponse Answer(absl::Time clock) {
  v1::OpenSessionResponse response;
  response.set_session_number(7);
  response.set_now_unix_us(absl::ToUnixMicros(clock));
  return response;
}

TEST(SessionTest, BrokerAway_AttemptsAreSpacedWithinTheBound) {
  platform::SeededRandom random(1);
  Session session(&random);
  absl::Time now = kNow;
  int attempts = 0;
  for (; now < kNow + absl::Minutes(10); now += absl::Milliseconds(50)) {
    if (!session.WantsToOpen(now)) continue;
    ++attempts;
    session.Disconnected(absl::UnavailableError("nobody answers"), now);
  }
  EXPECT_GT(attempts, 50);   // at least every 10 seconds
  EXPECT_LT(attempts, 140);  // not in a storm
}

TEST(SessionTest, Fenced_StaysDownUntilResumed) {
  platform::SeededRandom random(1);
  Session session(&random);
  ASSERT_TRUE(session.WantsToOpen(kNow));
  ASSERT_TRUE(session.Opened(Answer(kNow), kNow).ok());
  session.Disconnected(
      contract::MakeError(v1::SESSION_FENCED, v1::SIDE_MINE, "a newer session is active", ""),
      kNow);
  session.Disconnected(absl::UnavailableError("the stream ended"), kNow);
  EXPECT_FALSE(session.WantsToOpen(kNow + absl::Hours(24)));
  session.Resume();
  EXPECT_TRUE(session.WantsToOpen(kNow + absl::Hours(24)));
}

TEST(SessionTest, SessionUnknownToARestartedBroker_IsOpenedAgainAtOnce) {
  platform::SeededRandom random(1);
  Session session(&random);
  ASSERT_TRUE(session.WantsToOpen(kNow));
  ASSERT_TRUE(session.Opened(Answer(kNow), kNow).ok());
  session.Disconnected(contract::MakeError(v1::SESSION_UNKNOWN, v1::SIDE_BROKER, "unknown", ""),
                       kNow);
  EXPECT_TRUE(session.WantsToOpen(kNow));
}

TEST(SessionTest, ClocksSixMinutesApart_SessionIsNotUsed) {
  platform::SeededRandom random(1);
  Session session(&random);
  ASSERT_TRUE(session.WantsToOpen(kNow));
  const absl::Status skew = session.Opened(Answer(kNow + absl::Minutes(6)), kNow);
  EXPECT_EQ(contract::ReasonOf(skew), v1::CLOCK_SKEW);
  EXPECT_FALSE(session.open());
}

// --- schedule ---

TEST(ScheduleTest, PredecessorUnaccepted_SuccessorWaitsForIt) {
  Schedule schedule;
  schedule.Put(Slot(34, 'a', 1), Schedule::Stage::kUnaccepted, kNow, kNow);
  schedule.Put(Slot(34, 'a', 2), Schedule::Stage::kUnaccepted, kNow, kNow);
  ASSERT_EQ(schedule.TakeDue(kNow), Slot(34, 'a', 1));
  schedule.BeginFlight(Slot(34, 'a', 1), 100);
  EXPECT_EQ(schedule.TakeDue(kNow), std::nullopt);
  schedule.Put(Slot(34, 'a', 1), Schedule::Stage::kAccepted, kNow + absl::Hours(1), kNow);
  EXPECT_EQ(schedule.TakeDue(kNow), Slot(34, 'a', 2));
}

TEST(ScheduleTest, DestinationWithoutCredit_DoesNotDelayAnother) {
  Schedule schedule;
  v1::DestinationCredit none;
  none.set_destination(34);
  schedule.SetCredit(none);
  schedule.Put(Slot(34, 'a', 1), Schedule::Stage::kUnaccepted, kNow, kNow);
  schedule.Put(Slot(51, 'b', 1), Schedule::Stage::kUnaccepted, kNow, kNow);
  EXPECT_EQ(schedule.TakeDue(kNow), Slot(51, 'b', 1));
  EXPECT_EQ(schedule.TakeDue(kNow), std::nullopt);
}

TEST(ScheduleTest, CreditOfTwo_ThirdWaitsForAnAnswer) {
  Schedule schedule;
  v1::DestinationCredit two;
  two.set_messages(2);
  two.set_bytes(std::uint64_t{32} << 20);
  schedule.SetCredit(two);
  for (const char name : {'a', 'b', 'c'}) {
    schedule.Put(Slot(34, name, 1), Schedule::Stage::kUnaccepted, kNow, kNow);
  }
  std::uint64_t tag = 0;
  for (int i = 0; i < 2; ++i) tag = schedule.BeginFlight(*schedule.TakeDue(kNow), 100);
  EXPECT_EQ(schedule.TakeDue(kNow), std::nullopt);
  ASSERT_TRUE(schedule.EndFlight(tag).has_value());
  EXPECT_TRUE(schedule.TakeDue(kNow).has_value());
}

TEST(ScheduleTest, SessionEnded_WhatWasInFlightIsDueAgain) {
  Schedule schedule;
  schedule.Put(Slot(34, 'a', 1), Schedule::Stage::kUnaccepted, kNow, kNow);
  const std::uint64_t tag = schedule.BeginFlight(*schedule.TakeDue(kNow), 100);
  schedule.EndAllFlights(kNow);
  EXPECT_EQ(schedule.EndFlight(tag), std::nullopt);
  EXPECT_EQ(schedule.TakeDue(kNow), Slot(34, 'a', 1));
}

TEST(ScheduleTest, DueAgainWhileInFlight_IsOfferedAfterItsAnswer) {
  Schedule schedule;
  const SlotKey slot = Slot(34, 'a', 1);
  schedule.Put(slot, Schedule::Stage::kAccepted, kNow, kNow);
  const std::uint64_t tag = schedule.BeginFlight(*schedule.TakeDue(kNow), 100);
  schedule.Put(slot, Schedule::Stage::kTombstone, kNow, kNow);
  EXPECT_EQ(schedule.TakeDue(kNow), std::nullopt);
  ASSERT_EQ(schedule.EndFlight(tag), slot);
  EXPECT_EQ(schedule.TakeDue(kNow), slot);
}

// --- directory ---

class DirectoryCopyTest : public ::testing::Test {
 protected:
  std::unique_ptr<DirectoryCopy> Load() {
    auto copy = DirectoryCopy::Load(store, lab.algorithms(), lab.genesis_digest(), kNow);
    return copy.ok() ? *std::move(copy) : nullptr;
  }
  v1::FetchEntriesResponse All() {
    v1::FetchEntriesResponse response;
    for (const v1::SignedEntry& entry : lab.entries()) *response.add_entries() = entry;
    *response.mutable_head() = lab.state().head();
    return response;
  }
  testing::LabDirectory lab{{32, 34}, kNow};
  platform::MemoryStore store;
};

TEST_F(DirectoryCopyTest, FetchedEntries_AreVerifiedStoredAndReplayedAfterARestart) {
  auto copy = Load();
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(copy->Compare(lab.state().head()), DirectoryCopy::Told::kLarger);
  platform::Transaction txn(&store);
  ASSERT_TRUE(copy->Apply(txn, 0, All(), kNow).ok());
  ASSERT_TRUE(txn.Commit().ok());
  EXPECT_EQ(copy->Compare(lab.state().head()), DirectoryCopy::Told::kSame);
  EXPECT_EQ(Load()->Compare(lab.state().head()), DirectoryCopy::Told::kSame);
}

TEST_F(DirectoryCopyTest, AnotherLogOfTheSameLength_IsAForkAndIsNotFollowed) {
  auto copy = Load();
  platform::Transaction txn(&store);
  ASSERT_TRUE(copy->Apply(txn, 0, All(), kNow).ok());
  v1::DirectoryHead other = lab.state().head();
  other.mutable_digest()->back() ^= 1;
  EXPECT_EQ(copy->Compare(other), DirectoryCopy::Told::kFork);
  v1::FetchEntriesResponse changed = All();
  changed.mutable_entries(1)->mutable_entry()->back() ^= 1;
  EXPECT_EQ(contract::ReasonOf(copy->Apply(txn, 0, changed, kNow)), v1::DIRECTORY_ENTRY_REFUSED);
  EXPECT_EQ(copy->Compare(lab.state().head()), DirectoryCopy::Told::kSame);
}

TEST_F(DirectoryCopyTest, EntryWithABrokenSignature_IsRefusedAndTheOnesBeforeItStay) {
  auto copy = Load();
  v1::FetchEntriesResponse changed = All();
  changed.mutable_entries(1)
      ->mutable_signatures(0)
      ->mutable_signature()
      ->mutable_root_signature()
      ->back() ^= 1;
  platform::Transaction txn(&store);
  EXPECT_FALSE(copy->Apply(txn, 0, changed, kNow).ok());
  EXPECT_EQ(copy->head().size(), 1U);
}

}  // namespace
}  // namespace yizhan::node
