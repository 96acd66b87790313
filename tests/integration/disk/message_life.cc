#include "tests/integration/disk/message_life.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "adapters/platform/kv/rocks_store.h"
#include "tests/simulation/checker.h"

namespace yizhan::testing {
namespace {

constexpr std::uint32_t kSender = 32;
constexpr std::uint32_t kRecipient = 34;
constexpr char kCase = 'a';
// Virtual; retries of sessions and offers included.
constexpr absl::Duration kPatience = absl::Minutes(5);
constexpr int kMaxSends = 5;

}  // namespace

MessageLife::MessageLife(std::string dir, std::string victim, std::uint64_t seed)
    : dir_(std::move(dir)), victim_(std::move(victim)), seed_(seed) {
  for (const char* name : {"broker", "node-32", "node-34"}) {
    disks_[name] = std::make_unique<FaultyDisk>();
  }
  world_ = std::make_unique<ExchangeWorld>(std::vector<std::uint32_t>{kSender, kRecipient}, true,
                                           [this](const std::string& name) { return Open(name); });
}

absl::StatusOr<std::unique_ptr<platform::KeyValueStore>> MessageLife::Open(
    const std::string& name) {
  FaultyDisk& disk = *disks_.at(name);
  if (power_ && name == victim_ && !disk.struck().empty()) {
    disk.RestorePower(seed_);
    power_ = false;
  }
  platform::RocksStore::Options options;
  options.dir = absl::StrCat(dir_, "/", name);
  options.env = disk.env();
  return platform::RocksStore::Open(options);
}

void MessageLife::RestartVictim() {
  if (victim_ == "broker") return world_->RestartBroker();
  world_->node(victim_ == "node-32" ? kSender : kRecipient).Crash();
}

LifeResult MessageLife::Live(std::uint64_t n, bool power) {
  // An earlier case, so that stores have tables and the restart has to read.
  SendUntilThere('p');
  world_->Advance(absl::Seconds(1));
  FaultyDisk& disk = *disks_.at(victim_);
  power_ = power;
  if (power) {
    disk.LosePowerAt(n);
  } else {
    disk.FailAt(n);
  }
  RestartVictim();
  SendUntilThere(kCase);
  for (absl::Duration passed; passed < kPatience && !Arrived(kCase); passed += absl::Seconds(10)) {
    world_->Advance(absl::Seconds(10));
  }
  LifeResult result;
  result.struck = disk.struck();
  result.stops = world_->storage_failures;
  result.wrong = Judge();
  result.operations = disk.counts();
  return result;
}

void MessageLife::SendUntilThere(char case_name) {
  for (int sends = 0; sends < kMaxSends; ++sends) {
    v1::NodeMessage found;
    if (Listed(kSender, case_name, true, &found)) return;
    world_->node(kSender).Send(kRecipient, v1::ELIGIBILITY_QUERY, case_name);
    world_->Settle();
  }
  wrong_.push_back("the sender's node does not take the message");
}

bool MessageLife::Listed(std::uint32_t province, char case_name, bool outgoing,
                         v1::NodeMessage* found) {
  const auto messages = world_->node(province).core->ListMessages({});
  // A read that fails is the last of this core; the next group stops it.
  if (!messages.ok()) {
    world_->Settle();
    return false;
  }
  for (const v1::NodeMessage& message : messages->messages()) {
    const bool sent = message.source() == province;
    if (sent == outgoing && message.case_handle() == ExchangeWorld::Handle(case_name).str()) {
      *found = message;
      return true;
    }
  }
  return false;
}

bool MessageLife::Arrived(char case_name) {
  v1::NodeMessage query;
  v1::NodeMessage answer;
  return Listed(kSender, case_name, true, &query) && Listed(kRecipient, case_name, true, &answer) &&
         query.passage() == v1::PASSAGE_RECEIVED && answer.passage() == v1::PASSAGE_RECEIVED;
}

simulation::MessageName MessageLife::NameOf(std::uint32_t source, std::uint32_t destination,
                                            std::uint64_t sequence) const {
  return {source, destination, ExchangeWorld::Handle(kCase).hex(), sequence};
}

void MessageLife::Tell(std::uint32_t source, std::uint32_t destination,
                       simulation::History& history) {
  using Kind = simulation::HistoryEvent::Kind;
  const auto add = [&](Kind kind, std::uint64_t sequence, const std::string& digest_hex) {
    simulation::HistoryEvent event = {};
    event.kind = kind;
    event.message = NameOf(source, destination, sequence);
    event.header_digest_hex = digest_hex;
    history.events.push_back(std::move(event));
  };
  const contract::Hasher& hasher = *world_->lab.algorithms().hasher;
  for (const v1::Envelope& envelope : world_->node(source).sent) {
    v1::Header header;
    if (!header.ParseFromString(envelope.header()) ||
        header.case_handle() != ExchangeWorld::Handle(kCase).str()) {
      continue;
    }
    add(Kind::kMade, header.sequence(), hasher.Hash(envelope.header()).hex());
  }
  v1::NodeMessage received;
  const bool has = Listed(destination, kCase, false, &received);
  const std::string digest =
      has ? contract::Digest::From(received.header_digest()).value_or(contract::Digest()).hex()
          : "none";
  for (const std::string& applied : world_->node(destination).Applied(kCase)) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(applied, '#');
    std::uint64_t sequence = 0;
    if (absl::SimpleAtoi(parts.second, &sequence)) add(Kind::kApplied, sequence, digest);
  }
  v1::NodeMessage sent;
  if (!Listed(source, kCase, true, &sent)) {
    wrong_.push_back(absl::StrCat("what node ", source, " had accepted is gone"));
    return;
  }
  simulation::LastKnown& known = history.last_known[NameOf(source, destination, sent.sequence())];
  if (sent.passage() == v1::PASSAGE_RECEIVED) {
    known = simulation::LastKnown::kReceipted;
    add(Kind::kReceipted, sent.sequence(),
        contract::Digest::From(sent.header_digest()).value_or(contract::Digest()).hex());
  }
  bool accepted = false;
  bool delivered = false;
  const auto named = contract::Digest::From(sent.header_digest());
  for (const v1::TraceStep& step : world_->broker->EvidenceOf(*named)) {
    accepted |= step.event() == v1::TRACE_ACCEPTED;
    delivered |= step.event() == v1::TRACE_DELIVERED;
  }
  if (!accepted || !delivered) {
    wrong_.push_back(absl::StrCat("the broker's log lost a message of ", source));
  }
}

std::vector<std::string> MessageLife::Judge() {
  simulation::History history;
  Tell(kSender, kRecipient, history);
  Tell(kRecipient, kSender, history);
  for (const std::uint32_t province : {kSender, kRecipient}) {
    for (const v1::ErrorReason reason : world_->node(province).security_events) {
      history.security.push_back({province, 0, v1::ErrorReason_Name(reason)});
    }
  }
  std::vector<std::string> wrong = simulation::CheckHistory(history);
  wrong.insert(wrong.end(), wrong_.begin(), wrong_.end());
  if (!Arrived(kCase)) wrong.push_back("message and answer have not both arrived");
  return wrong;
}

}  // namespace yizhan::testing
