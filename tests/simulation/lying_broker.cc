#include "tests/simulation/lying_broker.h"

#include <algorithm>
#include <utility>

#include "protos/contract/control.h"
#include "protos/contract/envelope.h"

namespace yizhan::simulation {
namespace {

constexpr std::size_t kRemembered = 16;

}  // namespace

bool LyingBroker::Lies() { return one_in_ != 0 && dice_.OneIn(one_in_); }

void LyingBroker::Overhear(const v1::Envelope& envelope) {
  absl::StatusOr<contract::ParsedEnvelope> parsed =
      contract::ParseEnvelope(*lab_->algorithms().hasher, envelope);
  if (!parsed.ok()) return;
  overheard_.push_back(contract::MakeMessageRef(*parsed));
  last_seal_digest_ = parsed->seal_digest.str();
  if (overheard_.size() > kRemembered) overheard_.pop_front();
}

void LyingBroker::Flip(std::string& bytes) {
  if (bytes.empty()) return;
  char& byte = bytes[dice_.Below(bytes.size())];
  byte = static_cast<char>(byte ^ static_cast<char>(1 << dice_.Below(8)));
}

void LyingBroker::Alter(v1::Envelope& envelope) {
  Count("lie_alter");
  switch (dice_.Below(4)) {
    case 0:
      return Flip(*envelope.mutable_header());
    case 1:
      return Flip(*envelope.mutable_seal());
    case 2:
      return Flip(*envelope.mutable_body());
    default:
      return Flip(*envelope.mutable_signature()->mutable_root_signature());
  }
}

v1::Control LyingBroker::NewControl() const {
  contract::ControlIssuer issuer;
  issuer.directory_head = lab_->state().head();
  return contract::NewControl(issuer, absl::FromUnixSeconds(1790000000));
}

v1::ControlRecord LyingBroker::Sign(const v1::Control& control) const {
  v1::ControlRecord record;
  record.set_record(control.SerializeAsString());
  const absl::string_view bytes = record.record();
  auto signature = contract::SignOne(lab_->broker_signer(), *lab_->algorithms().hasher,
                                     contract::kControlType, absl::MakeConstSpan(&bytes, 1));
  if (signature.ok()) *record.mutable_signature() = *std::move(signature);
  return record;
}

// "Your message was received", in the recipient's name, by the broker's key.
v1::ControlRecord LyingBroker::ForgedReceipt() {
  Count("lie_forged_receipt");
  v1::Control control = NewControl();
  const v1::MessageRef& message = overheard_[dice_.Below(overheard_.size())];
  *control.mutable_delivery()->mutable_message() = message;
  if (!dice_.OneIn(3)) control.set_issuer(message.destination());
  return Sign(control);
}

// "Your message was not delivered", of the one that was sent last.
v1::ControlRecord LyingBroker::FalseNotice() {
  Count("lie_notice");
  v1::Control control = NewControl();
  *control.mutable_notice()->mutable_message() = overheard_.back();
  control.mutable_notice()->set_seal_digest(last_seal_digest_);
  control.mutable_notice()->set_cause(dice_.OneIn(3) ? v1::NOTICE_EXPIRED : v1::NOTICE_DISCARDED);
  noticed_.insert(overheard_.back().message_id());
  return Sign(control);
}

bool LyingBroker::RefutesNotice(const v1::ControlRecord& record) const {
  v1::Control control;
  return control.ParseFromString(record.record()) && control.has_delivery() &&
         noticed_.contains(control.delivery().message().message_id());
}

void LyingBroker::Swallow(std::uint32_t province, v1::SubmitRequest& frame) {
  auto& items = *frame.mutable_batch()->mutable_items();
  const v1::SubmitItem item = items[items.size() - 1];
  auto parsed = contract::ParseEnvelope(*lab_->algorithms().hasher, item.envelope());
  if (!item.has_envelope() || !parsed.ok() || false_results_.contains(province)) return;
  Count("lie_false_acceptance");
  v1::Control control = NewControl();
  v1::AcceptanceReceipt& acceptance = *control.mutable_acceptance();
  *acceptance.mutable_message() = contract::MakeMessageRef(*parsed);
  acceptance.set_seal_number(parsed->seal.number());
  acceptance.set_mailbox_position(1);
  acceptance.set_log_position(1);
  v1::SubmitResult& result = false_results_[province];
  result.set_tag(item.tag());
  *result.mutable_receipt() = Sign(control);
  items.RemoveLast();
}

void LyingBroker::ForgeLeaf(std::uint32_t province, v1::ControlRecord& acceptance) {
  Count("lie_foreign_leaf");
  const contract::Hasher& hasher = *lab_->algorithms().hasher;
  const v1::MessageRef& message = overheard_.back();
  v1::Control control = NewControl();
  *control.mutable_delivery()->mutable_message() = message;
  control.set_issuer(message.destination());
  v1::ControlRecord& forged = forged_leaves_[province];
  forged.set_record(control.SerializeAsString());
  const contract::Digest leaves[] = {contract::ControlLeaf(hasher, acceptance.record()),
                                     contract::ControlLeaf(hasher, forged.record())};
  auto signatures = contract::SignBatch(lab_->broker_signer(), hasher, leaves);
  if (!signatures.ok()) return;
  *acceptance.mutable_signature() = (*signatures)[0];
  *forged.mutable_signature() = (*signatures)[1];
  forged.mutable_signature()->set_key_id(lab_->signer(message.destination()).key_id().str());
}

std::vector<v1::SubmitRequest> LyingBroker::ToBroker(std::uint32_t province,
                                                     v1::SubmitRequest frame) {
  std::vector<v1::SubmitRequest> out;
  if (frame.has_hello() || !Lies()) {
    out.push_back(std::move(frame));
    return out;
  }
  auto& items = *frame.mutable_batch()->mutable_items();
  switch (dice_.Below(5)) {
    case 0:
      Count("lie_drop");
      return out;
    case 4:
      Swallow(province, frame);
      break;
    case 1:
      Count("lie_again");
      out.push_back(frame);
      break;
    case 2:
      Count("lie_swap");
      std::reverse(items.begin(), items.end());
      break;
    default: {
      v1::SubmitItem& item =
          items[static_cast<int>(dice_.Below(static_cast<std::uint64_t>(items.size())))];
      if (item.has_envelope()) Alter(*item.mutable_envelope());
    }
  }
  out.push_back(std::move(frame));
  return out;
}

std::vector<v1::ReceiveRequest> LyingBroker::ToBroker(std::uint32_t, v1::ReceiveRequest frame) {
  std::vector<v1::ReceiveRequest> out;
  if (frame.has_hello() || !Lies()) {
    out.push_back(std::move(frame));
    return out;
  }
  const auto& receipts = frame.receipts();
  const bool refutes = std::any_of(receipts.begin(), receipts.end(),
                                   [this](const auto& record) { return RefutesNotice(record); });
  if (!receipts.empty() && !refutes) {
    Count("lie_drop");
    frame.clear_receipts();
  }
  out.push_back(std::move(frame));
  return out;
}

std::vector<v1::SubmitResponse> LyingBroker::ToNode(std::uint32_t province,
                                                    v1::SubmitResponse frame) {
  std::vector<v1::SubmitResponse> out;
  const auto promised = false_results_.find(province);
  if (promised != false_results_.end()) {
    *frame.add_results() = promised->second;
    false_results_.erase(promised);
  }
  if (frame.results_size() > 0 && Lies()) {
    v1::SubmitResult& result = *frame.mutable_results(
        static_cast<int>(dice_.Below(static_cast<std::uint64_t>(frame.results_size()))));
    switch (dice_.Below(4)) {
      case 0:
        Count("lie_drop");
        return out;
      case 3:
        if (result.has_receipt() && !overheard_.empty()) {
          ForgeLeaf(province, *result.mutable_receipt());
        }
        break;
      case 1:
        if (!overheard_.empty()) *result.mutable_receipt() = ForgedReceipt();
        break;
      default:
        if (result.has_receipt()) {
          Count("lie_alter");
          Flip(*result.mutable_receipt()->mutable_record());
        }
    }
  }
  out.push_back(std::move(frame));
  return out;
}

v1::DirectoryHead LyingBroker::FalseHead(const v1::DirectoryHead& head) {
  const std::uint64_t size = std::min<std::uint64_t>(head.size(), lab_->entries().size());
  if (size > 2 && dice_.OneIn(2)) {
    Count("lie_rewind");
    return lab_->HeadOf(size - 1 - dice_.Below(size - 2));
  }
  Count("lie_fork");
  v1::DirectoryHead forked = head;
  if (dice_.OneIn(2)) forked.set_size(head.size() + 1);
  Flip(*forked.mutable_digest());
  return forked;
}

void LyingBroker::ToNode(v1::OpenSessionResponse& response) {
  if (Lies()) *response.mutable_directory_head() = FalseHead(response.directory_head());
}

void LyingBroker::ToNode(const v1::FetchEntriesRequest& request,
                         v1::FetchEntriesResponse& response) {
  if (!Lies()) return;
  auto& entries = *response.mutable_entries();
  if (!entries.empty() && dice_.OneIn(2)) {
    Count("lie_rewind");
    entries.RemoveLast();
    *response.mutable_head() =
        lab_->HeadOf(request.from() + static_cast<std::uint64_t>(entries.size()));
    return;
  }
  // In the place of an entry, or after the last one.
  Count("lie_false_entry");
  if (!entries.empty() && dice_.OneIn(2)) entries.RemoveLast();
  *entries.Add() = lab_->MakeFalseMember(dice_.OneIn(2) ? 32 : 34, dice_.OneIn(2));
  response.mutable_head()->set_size(request.from() + static_cast<std::uint64_t>(entries.size()));
}

void LyingBroker::LieAbout(std::uint32_t province, v1::ReceiveResponse& frame) {
  auto& deliveries = *frame.mutable_deliveries();
  switch (dice_.Below(7)) {
    case 6:
      *frame.mutable_directory_head() = FalseHead(lab_->state().head());
      return;
    case 0:
      if (!deliveries.empty()) {
        Count("lie_drop");
        deliveries.RemoveLast();
      }
      return;
    case 1:
      if (!deliveries.empty()) Alter(*deliveries[0].mutable_envelope());
      return;
    case 2:
      if (deliveries.empty()) return;
      Count("lie_swap");  // this one comes after the next frame
      held_back_[province] = deliveries[0];
      deliveries.DeleteSubrange(0, 1);
      return;
    case 3:
      if (overheard_.empty() || frame.controls().empty() ||
          RefutesNotice(frame.controls(0).control())) {
        return;
      }
      *frame.mutable_controls(0)->mutable_control() =
          dice_.OneIn(2) ? ForgedReceipt() : FalseNotice();
      return;
    default:
      if (kept_.empty()) return;
      // Of this province: a repetition. Of another: delivered to the wrong one.
      const v1::ReceiveResponse& old = kept_[dice_.Below(kept_.size())];
      v1::Header header;
      if (!header.ParseFromString(old.deliveries(0).envelope().header())) return;
      Count(header.destination() == province ? "lie_again" : "lie_misroute");
      *frame.add_deliveries() = old.deliveries(0);
  }
}

std::vector<v1::ReceiveResponse> LyingBroker::ToNode(std::uint32_t province,
                                                     v1::ReceiveResponse frame) {
  std::vector<v1::ReceiveResponse> out;
  if (one_in_ != 0 && frame.deliveries_size() > 0) {
    kept_.push_back(frame);
    if (kept_.size() > kRemembered) kept_.pop_front();
  }
  const auto late = held_back_.find(province);
  if (late != held_back_.end()) {
    *frame.add_deliveries() = late->second;
    held_back_.erase(late);
  }
  const auto forged = forged_leaves_.find(province);
  if (forged != forged_leaves_.end() && frame.controls_size() > 0 &&
      !RefutesNotice(frame.controls(0).control())) {
    *frame.mutable_controls(0)->mutable_control() = forged->second;
    forged_leaves_.erase(forged);
  } else if (Lies()) {
    LieAbout(province, frame);
  }
  out.push_back(std::move(frame));
  return out;
}

}  // namespace yizhan::simulation
