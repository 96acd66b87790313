#include "tools/load/load_recipient.h"

#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "adapters/platform/crypto/suite.h"
#include "protos/contract/control.h"
#include "protos/contract/limits.h"
#include "protos/contract/signing.h"

namespace yizhan::tools {

absl::Status LoadRecipient::Open(contract::Random& random) {
  LoadSession::Events events;
  events.on_received = [this](const v1::ReceiveResponse& response) { OnReceived(response); };
  events.on_results = [](const v1::SubmitResponse&) {};
  events.on_lost = [this](const absl::Status& status) {
    platform::MutexLock lock(&mutex_);
    lost_.Update(status);
  };
  auto session = LoadSession::Open(*party_, random, std::move(events));
  if (!session.ok()) return session.status();
  session_ = *std::move(session);
  session_->Start();
  return absl::OkStatus();
}

void LoadRecipient::Begin(std::uint64_t credit_messages) {
  v1::ReceiveRequest credit;
  credit.set_credit_messages(credit_messages);
  credit.set_credit_bytes(contract::kDefaultCreditBytes);
  session_->Receive(std::move(credit));
}

void LoadRecipient::OnReceived(const v1::ReceiveResponse& response) {
  if (response.deliveries().empty()) return;
  const contract::Hasher& hasher = *platform::SmSuite().hasher;
  const absl::Time now = absl::Now();
  v1::ReceiveRequest answer;
  std::vector<contract::Digest> leaves;
  std::uint64_t bytes = 0;
  for (const v1::Delivery& delivery : response.deliveries()) {
    bytes += delivery.envelope().ByteSizeLong();
    const auto parsed = contract::ParseEnvelope(hasher, delivery.envelope());
    if (!parsed.ok()) continue;
    const auto number = NumberOfCase(load_, parsed->header.case_handle());
    if (!number || *number >= book_->count()) continue;
    book_->Delivered(*number);
    v1::Control control = contract::NewControl(session_->issuer(), now);
    *control.mutable_delivery()->mutable_message() = contract::MakeMessageRef(*parsed);
    v1::ControlRecord* record = answer.add_receipts();
    record->set_record(control.SerializeAsString());
    leaves.push_back(contract::ControlLeaf(hasher, record->record()));
  }
  if (!leaves.empty()) {
    auto signatures = contract::SignBatch(*party_->signer, hasher, leaves);
    if (!signatures.ok()) return;
    ++signatures_;
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      *answer.mutable_receipts(static_cast<int>(i))->mutable_signature() =
          std::move((*signatures)[i]);
    }
  }
  answer.set_credit_messages(static_cast<std::uint64_t>(response.deliveries_size()));
  answer.set_credit_bytes(bytes);
  session_->Receive(std::move(answer));
}

absl::Status LoadRecipient::lost() const {
  platform::MutexLock lock(&mutex_);
  return lost_;
}

}  // namespace yizhan::tools
