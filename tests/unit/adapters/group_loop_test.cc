#include "adapters/platform/loop/group_loop.h"

#include <atomic>
#include <thread>
#include <vector>

#include "adapters/platform/mutex/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace yizhan::platform {
namespace {

using ::testing::ElementsAre;

// A door that holds whoever passes until it is opened.
class Door {
 public:
  void Open() {
    MutexLock lock(&mutex_);
    open_ = true;
    changed_.NotifyAll();
  }
  void Pass() {
    MutexLock lock(&mutex_);
    reached_ = true;
    changed_.NotifyAll();
    changed_.Wait(&mutex_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return open_; });
  }
  void AwaitReached() {
    MutexLock lock(&mutex_);
    changed_.Wait(&mutex_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return reached_; });
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  bool reached_ ABSL_GUARDED_BY(mutex_) = false;
};

class Flag {
 public:
  void Raise() {
    MutexLock lock(&mutex_);
    raised_ = true;
    changed_.NotifyAll();
  }
  void Await() {
    MutexLock lock(&mutex_);
    changed_.Wait(&mutex_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return raised_; });
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool raised_ ABSL_GUARDED_BY(mutex_) = false;
};

TEST(GroupLoopTest, TasksPosted_RunInOrderOnOneThread) {
  std::vector<int> ran;
  std::vector<std::thread::id> threads;
  auto loop = GroupLoop::Start({});
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(loop->Post([&, i] {
      ran.push_back(i);
      threads.push_back(std::this_thread::get_id());
    }));
  }
  loop->Stop();
  ASSERT_EQ(ran.size(), 100u);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(ran[i], i);
    EXPECT_EQ(threads[i], threads[0]);
  }
  EXPECT_NE(threads[0], std::this_thread::get_id());
}

TEST(GroupLoopTest, CommitBlocks_WhatWaitsMeanwhileIsOneGroup) {
  Door door;
  std::vector<int> group_sizes;
  int tasks_since_commit = 0;
  GroupLoop::Options options;
  options.commit = [&] {
    if (group_sizes.empty()) door.Pass();
    group_sizes.push_back(tasks_since_commit);
    tasks_since_commit = 0;
    return absl::OkStatus();
  };
  auto loop = GroupLoop::Start(std::move(options));
  loop->Post([&] { ++tasks_since_commit; });
  door.AwaitReached();
  for (int i = 0; i < 50; ++i) loop->Post([&] { ++tasks_since_commit; });
  EXPECT_EQ(loop->waiting(), 50u);
  door.Open();
  loop->Stop();
  EXPECT_THAT(group_sizes, ElementsAre(1, 50));
}

TEST(GroupLoopTest, MoreThanAGroupWaits_GroupsAreBounded) {
  Door door;
  std::vector<int> group_sizes;
  int tasks_since_commit = 0;
  GroupLoop::Options options;
  options.max_group = 4;
  options.commit = [&] {
    if (group_sizes.empty()) door.Pass();
    group_sizes.push_back(tasks_since_commit);
    tasks_since_commit = 0;
    return absl::OkStatus();
  };
  auto loop = GroupLoop::Start(std::move(options));
  loop->Post([&] { ++tasks_since_commit; });
  door.AwaitReached();
  for (int i = 0; i < 10; ++i) loop->Post([&] { ++tasks_since_commit; });
  door.Open();
  loop->Stop();
  EXPECT_THAT(group_sizes, ElementsAre(1, 4, 4, 2));
}

TEST(GroupLoopTest, QueueFull_PostIsRefusedAndTheTaskNeverRuns) {
  Door door;
  std::atomic<int> ran = 0;
  GroupLoop::Options options;
  options.max_waiting = 2;
  auto loop = GroupLoop::Start(std::move(options));
  loop->Post([&] { door.Pass(); });
  door.AwaitReached();
  EXPECT_TRUE(loop->Post([&] { ++ran; }));
  EXPECT_TRUE(loop->Post([&] { ++ran; }));
  EXPECT_FALSE(loop->Post([&] { ran += 100; }));
  door.Open();
  loop->Stop();
  EXPECT_EQ(ran, 2);
}

TEST(GroupLoopTest, CommitFails_NoFurtherTaskRunsAndTheFailureIsToldOnce) {
  Door door;
  std::atomic<int> ran_after = 0;
  std::atomic<int> told = 0;
  Flag failed;
  GroupLoop::Options options;
  options.commit = [&] {
    door.Pass();
    return absl::DataLossError("disk gone");
  };
  options.on_failure = [&](const absl::Status& status) {
    EXPECT_EQ(status.message(), "disk gone");
    ++told;
    failed.Raise();
  };
  auto loop = GroupLoop::Start(std::move(options));
  loop->Post([] {});
  door.AwaitReached();
  EXPECT_TRUE(loop->Post([&] { ++ran_after; }));
  door.Open();
  failed.Await();
  EXPECT_FALSE(loop->Post([&] { ++ran_after; }));
  EXPECT_EQ(loop->waiting(), 0u);
  loop->Stop();
  loop->Stop();
  EXPECT_EQ(ran_after, 0);
  EXPECT_EQ(told, 1);
}

TEST(GroupLoopTest, Stopped_WhatWaitedIsCommittedAndPostIsRefused) {
  Door door;
  int ran = 0;
  int committed = 0;
  GroupLoop::Options options;
  options.commit = [&] {
    committed = ran;
    return absl::OkStatus();
  };
  auto loop = GroupLoop::Start(std::move(options));
  loop->Post([&] { door.Pass(); });
  door.AwaitReached();
  for (int i = 0; i < 7; ++i) loop->Post([&] { ++ran; });
  std::thread stopper([&] { loop->Stop(); });
  door.Open();
  stopper.join();
  EXPECT_EQ(committed, 7);
  EXPECT_FALSE(loop->Post([&] { ++ran; }));
  EXPECT_EQ(ran, 7);
}

TEST(GroupLoopTest, Idle_TicksComeAndAreCommitted) {
  Flag third;
  int ticks = 0;
  int ticks_committed = 0;
  GroupLoop::Options options;
  options.tick = absl::Milliseconds(1);
  options.on_tick = [&] { ++ticks; };
  options.commit = [&] {
    ticks_committed = ticks;
    if (ticks == 3) third.Raise();
    return absl::OkStatus();
  };
  auto loop = GroupLoop::Start(std::move(options));
  third.Await();
  loop->Stop();
  EXPECT_GE(ticks, 3);
  EXPECT_EQ(ticks_committed, ticks);
}

TEST(GroupLoopTest, ManyThreadsPost_EachKeepsItsOrder) {
  std::vector<std::vector<int>> ran(4);
  auto loop = GroupLoop::Start({});
  std::vector<std::thread> posters;
  for (int t = 0; t < 4; ++t) {
    posters.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) ASSERT_TRUE(loop->Post([&, t, i] { ran[t].push_back(i); }));
    });
  }
  for (std::thread& poster : posters) poster.join();
  loop->Stop();
  for (const std::vector<int>& mine : ran) {
    ASSERT_EQ(mine.size(), 500u);
    for (int i = 0; i < 500; ++i) EXPECT_EQ(mine[i], i);
  }
}

}  // namespace
}  // namespace yizhan::platform
