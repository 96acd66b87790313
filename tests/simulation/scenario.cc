#include "tests/simulation/scenario.h"

#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/text_format.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/injector.h"
#include "tests/simulation/lying_peer.h"
#include "tests/simulation/naming.h"
#include "tests/simulation/toy_suite.h"

// Maps of messages are serialized in the order of their keys: the library's own
// switch for its tests, the one way to repeat a run byte for byte.
namespace google::protobuf::internal {
void MapTestForceDeterministic() { io::CodedOutputStream::SetDefaultSerializationDeterministic(); }
}  // namespace google::protobuf::internal

namespace yizhan::simulation {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1790000000);
constexpr absl::Duration kLook = absl::Seconds(5);
// Between two honest nodes and a broker that works, with nothing in the way: six
// passages of a frame, and the groups at each end.
constexpr absl::Duration kCalmBound = absl::Seconds(3);

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

class Scenario {
 public:
  Scenario(const Plan& plan, const ScenarioOptions& options)
      : plan_(plan),
        options_(options),
        dice_(plan.seed),
        toy_(plan.seed),
        lab_({32, 34, 51, 61, kLiar}, kStart - absl::Hours(1),
             options.real_crypto ? &testing::RealLabKeys() : &toy_),
        time_(kStart),
        liar_(plan.seed + 1, &lab_, &history_) {
    OpenRoutes();
    broker_.emplace(&time_, &dice_, &lab_, &history_);
    for (const std::uint32_t province : {32, 34, 51, 61}) {
      if (province != 61 || plan.calm_pair) provinces_[province].node = MakeNode(province, nullptr);
    }
    injector_.emplace(World(), &provinces_, [this](std::uint32_t province, const SimDisk& like) {
      return MakeNode(province, &like);
    });
    injector_->lost_disks().WhenRestored([this](std::uint32_t province) {
      for (auto& resident : residents_) LookAgain(*resident, province);
    });
    Cast();
  }

  ScenarioResult Run() {
    for (const ResidentPlan& resident : plan_.residents) Add(resident);
    for (const Injection& injection : plan_.injections) {
      if (injection.kind == FaultKind::kRestored) injector_->registrar().KeepRetiredKeys();
      time_.In(injection.at, [this, &injection] { injector_->Inject(injection); });
    }
    time_.RunUntil(kStart + plan_.trouble, nullptr);
    Heal();
    RunUntilQuiet();
    for (auto& [code, province] : provinces_) province.node->TellLastKnown();
    injector_->lost_disks().TellEarlierLogs();
    TellKeys();
    for (auto& resident : residents_) history_.endings.push_back(resident->Ending());
    ScenarioResult result;
    result.violations = CheckHistory(history_);
    result.virtual_time = time_.elapsed();
    result.events = time_.events();
    result.state_digest = StateDigest();
    result.history = std::move(history_);
    return result;
  }

 private:
  SimNode::World World() {
    return {
        &time_, &dice_, &lab_, &*broker_, &liar_, &history_, &ShippedPolicy(), plan_.message_life};
  }

  std::unique_ptr<SimNode> MakeNode(std::uint32_t province, const SimDisk* like) {
    auto node = std::make_unique<SimNode>(World(), province, like);
    node->WhenStarted([this, province] { injector_->lost_disks().Started(province); });
    return node;
  }

  void OpenRoutes() {
    lab_.OpenRoutes(32, 34);
    lab_.OpenRoutes(32, 51);
    lab_.OpenRoutes(51, 61);
    lab_.OpenRoutes(32, kLiar);
    lab_.OpenRoutes(34, kLiar);
  }

  void Cast() {
    history_.messages_may_expire = plan_.message_life < plan_.trouble;
    if (plan_.lying_peer) {
      history_.liars.insert(kLiar);
      peer_.emplace(LyingPeer::World{&time_, &lab_, &*broker_, &liar_, &history_}, kLiar,
                    plan_.seed + 2);
      peer_->LieUntil(kStart + plan_.trouble);
    }
    if (plan_.broker_lies_one_in != 0) {
      history_.broker_lies = true;
      liar_.Lie(plan_.broker_lies_one_in);
    }
    if (plan_.calm_pair) {
      history_.calm_pairs.insert({51, 61});
      history_.calm_bound_us = absl::ToInt64Microseconds(kCalmBound);
    }
  }

  void Add(const ResidentPlan& plan) {
    residents_.push_back(std::make_unique<Resident>(plan.number, &provinces_.at(plan.accepting),
                                                    &provinces_.at(plan.home), plan.plan));
    Resident* resident = residents_.back().get();
    time_.In(plan.at, [this, resident] { ActSoon(resident); });
  }

  // What was done for a resident may be undone.
  void LookAgain(Resident& resident, std::uint32_t province) {
    const bool was_ended = resident.ended();
    resident.LookAgain(province);
    if (was_ended && !resident.ended()) ActSoon(&resident);
  }

  void ActSoon(Resident* resident) {
    time_.In(dice_.Between(absl::Seconds(1), absl::Seconds(20)), [this, resident] {
      resident->Act(time_.now());
      if (!resident->ended()) ActSoon(resident);
    });
  }

  void Heal() {
    // A broker that lied is replaced by an honest one on the same disk.
    if (plan_.broker_lies_one_in != 0) broker_->Crash();
    liar_.Lie(0);
    injector_->Heal();
    if (plan_.broker_lies_one_in == 0) return;
    for (auto& [code, province] : provinces_) province.node->wire().Cut();
  }

  void TellKeys() {
    for (const std::uint32_t province : {32u, 34u, 51u, 61u, kLiar}) {
      for (const contract::KeyId& key : lab_.sealing_keys(province)) {
        history_.own_keys[province].insert(Hex(key.view()));
      }
    }
  }

  bool Quiet() const {
    for (const auto& resident : residents_) {
      if (!resident->ended()) return false;
    }
    for (const auto& [code, province] : provinces_) {
      const SimNode& node = *province.node;
      if (!node.session_open() || !node.Quiet() || !Recovered(node)) return false;
    }
    return injector_->healed();
  }

  // From everybody who is there to answer.
  bool Recovered(const SimNode& node) const {
    const v1::RecoveryStatus status = node.Recovery();
    bool done = !status.restored();
    for (const v1::RecoveryPeerStatus& line : status.peers()) {
      done &= line.done() || !provinces_.contains(line.peer());
    }
    return done;
  }

  void RunUntilQuiet() {
    const absl::Time end = time_.now() + options_.healing;
    // A peer may be about to send once more what a restored node has lost.
    for (int quiet = 0; time_.now() < end && quiet < 2;) {
      time_.RunUntil(time_.now() + kLook, nullptr);
      quiet = Quiet() ? quiet + 1 : 0;
    }
    // A fault may wait for a write or a read that is still to come.
    time_.RunUntil(time_.now() + kLook, nullptr);
    for (auto& [code, province] : provinces_) {
      if (!province.node->up()) province.node->Start();
    }
  }

  std::string StateDigest() {
    std::string all;
    const auto add = [&](const SimDisk& disk) {
      for (const auto& [key, value] : disk.content()) {
        absl::StrAppend(&all, key.size(), ":", key, value.size(), ":", value);
      }
    };
    add(broker_->disk());
    for (const auto& [code, province] : provinces_) add(province.node->disk());
    for (const HistoryEvent& event : history_.events) {
      absl::StrAppend(&all, static_cast<int>(event.kind), event.message.source, ">",
                      event.message.destination, event.message.case_hex, event.message.sequence,
                      event.header_digest_hex, event.at_us, ";");
    }
    const absl::string_view view = all;
    return Hex(ToyDigest(absl::MakeConstSpan(&view, 1)).view());
  }

  const Plan plan_;
  const ScenarioOptions options_;
  History history_;
  Dice dice_;
  ToySuite toy_;
  testing::LabDirectory lab_;
  VirtualTime time_;
  LyingBroker liar_;
  std::optional<SimBroker> broker_;
  Injector::Provinces provinces_;
  std::optional<Injector> injector_;
  std::optional<LyingPeer> peer_;
  std::vector<std::unique_ptr<Resident>> residents_;
};

}  // namespace

ScenarioResult RunScenario(const Plan& plan, const ScenarioOptions& options) {
  google::protobuf::internal::MapTestForceDeterministic();
  return Scenario(plan, options).Run();
}

}  // namespace yizhan::simulation
