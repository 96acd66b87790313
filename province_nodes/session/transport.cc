#include "province_nodes/session/transport.h"

namespace yizhan::node {

void TappedTransport::SendSubmit(v1::SubmitRequest request) {
  if (!submit_tap_ || !request.has_batch()) {
    next_->SendSubmit(std::move(request));
    return;
  }
  v1::SubmitRequest tapped;
  for (v1::SubmitItem& item : *request.mutable_batch()->mutable_items()) {
    for (v1::SubmitItem& out : submit_tap_(std::move(item))) {
      *tapped.mutable_batch()->add_items() = std::move(out);
    }
  }
  if (tapped.batch().items_size() > 0) next_->SendSubmit(std::move(tapped));
}

void TappedTransport::SendReceive(v1::ReceiveRequest request) {
  if (receive_tap_ && !receive_tap_(request)) return;
  next_->SendReceive(std::move(request));
}

}  // namespace yizhan::node
