#include "province_nodes/linktest/probe.h"

#include "absl/strings/str_cat.h"

namespace yizhan::node {
namespace {

using contract::Digest;

std::string TextOf(const v1::ErrorDetail& error) {
  return absl::StrCat(v1::ErrorReason_Name(error.reason()), ": ", error.what());
}

}  // namespace

void FailWaiting(RunLane& lane, const Digest& header, absl::string_view missing,
                 CaseOutcome& outcome) {
  if (!lane.status().ok()) {
    outcome.Fail(FailedSide::kMine,
                 absl::StrCat("the test lane stopped: ", std::string(lane.status().message())),
                 "see the node's log");
    return;
  }
  if (!lane.core().session().open()) {
    outcome.Fail(FailedSide::kNetwork,
                 absl::StrCat("no session with the broker: ", lane.core().session().last_error()),
                 "check the line to the broker, then run the test again");
    return;
  }
  if (const v1::Control* refusal = lane.journal().FindRefusal(header)) {
    const bool by_broker = refusal->issuer() == 0;
    const std::string why = refusal->has_refusal()
                                ? TextOf(refusal->refusal().error())
                                : absl::StrCat("notice: ", refusal->notice().detail());
    outcome.Fail(by_broker ? FailedSide::kBroker : FailedSide::kTheirs,
                 absl::StrCat("the message was refused: ", why),
                 "remove the cause that the refusal names");
    return;
  }
  if (lane.journal().FindAcceptance(header) == nullptr) {
    outcome.Fail(FailedSide::kBroker,
                 absl::StrCat(missing, " did not come: the broker has not accepted the message"),
                 "ask the broker's operator to trace the message");
    return;
  }
  outcome.Fail(FailedSide::kTheirs,
               absl::StrCat(missing,
                            " did not come: the broker has the message, the peer's node "
                            "has not answered"),
               "ask the peer's engineer whether their node runs and is connected");
}

bool Probe::Make(absl::string_view case_id, const std::vector<Digest>& ask_about) {
  handle_ = contract::RandomFixed<contract::CaseHandle>(lane_.random());
  v1::TestContent content;
  content.set_case_id(std::string(case_id));
  const absl::string_view seed[] = {lane_.run().view(), case_id, handle_.view()};
  content.set_filler(lane_.deps().algorithms.hasher->Hash(seed).str());
  for (const Digest& header : ask_about) content.add_ask_about(header.str());
  content_ = content.SerializeAsString();
  absl::StatusOr<v1::MessageRef> sent = lane_.SendTest(handle_, content);
  const std::optional<Digest> header =
      sent.ok() ? Digest::From(sent->header_digest()) : std::nullopt;
  if (!header) {
    outcome_.Fail(
        FailedSide::kMine,
        absl::StrCat("the message could not be made: ", std::string(sent.status().message())),
        "see the node's log");
    return false;
  }
  header_ = *header;
  return true;
}

bool Probe::WaitForDelivery() {
  const auto arrived = [&] { return lane_.journal().FindDelivery(header_) != nullptr; };
  const auto ended = [&] { return arrived() || lane_.journal().FindRefusal(header_) != nullptr; };
  if (lane_.PumpUntil(ended, bounds_.patience) && arrived()) {
    outcome_.Receipt(*lane_.journal().FindDelivery(header_));
    return true;
  }
  FailWaiting(lane_, header_, "the recipient's receipt", outcome_);
  return false;
}

bool Probe::WaitForAnswer() {
  const auto answer = [&] { return lane_.journal().FindReceived(handle_, v1::TEST_MESSAGE); };
  if (!lane_.PumpUntil([&] { return answer() != nullptr; }, bounds_.patience)) {
    FailWaiting(lane_, header_, "the peer's answer to the test message", outcome_);
    return false;
  }
  return answer_.ParseFromString(answer()->message.payload.test_message().content());
}

const v1::TestSighting* Probe::SightingOf(const Digest& header) const {
  for (const v1::TestSighting& one : answer_.sightings()) {
    if (absl::string_view(one.header_digest()) == header.view()) return &one;
  }
  return nullptr;
}

bool Probe::CheckSeenOnce(const Digest& header, const std::string& content) {
  const v1::TestSighting* seen = SightingOf(header);
  if (seen == nullptr || seen->applied() != 1) {
    outcome_.Fail(FailedSide::kTheirs,
                  absl::StrCat("the peer applied the message ", seen ? seen->applied() : 0,
                               " times instead of once"),
                  "ask the peer's engineer to trace the message in their node");
    return false;
  }
  if (absl::string_view(seen->content_digest()) !=
      lane_.deps().algorithms.hasher->Hash(content).view()) {
    outcome_.Fail(FailedSide::kTheirs, "the peer opened other content than was sent",
                  "compare the builds of both nodes");
    return false;
  }
  if (seen->in_business_store() != 0) {
    outcome_.Fail(FailedSide::kTheirs, "the test message is in the peer's business store",
                  "stop the peer's node: its lanes are not apart");
    return false;
  }
  return true;
}

}  // namespace yizhan::node
