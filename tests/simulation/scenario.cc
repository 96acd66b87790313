#include "tests/simulation/scenario.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <vector>

#include "google/protobuf/text_format.h"
#include "tests/simulation/residents.h"
#include "tests/simulation/sim_broker.h"
#include "tests/simulation/sim_node.h"
#include "tests/simulation/virtual_time.h"
#include "tests/support/lab_directory.h"

namespace yizhan::simulation {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1790000000);

const v1::Policy& ShippedPolicy() {
  static const v1::Policy* const policy = [] {
    std::ifstream in(YIZHAN_SOURCE_DIR "/deploy/data/policy.textproto");
    std::stringstream text;
    text << in.rdbuf();
    auto* parsed = new v1::Policy;
    if (!google::protobuf::TextFormat::ParseFromString(text.str(), parsed)) std::abort();
    return parsed;
  }();
  return *policy;
}

// Keys and directory are the same in every run; making them costs more than a run.
testing::LabDirectory& Lab() {
  static testing::LabDirectory* const lab = [] {
    auto* made = new testing::LabDirectory({32, 34, 51}, kStart - absl::Hours(1));
    made->OpenRoutes(32, 34);
    made->OpenRoutes(32, 51);
    return made;
  }();
  return *lab;
}

class Scenario {
 public:
  explicit Scenario(const ScenarioOptions& options)
      : options_(options),
        dice_(options.seed),
        time_(kStart),
        broker_(&time_, &dice_, &Lab(), &history_) {
    for (std::uint32_t province : {32, 34, 51}) {
      nodes_.push_back(std::make_unique<SimNode>(
          SimNode::World{&time_, &dice_, &Lab(), &broker_, &history_, &ShippedPolicy()}, province));
    }
    for (std::uint64_t i = 0; i < options.residents; ++i) AddResident(i);
  }

  ScenarioResult Run() {
    Trouble();
    time_.RunUntil(kStart + options_.trouble, nullptr);
    Heal();
    time_.RunUntil(kStart + options_.trouble + options_.healing, [this] { return AllEnded(); });
    // What is still on its way (receipts, outcomes of systems) arrives.
    time_.RunUntil(time_.now() + absl::Minutes(20), nullptr);
    for (auto& node : nodes_) node->TellPassages();
    for (auto& resident : residents_) history_.endings.push_back(resident->Ending());
    return {std::move(history_), time_.elapsed(), time_.events()};
  }

 private:
  void AddResident(std::uint64_t number) {
    // Jiangsu with a partner, either way; or within one province.
    SimNode* one = nodes_[0].get();
    SimNode* other = nodes_[1 + dice_.Below(2)].get();
    if (dice_.OneIn(2)) std::swap(one, other);
    if (dice_.OneIn(8)) other = one;
    const auto plan = static_cast<Resident::Plan>(dice_.Below(4));
    residents_.push_back(std::make_unique<Resident>(number, one, other, plan));
    // They come all through the trouble, so that no fault meets an idle network.
    Resident* resident = residents_.back().get();
    time_.In(dice_.Between(absl::ZeroDuration(), options_.trouble),
             [this, resident] { ActSoon(resident); });
  }

  void ActSoon(Resident* resident) {
    time_.In(dice_.Between(absl::Seconds(1), absl::Seconds(20)), [this, resident] {
      resident->Act(time_.now());
      if (!resident->ended()) ActSoon(resident);
    });
  }

  bool AllEnded() const {
    for (const auto& resident : residents_) {
      if (!resident->ended()) return false;
    }
    return true;
  }

  SimNode& AnyNode() { return *nodes_[dice_.Below(nodes_.size())]; }

  void CrashNode(SimNode& node) {
    node.Crash();
    time_.In(dice_.Between(absl::Milliseconds(100), absl::Seconds(40)), [&node] {
      if (!node.up()) node.Start();
    });
  }

  void CrashBroker() {
    broker_.Crash();
    time_.In(dice_.Between(absl::Milliseconds(100), absl::Seconds(40)), [this] {
      if (!broker_.up()) broker_.Start();
    });
  }

  void Trouble() {
    time_.In(dice_.Between(absl::Seconds(1), absl::Seconds(25)), [this] {
      if (healed_) return;
      InjectOne();
      Trouble();
    });
  }

  void InjectOne() {
    SimNode& node = AnyNode();
    switch (dice_.Below(8)) {
      case 0:
        ++history_.faults["broker_crash"];
        return CrashBroker();
      case 1:
        ++history_.faults["node_crash"];
        return CrashNode(node);
      case 2:
        ++history_.faults["both_crash"];
        CrashBroker();
        return CrashNode(node);
      case 3:
        return FailWrite(FaultyStore::Fault::kLost, "write_lost", node);
      case 4:
        return FailWrite(FaultyStore::Fault::kKept, "write_kept", node);
      case 5:
        ++history_.faults["cut"];
        return node.CutConnection();
      case 6:
        ++history_.faults["unreachable"];
        node.SetReachable(false);
        return time_.In(dice_.Between(absl::Seconds(5), absl::Minutes(2)),
                        [&node] { node.SetReachable(true); });
      default:
        ++history_.faults["clock_jump"];
        return node.JumpClock(dice_.Between(-absl::Minutes(2), absl::Minutes(2)));
    }
  }

  void FailWrite(FaultyStore::Fault fault, const std::string& name, SimNode& node) {
    ++history_.faults[name];
    (dice_.OneIn(3) ? broker_.store() : node.store()).FailNextWrite(fault);
  }

  void Heal() {
    healed_ = true;
    if (!broker_.up()) broker_.Start();
    for (auto& node : nodes_) {
      node->JumpClock(absl::ZeroDuration());
      node->SetReachable(true);
      if (!node->up()) node->Start();
    }
  }

  const ScenarioOptions options_;
  Dice dice_;
  VirtualTime time_;
  History history_;
  SimBroker broker_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::vector<std::unique_ptr<Resident>> residents_;
  bool healed_ = false;
};

}  // namespace

ScenarioResult RunScenario(const ScenarioOptions& options) { return Scenario(options).Run(); }

}  // namespace yizhan::simulation
