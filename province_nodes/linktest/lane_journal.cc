#include "province_nodes/linktest/lane_journal.h"

#include "protos/contract/errors.h"

namespace yizhan::node {
namespace {

using contract::CaseHandle;
using contract::Digest;

// Of what a peer can make a lane keep.
constexpr std::size_t kMaxKept = 8192;

template <typename Map, typename Key>
auto Find(const Map& map, const Key& key) -> decltype(&map.begin()->second) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

const LaneJournal::Made* LaneJournal::FindMade(const CaseHandle& handle,
                                               v1::MessageKind kind) const {
  for (const auto& [digest, made] : made_) {
    if (made.header.kind() == kind &&
        absl::string_view(made.header.case_handle()) == handle.view()) {
      return &made;
    }
  }
  return nullptr;
}

const LaneJournal::Received* LaneJournal::FindReceived(const CaseHandle& handle,
                                                       v1::MessageKind kind) const {
  for (const auto& [digest, received] : received_) {
    if (received.message.kind == kind && received.message.case_handle == handle) return &received;
  }
  return nullptr;
}

const LaneJournal::Received* LaneJournal::FindReceived(const Digest& header) const {
  return Find(received_, header);
}

const v1::ControlRecord* LaneJournal::FindAcceptance(const Digest& header) const {
  const Records* records = Find(records_, header);
  return records != nullptr && records->acceptance ? &*records->acceptance : nullptr;
}

const v1::ControlRecord* LaneJournal::FindDelivery(const Digest& header) const {
  const Records* records = Find(records_, header);
  return records != nullptr && records->delivery ? &*records->delivery : nullptr;
}

const v1::Control* LaneJournal::FindRefusal(const Digest& header) const {
  const Records* records = Find(records_, header);
  return records != nullptr && records->refusal ? &*records->refusal : nullptr;
}

const v1::SubmitResult* LaneJournal::FindResult(std::uint64_t tag) const {
  return Find(results_, tag);
}

const v1::CaseView* LaneJournal::FindCase(const CaseHandle& handle, v1::CaseRole role) const {
  return Find(cases_, std::make_pair(handle.str(), static_cast<int>(role)));
}

void LaneJournal::OnCaseChanged(const v1::CaseView& view) {
  cases_[{view.case_handle(), static_cast<int>(view.role())}] = view;
  views.push_back(view);
}

void LaneJournal::OnControl(const v1::ControlRecord& record,
                            const contract::ParsedControl& parsed) {
  if (records_.size() >= kMaxKept) return;
  Records& records = records_[parsed.header_digest];
  switch (parsed.control.kind_case()) {
    case v1::Control::kAcceptance:
      if (!records.acceptance) records.acceptance = record;
      break;
    case v1::Control::kDelivery:
      if (!records.delivery) records.delivery = record;
      break;
    case v1::Control::kRefusal:
    case v1::Control::kNotice:
      records.refusal = parsed.control;
      break;
    default:
      break;
  }
}

void LaneJournal::OnEnvelopeMade(const v1::Envelope& envelope) {
  Made made;
  made.envelope = envelope;
  if (!made.header.ParseFromString(envelope.header())) return;
  made_[hasher_->Hash(envelope.header())] = std::move(made);
}

void LaneJournal::OnApplied(const InboundMessage& message, const v1::ControlRecord& receipt) {
  if (received_.size() >= kMaxKept) return;
  Received& received = received_[message.header_digest];
  received.message = message;
  received.receipt = receipt;
  ++received.applied;
  if (message.kind == v1::TEST_MESSAGE) probes.push_back(message);
}

void LaneJournal::OnUnknownResult(const v1::SubmitResult& result) {
  if (results_.size() < kMaxKept) results_[result.tag()] = result;
}

absl::Status LaneJournal::OnTestMessage(const InboundMessage& message) {
  v1::TestContent content;
  if (content.ParseFromString(message.payload.test_message().content())) return absl::OkStatus();
  return contract::MakeError(v1::PAYLOAD_MALFORMED, v1::SIDE_THEIRS,
                             "the content of a test message does not parse",
                             "use the same suite version on both sides");
}

}  // namespace yizhan::node
